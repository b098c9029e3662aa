"""Whether what an approval was asked for is still what was shown."""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from approvals import HOME, KEY, NOW, TERMS, needed
from policy_samples import BUILTIN, question

from webhook.admission.lookup import NotPermittedError
from webhook.admission.pods import Pod
from webhook.admission.targets import Targets, place
from webhook.approvals.asking import ticket as make
from webhook.approvals.asking import wish
from webhook.approvals.objects import ApprovalRequest, Target
from webhook.approvals.subjects import Change, exec_subject, object_subject
from webhook.policy.decision import Door, Operation

pytestmark = pytest.mark.anyio
Object = dict[str, Any]
Edit = Callable[[Object], object]
SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "payments", "uid": "u-1", "resourceVersion": "7"},
    "data": {"password": "c3Vubnk="},
    "type": "Opaque",
}


class OnePod:
    """Finds one pod, or none."""

    def __init__(self, pod: Pod | None) -> None:
        self._pod = pod

    async def find(self, namespace: str, name: str) -> Pod | None:
        return self._pod


class OneObject:
    """Finds one object, or none, or may not look."""

    def __init__(self, found: Object | Exception | None) -> None:
        self._found = found

    async def find(self, resource: str, namespace: str, name: str) -> Object | None:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def targets(found: Object | Exception | None, pod: Pod | None = None, key: bytes = KEY) -> Targets:
    return Targets(OnePod(pod), OneObject(found), lambda: key)


def asked_of(before: Object, after: Object | None, door: Door = Door.SECRET) -> ApprovalRequest:
    """Give the request for a change or removal of an object."""
    operation = Operation.DELETE if after is None else Operation.UPDATE
    change = Change(
        door=door,
        operation=operation,
        kind=before["kind"],
        resource="secrets" if door is Door.SECRET else "deployments.apps",
        name="s",
        before=before,
        after=after,
    )
    asked = question(door=door, operation=operation, name="s", namespace="payments")
    wanted = wish(asked, needed(BUILTIN), object_subject(change, asked), KEY, home=HOME)
    return make(wanted, 1, asked="change of Secret s", argv=(), shown="", terms=TERMS, now=NOW)


def with_(found: Object, change: Edit) -> Object:
    copied = copy.deepcopy(found)
    change(copied)
    return copied


AFTER = with_(SECRET, lambda s: s["data"].update(password="cmFpbnk="))


HARMLESS: dict[str, Edit] = {
    "label": lambda s: s["metadata"].update(labels={"a": "b"}, resourceVersion="9"),
    "annotation": lambda s: s["metadata"].update(annotations={"a": "b"}, managedFields=[{"manager": "x"}]),
    "status": lambda s: s.update(status={"phase": "x"}),
}
HARM: dict[str, Edit] = {
    "value": lambda s: s["data"].update(password="d2luZHk="),
    "key": lambda s: s["data"].update(more="eA=="),
    "finalizer": lambda s: s["metadata"].update(finalizers=["x"]),
}


@pytest.mark.parametrize("after", [AFTER, None], ids=["change", "removal"])
@pytest.mark.parametrize("harmless", HARMLESS)
async def test_what_does_not_count_makes_nothing_void(after: Object | None, harmless: str) -> None:
    ticket = asked_of(SECRET, after)
    assert await targets(SECRET).change(ticket) == ""
    assert await targets(with_(SECRET, HARMLESS[harmless])).change(ticket) == ""


@pytest.mark.parametrize("after", [AFTER, None], ids=["change", "removal"])
@pytest.mark.parametrize("harm", HARM)
async def test_what_counts_is_told_without_values(after: Object | None, harm: str) -> None:
    changed = with_(with_(SECRET, HARM[harm]), lambda s: s["metadata"].update(resourceVersion="9"))
    why = await targets(changed).change(asked_of(SECRET, after))
    assert why == (
        "secrets payments/s has changed since it was asked, so that it is not what was shown any more"
        " (resourceVersion 7 then, 9 now)"
    )


async def test_what_was_made_anew_is_told() -> None:
    anew = with_(SECRET, lambda s: s["metadata"].update(uid="u-2"))
    assert "was made anew since it was asked" in await targets(anew).change(asked_of(SECRET, AFTER))


async def test_the_number_of_replicas_makes_nothing_void_and_another_image_does() -> None:
    spec: Object = {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "one"}]}}}
    metadata = {"name": "s", "namespace": "payments", "uid": "u-1"}
    before = {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"replicas": 1}}
    container = spec["template"]["spec"]["containers"][0]
    ticket = asked_of(before, {**before, "spec": {**spec, "paused": True}}, Door.WORKLOAD)
    assert await targets({**before, "spec": {**spec, "replicas": 5}}).change(ticket) == ""
    template = {"spec": {"containers": [{**container, "image": "two"}]}}
    assert "changed" in await targets({**before, "spec": {**spec, "template": template}}).change(ticket)


async def test_what_is_gone_or_bound_by_another_key_is_told() -> None:
    ticket = asked_of(SECRET, AFTER)
    assert "secrets payments/s, for which it was asked, is gone" in await targets(None).change(ticket)
    assert "key that binds approvals" in await targets(SECRET, key=b"k" * 32).change(ticket)


async def test_where_nobody_may_look_that_is_said() -> None:
    with pytest.raises(NotPermittedError):
        await targets(NotPermittedError("may not")).change(asked_of(SECRET, AFTER))


async def test_a_session_is_for_the_pod_it_was_asked_for() -> None:
    asked = question(door=Door.EXEC, operation=Operation.CONNECT, name="web", namespace="payments")
    wanted = wish(asked, needed(BUILTIN), exec_subject(asked, "uid-1"), KEY, home=HOME)
    ticket = make(wanted, 1, asked="exec", argv=(), shown="", terms=TERMS, now=NOW)

    def pod(uid: str) -> Pod:
        return msgspec.convert({"metadata": {"name": "web", "uid": uid}, "spec": {"containers": []}}, Pod)

    assert await targets(None, pod("uid-1")).change(ticket) == ""
    assert "made anew" in await targets(None, pod("uid-2")).change(ticket)
    assert "is gone" in await targets(None).change(ticket)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("secrets", ("secrets", "here")),
        ("deployments.apps", ("deployments.apps", "here")),
        ("deployments.apps/scale", ("deployments.apps/scale", "here")),
        ("namespaces/finalize", ("namespaces", "")),
        ("clusterroles.rbac.authorization.k8s.io", ("clusterroles.rbac.authorization.k8s.io", "")),
    ],
)
def test_where_an_object_is_found(resource: str, expected: tuple[str, str]) -> None:
    assert place(Target(resource=resource, name="n"), "here") == expected


async def test_what_has_card_data_in_its_name_is_not_looked_up() -> None:
    ticket = asked_of(SECRET, AFTER)
    target = msgspec.structs.replace(ticket.spec.target, name="c-411111******1111")
    ticket = msgspec.structs.replace(ticket, spec=msgspec.structs.replace(ticket.spec, target=target))
    with pytest.raises(NotPermittedError, match="holds card data"):
        await targets(None).change(ticket)
