"""The doors of objects, under the default pack: what is asked, and of whom nothing is."""

import base64
import json
from typing import Any

import pytest
from approvals import MemoryTickets, approving
from default_pack import PACK, asked, secret
from reviews import Object, Roles, object_door, object_request

from webhook.admission.review import Answer, MalformedReviewError, Request

pytestmark = pytest.mark.anyio
CARD = "4111 1111 1111 1111"
GONE = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "u-9"}
SERVER_SET: Object = {"uid": "u-1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}


async def test_values_of_secrets_are_asked_for_and_nothing_else_of_them() -> None:
    before = secret({"password": "hunter2"}, **SERVER_SET)
    again = secret({"password": "hunter2"}, **{**SERVER_SET, "resourceVersion": "8", "managedFields": [{}]})
    for after, old, rule_name in (
        (before, None, "secret-values"),
        (None, before, "secret-values"),
        (secret({"password": "hunter3"}, **SERVER_SET), before, "secret-values"),
        (secret({}, **SERVER_SET), before, "secret-values"),
        (again, before, ""),
        (secret({"password": "hunter2"}, labels={"a": "b"}, **SERVER_SET), before, ""),
        (secret({"password": "hunter2"}, annotations={"a": "b"}, **SERVER_SET), before, ""),
        (
            secret(
                {"password": "hunter2"}, annotations={"kubernetes.io/service-account.name": "x"}, **SERVER_SET
            ),
            before,
            "secret-values",
        ),
        (
            secret({"password": "hunter2"}, ownerReferences=[GONE], **SERVER_SET),
            before,
            "secret-values",
        ),
        ({**before, "immutable": True}, before, "secret-values"),
        ({**before, "type": "other"}, before, "secret-values"),
    ):
        assert await asked(object_request("Secret", "secrets", after, old, name="db")) == rule_name


async def test_card_data_is_found_wherever_it_is_and_said_by_place() -> None:
    def config(**data: str) -> Object:
        return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}

    tickets = MemoryTickets()
    request = object_request("ConfigMap", "configmaps", config(note=f"pay {CARD}", other="x"))
    assert await asked(request, asking=approving(tickets)) == "card-data"
    [made] = tickets.kept.values()
    assert "/data/note: pan" in made.spec.shown
    assert "1111 1111" not in made.spec.shown
    assert not await asked(object_request("ConfigMap", "configmaps", config(note="nothing")))
    labelled = {**config(note=CARD), "metadata": {"name": "c", "labels": {"a": "b"}}}
    assert not await asked(object_request("ConfigMap", "configmaps", labelled, config(note=CARD)))
    large = config(note="x" * 100_000, card=CARD)
    assert await asked(object_request("ConfigMap", "configmaps", large)) == "card-data"


async def test_values_of_secrets_are_shown_to_nobody() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))
    annotated = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": {"a": "hunter2"}})
    }
    after = secret({"password": "hunter2", "user": "x"}, annotations=annotated)
    before = secret({"password": "hunter", "old": "hunter1"}, uid="u-1")
    answer = await door.review(object_request("Secret", "secrets", after, before, name="db"))
    [made] = tickets.kept.values()
    for text in (made.spec.shown, made.spec.asked, repr(made), repr(answer)):
        assert "hunter" not in text
        assert base64.b64encode(b"hunter")[:6].decode() not in text
    assert json.loads(made.spec.shown)["keys"] == {
        "password": "changed, from 6 to 7 bytes",
        "user": "new, 1 bytes",
        "old": "removed, 7 bytes",
    }
    assert made.spec.target.uid == "u-1"


SYSTEM: list[tuple[str, list[str]]] = [
    ("system:kube-controller-manager", []),
    ("system:apiserver", []),
    ("system:serviceaccount:kube-system:generic-garbage-collector", []),
    ("system:serviceaccount:kube-system:namespace-controller", []),
    ("system:node:node-1", ["system:nodes"]),
    ("system:serviceaccount:chaperone-system:chaperone-admission", []),
]
OTHERS: list[tuple[str, list[str]]] = [
    ("system:node:node-1", ["system:authenticated"]),
    ("system:serviceaccount:kube-systemx:generic-garbage-collector", []),
    ("system:serviceaccount:payments:generic-garbage-collector", []),
    ("system:serviceaccount:chaperone-system:default", []),
    ("kubernetes-admin", ["system:masters"]),
]


