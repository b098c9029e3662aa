"""The saved objects are what their source makes, and nothing in them leads nowhere."""

import json
import re
from typing import Any

import pytest
from dashboarding.making import TARGET, fields_of, made, read_source, text_of

from webhook.journal.events import Kind, Outcome
from webhook.store.contract import Phase
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.templates import mappings

OBJECTS: list[dict[str, Any]] = [json.loads(line) for line in TARGET.read_text().splitlines()]
BY_ID = {(one["type"], one["id"]): one for one in OBJECTS}
PATTERNS = {one["id"]: one["attributes"]["title"] for one in OBJECTS if one["type"] == "index-pattern"}
MAPPED = {title: dict(fields_of(mapping)) for title, mapping in mappings(Names("chaperone")).items()}
VALUES = {
    "event.action": {kind.value for kind in Kind},
    "event.outcome": {outcome.value for outcome in Outcome},
    "event.category": {"session"},
    "chaperone.phase": {phase.value for phase in Phase},
}
named = pytest.mark.parametrize("saved", OBJECTS, ids=lambda one: one["id"])


def test_the_file_is_what_the_source_makes() -> None:
    assert TARGET.read_text() == text_of(read_source())
    assert len(BY_ID) == len(OBJECTS) == len(list(made(read_source())))


def test_there_is_a_dashboard_for_each_question() -> None:
    boards = {one["id"] for one in OBJECTS if one["type"] == "dashboard"}
    assert boards == {
        f"chaperone-{name}" for name in ("sessions", "findings", "approvals", "denials", "coverage")
    }


@named
def test_an_object_has_the_saved_form(saved: dict[str, Any]) -> None:
    assert set(saved) == {"id", "type", "attributes", "references", "migrationVersion"}
    assert set(saved["migrationVersion"]) == {saved["type"]}
    assert saved["attributes"]["title"]
    for name, value in saved["attributes"].items():
        if name.endswith("JSON") or name in {"visState", "fields"}:
            json.loads(value)


@named
def test_references_lead_somewhere_and_are_used(saved: dict[str, Any]) -> None:
    names = [reference["name"] for reference in saved["references"]]
    assert len(names) == len(set(names))
    for reference in saved["references"]:
        assert (reference["type"], reference["id"]) in BY_ID
    text = json.dumps(saved["attributes"])
    if saved["type"] != "index-pattern":
        assert all(name in text for name in names)


@named
def test_every_field_is_in_our_mapping(saved: dict[str, Any]) -> None:
    if saved["type"] not in {"visualization", "search"}:
        return
    fields = MAPPED[PATTERNS[saved["references"][0]["id"]]]
    attributes = saved["attributes"]
    used = set(attributes.get("columns", []))
    for aggregation in json.loads(attributes.get("visState", '{"aggs":[]}'))["aggs"]:
        field = aggregation["params"].get("field")
        if field:
            assert fields[field] in {"keyword", "date", "long"}, field
            used.add(field)
    query = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
    for field, value in re.findall(r"([@\w.]+)\s*(?::|>)\s*([\w*-]+)", query):
        used.add(field)
        if field in VALUES and not value.endswith("*"):
            assert value in VALUES[field], value
        if value.endswith("-*"):
            assert any(known.startswith(value[:-1]) for known in VALUES[field]), value
    assert used <= set(fields), used - set(fields)


@named
def test_panels_fill_their_rows_and_do_not_overlap(saved: dict[str, Any]) -> None:
    if saved["type"] != "dashboard":
        return
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(saved["attributes"]["panelsJSON"]):
        place = panel["gridData"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
        assert max(x for x, _ in cells) < 48
        assert panel["panelRefName"] in {reference["name"] for reference in saved["references"]}


@named
def test_index_patterns_know_the_fields(saved: dict[str, Any]) -> None:
    if saved["type"] != "index-pattern":
        return
    attributes = saved["attributes"]
    described = {field["name"] for field in json.loads(attributes["fields"])}
    mapped = {name for name, kind in MAPPED[attributes["title"]].items() if kind != "binary"}
    assert described == mapped
    assert attributes["timeFieldName"] == "@timestamp"
