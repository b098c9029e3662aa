"""Whatever is posted to a door, it answers 400 or a judgement, and never lets anything through unrecorded."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_samples import policies, policy, rule
from reviews import (
    Object,
    attach_door,
    body,
    connection_door,
    ephemeral_door,
    exec_door,
    injected,
    object_door,
    plain_pod,
    pod_door,
)

from webhook.admission import review
from webhook.admission.review import Answer, MalformedReviewError
from webhook.server.doors import Door

POD = anyio.run(injected, plain_pod({"name": "app", "image": "i"}, {"name": "b", "image": "i"}))
PLAIN = plain_pod({"name": "app", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/x"}]})
EXEC = json.loads(
    body(
        {"command": ["sh", "-c", "id"], "container": "app", "tty": True},
        operation="CONNECT",
        subresource="exec",
    )
)
CREATE = json.loads(body(PLAIN, operation="CREATE"))

REFUSING = policies(policy(rule("deny", match={"changed": True})))
OBJECTS = object_door(REFUSING)
CONNECTIONS = connection_door(REFUSING)
HEAD = {"apiVersion": "v1", "kind": "Secret"}
CHANGE = json.loads(
    body(
        {**HEAD, "metadata": {"name": "db", "labels": {"a": "b"}}, "data": {"password": "aHVudGVyMg=="}},
        operation="UPDATE",
        name="db",
        kind={"group": "", "version": "v1", "kind": "Secret"},
        resource={"group": "", "version": "v1", "resource": "secrets"},
        oldObject={**HEAD, "metadata": {"name": "db"}, "data": {"password": "aHVudGVyMQ=="}},
    )
)
CONNECT = json.loads(body({"ports": [5432]}, operation="CONNECT", subresource="portforward"))

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("/.chaperone/shim")
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
FEW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutations(draw: st.DrawFn, review: Object) -> bytes:
    """A review with some of its values replaced by others."""
    mutated = copy.deepcopy(review)
    for _ in range(draw(st.integers(1, 4))):
        parent, key = draw(st.sampled_from(list(places(mutated))))
        parent[key] = draw(JSON)
    return json.dumps(mutated).encode(errors="surrogatepass")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as its parent and the key there."""
    if hasattr(value, "items"):
        children = value.items()
    else:
        children = enumerate(value) if hasattr(value, "append") else ()
    for key, child in children:
        yield value, key
        yield from places(child)


def judge(door: Door, data: bytes) -> tuple[review.Request, Answer] | None:
    """Give a door's answer; None stands for HTTP 400."""
    try:
        request = review.decode_review(data)
        answer = anyio.run(door.review, request)
    except MalformedReviewError:
        return None
    review.encode_answer(request.uid, answer)
    return request, answer


def patch_of(answer: Answer) -> list[Object]:
    encoded = json.loads(review.encode_answer("u", answer))["response"]
    return json.loads(base64.b64decode(encoded["patch"])) if "patch" in encoded else []


@FEW
@given(mutations(EXEC))
def test_exec_is_rewritten_or_refused(data: bytes) -> None:
    judged = judge(exec_door(POD), data)
    if judged is None or not judged[1].allowed:
        return
    [step] = patch_of(judged[1])
    assert step["path"] == "/command"
    command = msgspec.json.decode(judged[0].object)["command"]
    assert step["value"][0] == "/.chaperone/shim"
    assert step["value"][2:] == ["--", *command]


@FEW
@given(mutations(CREATE))
def test_a_pod_gets_a_recorder_or_is_refused(data: bytes) -> None:
    judged = judge(pod_door(), data)
    if judged is None or not judged[1].allowed or judged[0].namespace == "kube-system":
        return
    [recorder] = [step for step in patch_of(judged[1]) if step["path"] == "/spec/initContainers/0"]
    assert recorder["value"]["name"] == "chaperone-recorder"


@FEW
@given(mutations(CHANGE))
def test_a_change_passes_only_where_nothing_of_substance_changes(data: bytes) -> None:
    judged = judge(OBJECTS, data)
    if judged is None or not judged[1].allowed:
        return
    request = judged[0]
    old, new = (msgspec.json.decode(raw) for raw in (request.old_object, request.object))
    is_left_alone = request.namespace == "kube-system" or request.user_info.username.startswith("system:")
    assert is_left_alone or request.operation.value == "UPDATE"
    assert is_left_alone or request.resource.resource != "secrets" or old.get("data") == new.get("data")


@FEW
@given(mutations(CONNECT))
def test_no_connection_passes_a_rule_that_denies_it(data: bytes) -> None:
    judged = judge(CONNECTIONS, data)
    assert judged is None or not judged[1].allowed or judged[0].user_info.username.startswith("system:")


@FEW
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode(errors="surrogatepass")))
@pytest.mark.parametrize(
    "door", [exec_door(POD), pod_door(), attach_door(POD), ephemeral_door(), OBJECTS, CONNECTIONS]
)
def test_nonsense_is_malformed(door: Door, data: bytes) -> None:
    assert judge(door, data) is None


def debugging(**fields: Any) -> Any:
    added = {"name": "debugger", "image": "busybox", "stdin": True, **fields}
    after = {**POD, "spec": {**POD["spec"], "ephemeralContainers": [added]}}
    return json.loads(
        body(after, operation="UPDATE", subresource="ephemeralcontainers", oldObject=POD, name="web")
    )


ATTACH = json.loads(body({"stdin": True}, operation="CONNECT", subresource="attach", name="web"))
DEBUG = debugging(securityContext={"privileged": True}, volumeMounts=[{"name": "v", "mountPath": "/v"}])


@FEW
@given(mutations(ATTACH))
def test_nobody_attaches_unrecorded(data: bytes) -> None:
    judged = judge(attach_door(POD), data)
    assert judged is None or not judged[1].allowed


@FEW
@given(mutations(DEBUG))
def test_no_debug_container_comes_in_unrecorded(data: bytes) -> None:
    judged = judge(ephemeral_door(), data)
    if judged is None or not judged[1].allowed:
        return
    old, new = (msgspec.json.decode(raw) for raw in (judged[0].old_object, judged[0].object))
    assert all(container in ephemeral(old) for container in ephemeral(new))


def ephemeral(pod: Any) -> list[Object]:
    spec: Object = pod.get("spec") or {}
    return spec.get("ephemeralContainers") or []
