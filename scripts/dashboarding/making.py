"""Makes all saved objects from their one source."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from dashboarding import objects
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.templates import mappings

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "policies/dashboards/dashboards.yaml"
TARGET: Final = ROOT / "policies/dashboards/dashboards.ndjson"
HEIGHTS: Final = {"count": 8, "timeline": 14, "top": 14, "share": 14, "list": 18}
COUNT: Final[objects.Saved] = {"id": "1", "enabled": True, "type": "count", "schema": "metric", "params": {}}


class Board(msgspec.Struct, forbid_unknown_fields=True):
    """One dashboard, as the source says."""

    id: str
    title: str
    description: str
    pattern: str
    rows: list[list[tuple[str, str, str, str | list[str], int]]]


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """The whole source."""

    patterns: dict[str, str]
    dashboards: list[Board]


def read_source() -> Source:
    """Read the source."""
    return msgspec.yaml.decode(SOURCE.read_bytes(), type=Source)


def made(source: Source) -> Iterator[objects.Saved]:
    """Give all objects, those that others refer to first."""
    known = mappings(Names("chaperone"))
    for name, title in source.patterns.items():
        yield objects.index_pattern(name, title, dict(fields_of(known[title])))
    for board in source.dashboards:
        panels = list(_panels(board))
        yield from (panel for panel, _ in panels)
        yield objects.dashboard(f"{objects.PREFIX}{board.id}", board.title, board.description, panels)


def text_of(source: Source) -> str:
    """Give the file to import."""
    lines = (json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in made(source))
    return "".join(f"{line}\n" for line in lines)


def fields_of(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give the name and type of each field of a mapping."""
    for name, described in mapping.get("properties", {}).items():
        path = f"{prefix}{name}"
        if "type" in described:
            yield path, described["type"]
            for inner, kind in described.get("fields", {}).items():
                yield f"{path}.{inner}", kind["type"]
        yield from fields_of(described, f"{path}.")


def _panels(board: Board) -> Iterator[tuple[objects.Saved, objects.Saved]]:
    top, number = 0, 0
    for row in board.rows:
        left = 0
        for kind, title, query, by, width in row:
            name = f"{objects.PREFIX}{board.id}-{number}"
            place = {"x": left, "y": top, "w": width, "h": HEIGHTS[kind]}
            yield _panel(kind, name, title, board.pattern, query, by), place
            left, number = left + width, number + 1
        top += max(HEIGHTS[kind] for kind, *_ in row)


def _panel(kind: str, name: str, title: str, pattern: str, query: str, by: str | list[str]) -> objects.Saved:
    where = f"{objects.PREFIX}{pattern}"
    if isinstance(by, list):
        return objects.search(name, title, where, query, by)
    return objects.visualization(name, title, where, query, STATES[kind](by))


def _count(_: str) -> dict[str, object]:
    style = {"bgColor": False, "labelColor": False, "subText": "", "fontSize": 48}
    metric = {"metricColorMode": "None", "labels": {"show": False}, "style": style}
    return {
        "type": "metric",
        "aggs": [COUNT],
        "params": {"addTooltip": True, "type": "metric", "metric": metric},
    }


def _timeline(by: str) -> dict[str, object]:
    dates = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "drop_partials": False}
    time = {"id": "2", "enabled": True, "type": "date_histogram", "schema": "segment", "params": dates}
    aggregations: list[objects.Saved] = [COUNT, time, _terms("3", by, "group")] if by else [COUNT, time]
    axis = {
        "id": "CategoryAxis-1",
        "type": "category",
        "position": "bottom",
        "show": True,
        "labels": {"show": True},
    }
    values = {
        "id": "ValueAxis-1",
        "name": "LeftAxis-1",
        "type": "value",
        "position": "left",
        "show": True,
        "labels": {"show": True},
        "scale": {"type": "linear", "mode": "normal"},
        "title": {"text": "Count"},
    }
    series = {
        "show": True,
        "type": "histogram",
        "mode": "stacked",
        "data": {"label": "Count", "id": "1"},
        "valueAxis": "ValueAxis-1",
    }
    return {
        "type": "histogram",
        "aggs": aggregations,
        "params": {
            "type": "histogram",
            "addLegend": True,
            "addTooltip": True,
            "legendPosition": "right",
            "categoryAxes": [axis],
            "valueAxes": [values],
            "seriesParams": [series],
        },
    }


def _top(by: str) -> dict[str, object]:
    parameters = {"perPage": 10, "showPartialRows": False, "showTotal": False, "totalFunc": "sum"}
    return {"type": "table", "aggs": [COUNT, _terms("2", by, "bucket")], "params": parameters}


def _share(by: str) -> dict[str, object]:
    parameters = {
        "type": "pie",
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "isDonut": True,
    }
    return {"type": "pie", "aggs": [COUNT, _terms("2", by, "segment")], "params": parameters}


def _terms(number: str, field: str, schema: str) -> dict[str, object]:
    parameters = {"field": field, "orderBy": "1", "order": "desc", "size": 10, "otherBucket": True}
    return {"id": number, "enabled": True, "type": "terms", "schema": schema, "params": parameters}


STATES: Final = {"count": _count, "timeline": _timeline, "top": _top, "share": _share}
