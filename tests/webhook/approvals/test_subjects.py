"""What an approval of a change is bound to, and what is shown of it."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_samples import question

from webhook.approvals.showing import show_object
from webhook.approvals.subjects import Change, Subject, connect_subject, made_up_name, object_subject
from webhook.policy.decision import Door, Operation

Object = dict[str, Any]
NAMES = st.text(alphabet="abcdefghij-.", min_size=1, max_size=8)
VALUES = st.recursive(
    st.text(max_size=6) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
)
OBJECTS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"name": NAMES, "labels": st.dictionaries(NAMES, NAMES, max_size=2)}
        ),
        "data": st.dictionaries(NAMES, st.text(max_size=6), max_size=3),
        "spec": VALUES,
    }
)
SERVER_SET = ("resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")


def subject(
    before: Object | None, after: Object | None, door: Door = Door.SECRET, kind: str = "Secret"
) -> Subject:
    operation = (
        Operation.CREATE if before is None else Operation.DELETE if after is None else Operation.UPDATE
    )
    name = str((after or before or {})["metadata"].get("name", ""))
    change = Change(
        door=door, operation=operation, kind=kind, resource="secrets", name=name, before=before, after=after
    )
    return object_subject(change, question(door=door, operation=operation, name=name))


def flipped(value: Any, data: st.DataObject) -> Any:
    """Give a value with one part of it changed."""
    if hasattr(value, "items") and value:
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: flipped(value[key], data)}
    if hasattr(value, "append") and value:
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], flipped(value[index], data), *value[index + 1 :]]
    return f"{value}x" if isinstance(value, str) else "changed"


@given(OBJECTS, OBJECTS, st.data())
def test_one_change_of_what_would_be_is_another_action(
    before: Object, after: Object, data: st.DataObject
) -> None:
    other = flipped(after, data)
    assert subject(before, after).digested != subject(before, other).digested
    assert subject(None, after).digested != subject(None, other).digested


@given(OBJECTS, OBJECTS, st.data())
def test_an_approval_is_for_the_object_that_was_shown(
    before: Object, after: Object, data: st.DataObject
) -> None:
    other = {**before, "data": flipped({"key": "value", **before["data"]}, data)}
    assert subject(before, after).digested != subject(other, after).digested
    assert subject(before, None).digested != subject(other, None).digested
    recreated = copy.deepcopy(before)
    recreated["metadata"]["uid"] = "another"
    assert subject(before, None).digested != subject(recreated, None).digested


@given(OBJECTS, OBJECTS, st.dictionaries(st.sampled_from(SERVER_SET), NAMES), NAMES)
def test_what_servers_set_changes_nothing(before: Object, after: Object, stamps: Object, note: str) -> None:
    def stamped(found: Object) -> Object:
        copied = copy.deepcopy(found)
        copied["metadata"] |= stamps
        copied["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": note}
        return {**copied, "status": {"phase": note}}

    plain, other = subject(before, after), subject(stamped(before), stamped(after))
    assert (plain.digested, plain.state, plain.shown) == (other.digested, other.state, other.shown)
    assert other.target.resource_version == stamps.get("resourceVersion", "")


@given(OBJECTS, OBJECTS, NAMES)
def test_what_does_not_count_may_change_meanwhile_where_it_is_left_as_it_is(
    before: Object, after: Object, note: str
) -> None:
    """A label that somebody else adds is in both; taking it away again is another change."""

    def labelled(found: Object) -> Object:
        copied = copy.deepcopy(found)
        copied["metadata"]["labels"]["others"] = note
        return copied

    once, later = subject(before, after), subject(labelled(before), labelled(after))
    assert (once.digested, once.state) == (later.digested, later.state)
    assert subject(before, None).digested == subject(labelled(before), None).digested
    assert subject(labelled(before), after).digested != once.digested


def test_a_name_the_server_makes_up_is_not_bound_and_a_chosen_one_is() -> None:
    def made(name: str) -> Subject:
        found = {"metadata": {"generateName": "db-", "name": name}}
        change = Change(
            door=Door.SECRET,
            operation=Operation.CREATE,
            kind="Secret",
            resource="secrets",
            name=made_up_name(found) or name,
            after=found,
        )
        return object_subject(change, question(name=name))

    assert made("db-x7k2p") == made("db-q9w4m") == made("")
    assert made("db-x7k2p") != made("other")
    assert made("db-longer-than-five") != made("db-x7k2p")


SECRET = st.dictionaries(
    NAMES, st.text(alphabet="QRSTUVWX", min_size=12, max_size=24), min_size=1, max_size=3
)


@given(SECRET, SECRET, st.sampled_from(["stringData", "data"]))
def test_values_are_never_shown(old: dict[str, str], new: dict[str, str], field: str) -> None:
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(new), "own": json.dumps(old)}
    before = {"metadata": {"name": "s", "annotations": note}, field: old}
    after = {"metadata": {"name": "s", "annotations": {**note, "own": "x"}}, field: new}
    for pair in ((before, after), (None, after), (before, None)):
        shown = msgspec.json.encode(show_object("Secret", *pair)).decode()
        assert not any(value in shown for value in (*old.values(), *new.values()))
        assert all(key in shown for key in (new if pair[1] else old))


def test_what_changes_of_others_is_shown_without_variables() -> None:
    def deployment(image: str, word: str) -> Object:
        env = [{"name": "WORD", "value": word}]
        containers = [{"name": "a", "image": image, "env": env}]
        return {
            "metadata": {"annotations": {"n": word}},
            "spec": {"template": {"spec": {"containers": containers}}},
        }

    shown = show_object("Deployment", deployment("one", "hunter1"), deployment("two", "hunter2"))
    assert "hunter" not in json.dumps(shown)
    assert shown["changes"] == {
        "metadata.annotations.n": {"before": "(not shown)", "after": "(not shown)"},
        "spec.template.spec.containers[0].env[0].value": {"before": "(not shown)", "after": "(not shown)"},
        "spec.template.spec.containers[0].image": {"before": "one", "after": "two"},
    }


def probed(word: str, probe: str) -> Object:
    headers = [{"name": "Authorization", "value": word}]
    asking = {"httpGet": {"path": "/", "httpHeaders": headers}}
    asking = {"postStart": asking} if probe == "lifecycle" else asking
    return {"spec": {"template": {"spec": {"containers": [{"name": "a", probe: asking}]}}}}


@pytest.mark.parametrize("probe", ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"])
def test_headers_of_probes_are_shown_by_name_only(probe: str) -> None:
    one, other = probed("hunter1", probe), probed("hunter2", probe)
    bare: Object = {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}
    for pair in ((one, other), (None, one), (one, None), (bare, one), (one, bare)):
        shown = json.dumps(show_object("Deployment", *pair))
        assert "hunter" not in shown
        assert "(not shown)" in shown
    [path] = show_object("Deployment", one, other)["changes"]
    assert path.endswith("httpGet.httpHeaders[0].value")
    pod = Change(door=Door.POD, operation=Operation.CREATE, kind="Pod", resource="pods", name="a", after=one)
    assert "hunter" not in object_subject(pod, question(name="a")).shown


def test_a_value_that_is_none_of_a_variable_is_shown() -> None:
    shown = show_object("PriorityClass", {"value": 1}, {"value": 2})
    assert shown["changes"] == {"value": {"before": 1, "after": 2}}


@pytest.mark.parametrize("field", ["spec", "data"])
def test_many_changes_are_cut_short(field: str) -> None:
    before = {field: {f"k{n}": n for n in range(500)}}
    shown = show_object("Deployment", before, {field: {}})
    assert len(shown["changes"]) == 201


def test_connections_differ_by_everything_that_is_said() -> None:
    def digest(name: str = "web", resource: str = "pods/portforward", **options: Any) -> bytes:
        raw = msgspec.Raw(msgspec.json.encode(options))
        return connect_subject(question(name=name), resource, name, raw).digested

    others = [
        digest("db"),
        digest(ports=[1]),
        digest(ports=[1, 2]),
        digest(path="x"),
        digest(resource="pods/proxy"),
    ]
    assert len({digest(), *others}) == len(others) + 1
    assert digest() == digest(kind="PodPortForwardOptions", apiVersion="v1")