@pytest.mark.parametrize(("user", "groups"), SYSTEM)
async def test_the_cluster_itself_is_never_held_up(user: str, groups: list[str]) -> None:
    info = {"username": user, "groups": groups}
    assert not await asked(object_request("Secret", "secrets", None, secret({"a": "b"}), userInfo=info))


@pytest.mark.parametrize(("user", "groups"), OTHERS)
async def test_who_only_sounds_like_it_is_asked(user: str, groups: list[str]) -> None:
    info = {"username": user, "groups": groups}
    request = object_request("Secret", "secrets", None, secret({"a": "b"}), userInfo=info)
    assert await asked(request) == "secret-values"


async def test_tokens_are_for_the_account_itself_and_for_kubelets() -> None:
    def token(user: str, *groups: str) -> Request:
        info = {"username": user, "groups": list(groups)}
        made: Object = {"kind": "TokenRequest", "metadata": {}, "spec": {"audiences": ["x"]}}
        return object_request("TokenRequest", "serviceaccounts/token", made, name="robot", userInfo=info)

    assert await asked(token("alice")) == "tokens"
    assert await asked(token("system:serviceaccount:payments:other")) == "tokens"
    assert not await asked(token("system:serviceaccount:payments:robot"))
    assert not await asked(token("system:node:n", "system:nodes"))


def binding(role: str, *subjects: str) -> Object:
    people = [{"kind": "User", "name": name} for name in subjects]
    return {"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": people}


async def test_bindings_are_judged_by_what_their_role_allows() -> None:
    reads = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    enters = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]
    roles = Roles(reader=reads, enterer=enters)
    resource = ("ClusterRoleBinding", "clusterrolebindings.rbac.authorization.k8s.io")
    for after, before, rule_name in (
        (binding("reader", "x"), None, ""),
        (binding("enterer", "x"), None, "rights"),
        (binding("enterer"), None, ""),
        (binding("missing", "x"), None, ""),
        (binding("enterer", "x", "y"), binding("enterer", "x"), "rights"),
        (binding("enterer", "x"), binding("enterer", "x", "y"), ""),
    ):
        request = object_request(*resource, after, before, namespace="")
        assert await asked(request, roles=roles) == rule_name


async def test_what_belongs_to_no_namespace_is_asked_for_in_ours() -> None:
    tickets = MemoryTickets()
    role = {"metadata": {"name": "r"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}
    request = object_request(
        "ClusterRole", "clusterroles.rbac.authorization.k8s.io", role, namespace="", name="r"
    )
    assert await asked(request, asking=approving(tickets)) == "rights"
    [(place, _)] = tickets.kept
    assert place == "chaperone-system"


async def test_an_approval_is_good_for_exactly_what_was_shown() -> None:
    tickets = MemoryTickets()
    door = object_door(PACK, approving(tickets))

    async def change(after: str, before: str, **metadata: Any) -> Answer:
        old = secret({"password": before}, uid="u-1", resourceVersion="1")
        new = secret({"password": after}, uid="u-1", **metadata)
        return await door.review(object_request("Secret", "secrets", new, old, name="db"))

    answers = [
        await change("one", "old"),
        await change("onf", "old"),
        await change("one", "other"),
        await change("one", "old", labels={"a": "b"}),
    ]
    assert len(tickets.kept) == len(answers)
    await change("one", "old", resourceVersion="9", managedFields=[{"manager": "kubectl"}])
    assert len(tickets.kept) == len(answers)


async def test_what_is_at_no_door_is_malformed() -> None:
    with pytest.raises(MalformedReviewError):
        await object_door(PACK).review(
            object_request("Lease", "leases.coordination.k8s.io", {"metadata": {}})
        )
    assert await asked(object_request("Secret", "secrets", None, None)) == "secret-values"
