"""Card data in objects: found in values and in what names them, told by place, and kept nowhere."""

import json
from typing import Any

import pytest
from approvals import MemoryTickets, approving
from default_pack import PACK, asked, secret
from reviews import Object, object_door, object_request

from webhook.approvals.objects import ApprovalRequest

pytestmark = pytest.mark.anyio
NUMBER = "4111111111111111"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def config(data: Object | None = None, **metadata: Any) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": "c", "uid": "u-1", **metadata}, "data": data or {}}


async def made(after: Object, before: Object | None = None, kind: str = "ConfigMap") -> ApprovalRequest:
    """Give the approval request that a change makes."""
    tickets = MemoryTickets()
    plural = f"{kind.lower()}s"
    request = object_request(kind, plural, after, before, name=after["metadata"].get("name", ""))
    assert await asked(request, asking=approving(tickets)) in {"card-data", "secret-values"}
    [ticket] = tickets.kept.values()
    return ticket


NOTES: dict[str, Object] = {
    "label": {"labels": {"card": NUMBER}},
    "key of a label": {"labels": {NUMBER: "x"}},
    "annotation": {"annotations": {"note": f"pay with {NUMBER}"}},
    "key of an annotation": {"annotations": {f"example.com/{NUMBER}": ""}},
    "copy of kubectl": {"annotations": {APPLIED: json.dumps({"data": {"a": NUMBER}})}},
    "finalizer": {"finalizers": [f"example.com/{NUMBER}"]},
    "name": {"name": f"c-{NUMBER}"},
    "beginning of a name": {"name": "", "generateName": f"c-{NUMBER}-"},
}


@pytest.mark.parametrize("where", NOTES)
async def test_card_data_in_the_metadata_is_asked_for(where: str) -> None:
    ticket = await made(config(**NOTES[where]))
    assert "/metadata" in ticket.spec.shown
    assert NUMBER not in repr(json.loads(ticket.spec.shown)) + ticket.spec.asked + ticket.spec.target.name
    of_secret = await made(secret({}, **NOTES[where]), kind="Secret")
    assert json.loads(of_secret.spec.shown)["cardData"]
    assert NUMBER not in repr(of_secret)


@pytest.mark.parametrize("where", ["label", "key of an annotation", "copy of kubectl", "finalizer"])
async def test_a_change_that_writes_it_is_asked_for_and_one_that_keeps_it_is_not(where: str) -> None:
    note = NOTES[where]
    await made(config(**note), config())
    kept = config(resourceVersion="8", **{**note, "labels": {**note.get("labels", {}), "a": "b"}})
    assert not await asked(object_request("ConfigMap", "configmaps", kept, config(**note)))
    assert not await asked(object_request("ConfigMap", "configmaps", config(), config(**note)))
    assert not await asked(object_request("ConfigMap", "configmaps", None, config(**note)))


@pytest.mark.parametrize(
    ("kind", "resource", "body"),
    [
        ("Deployment", "deployments.apps", {"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}),
        ("Role", "roles.rbac.authorization.k8s.io", {"rules": []}),
        ("RoleBinding", "rolebindings.rbac.authorization.k8s.io", {"roleRef": {"kind": "Role", "name": "r"}}),
        ("Namespace", "namespaces", {}),
    ],
)
async def test_metadata_of_other_objects_is_looked_at(kind: str, resource: str, body: Object) -> None:
    before = {"kind": kind, "metadata": {"name": "a"}, **body}
    after = {**before, "metadata": {"name": "a", "annotations": {"note": NUMBER}}}
    assert await asked(object_request(kind, resource, after, before, name="a")) == "card-data"
    assert not await asked(object_request(kind, resource, before, after, name="a"))


async def test_a_workload_is_looked_through() -> None:
    variable = {"name": "a", "env": [{"name": "CARD", "value": NUMBER}]}
    workload = {
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [variable]}}},
    }
    assert await asked(object_request("Deployment", "deployments.apps", workload)) == "card-data"


async def test_numbers_that_servers_make_are_no_card_data() -> None:
    owner = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "o",
        "uid": f"01234567-89ab-cdef-0123-{NUMBER[:12]}",
    }
    stamped = config(
        uid=NUMBER,
        resourceVersion=NUMBER,
        ownerReferences=[owner],
        managedFields=[{"fieldsV1": {f"f:{NUMBER}": {}}}],
    )
    assert not await asked(object_request("ConfigMap", "configmaps", stamped))


async def test_a_key_that_is_a_number_is_masked_in_the_path() -> None:
    ticket = await made(config({NUMBER: NUMBER}))
    assert "/data/411111" in ticket.spec.shown
    assert NUMBER not in ticket.spec.shown


async def test_other_card_data_in_the_same_place_is_another_request() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))
    for applied in (NUMBER, "5555555555554444", NUMBER):
        after = config(annotations={APPLIED: applied})
        await door.review(object_request("ConfigMap", "configmaps", after, config(), name="c"))
    assert len(tickets.kept) == 2


async def test_names_that_differ_in_masked_digits_are_different_requests() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))
    for number in (NUMBER, "4111110000001111"[:12] + "1115"):
        after = config({"card": NUMBER}, name=f"c-{number}")
        await door.review(object_request("ConfigMap", "configmaps", after, name=f"c-{number}"))
    assert len(tickets.kept) == 2
    assert not [ticket for ticket in tickets.kept.values() if NUMBER in repr(ticket)]
