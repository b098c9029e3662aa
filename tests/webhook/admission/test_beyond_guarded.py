"""What is asked for outside guarded namespaces: tokens of the system's accounts, and volumes on nodes."""

import pytest
from approvals import MemoryTickets, approving
from default_pack import PACK, asked
from reviews import Object, object_door, object_request

from webhook.admission.review import Request

pytestmark = pytest.mark.anyio
TOKEN = "kubernetes.io/service-account-token"
RESOURCE = ("PersistentVolume", "persistentvolumes")


def token(user: str, *groups: str, namespace: str = "kube-system", name: str = "root-ca") -> Request:
    made: Object = {"kind": "TokenRequest", "metadata": {}, "spec": {"audiences": ["x"]}}
    info = {"username": user, "groups": list(groups)}
    return object_request(
        "TokenRequest", "serviceaccounts/token", made, name=name, namespace=namespace, userInfo=info
    )


def token_secret(kind: str, before: bool = False) -> Request:
    after: Object = {
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "root-ca"}},
    }
    old = {**after, "metadata": {"name": "t"}} if before else None
    return object_request("Secret", "secrets", after, old, name="t", namespace="kube-system")


async def test_tokens_of_the_system_are_asked_for_of_everybody_but_the_system() -> None:
    assert await asked(token("alice")) == "tokens"
    assert await asked(token("kubernetes-admin", "system:masters")) == "tokens"
    assert await asked(token("system:serviceaccount:payments:robot", name="robot")) == "tokens"
    for user, groups in (
        ("system:node:n", ["system:nodes"]),
        ("system:kube-controller-manager", []),
        ("system:apiserver", []),
        ("system:serviceaccount:kube-system:root-ca", []),
    ):
        assert not await asked(token(user, *groups))


async def test_secrets_with_tokens_of_the_system_are_asked_for_and_its_other_secrets_are_not() -> None:
    assert await asked(token_secret(TOKEN)) == "secret-values"
    assert await asked(token_secret(TOKEN, before=True)) == "secret-values"
    assert not await asked(token_secret("Opaque"))


async def test_their_requests_are_where_the_accounts_are() -> None:
    tickets = MemoryTickets()
    await object_door(PACK, approving(tickets)).review(token("alice"))
    [(place, _)] = tickets.kept
    assert place == "kube-system"


def volume(source: Object, **spec: object) -> Object:
    return {"kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {**source, **spec}}


HOST: Object = {"hostPath": {"path": "/etc"}}
LOCAL: Object = {"local": {"path": "/mnt/1"}}
ELSEWHERE: Object = {"nfs": {"server": "x", "path": "/"}}
CLAIM: Object = {"namespace": "payments", "name": "c"}


@pytest.mark.parametrize(
    ("after", "before", "rule_name"),
    [
        (volume(HOST), None, "volume-on-a-node"),
        (volume(LOCAL), None, "volume-on-a-node"),
        (volume(ELSEWHERE), None, ""),
        (volume(HOST), volume(ELSEWHERE), "volume-on-a-node"),
        (volume(HOST, claimRef=CLAIM), volume(HOST), "volume-on-a-node"),
        (volume(HOST, claimRef=CLAIM), volume(HOST, claimRef={**CLAIM, "uid": "u"}), ""),
        (volume(HOST, persistentVolumeReclaimPolicy="Retain"), volume(HOST), ""),
        (None, volume(HOST), ""),
    ],
)
async def test_volumes_on_nodes_are_asked_for_when_they_are_new(
    after: Object | None, before: Object | None, rule_name: str
) -> None:
    request = object_request(*RESOURCE, after, before, name="v", namespace="")
    assert await asked(request) == rule_name


async def test_a_volume_that_cannot_be_read_is_refused() -> None:
    answer = await object_door(PACK).review(
        object_request(*RESOURCE, volume(ELSEWHERE), name="v", namespace="", userInfo={"username": "x"})
    )
    assert answer.allowed
    broken: Object = {"kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {"hostPath": "/etc"}}
    with pytest.raises(Exception, match="no PersistentVolume that can be read"):
        await object_door(PACK).review(object_request(*RESOURCE, broken, name="v", namespace=""))
