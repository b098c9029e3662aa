"""Approvals over HTTP: from the refusal to the verdict, and to the command that goes through once."""

import base64
import copy
import json
from typing import Any

import msgspec
import pytest
from approvals import NOW, MemoryTickets, Rights, approving
from httpish import Asgi
from policy_samples import BUILTIN, Object, policy, rule
from reviews import KEYS, apply, body, exec_door, injected, plain_pod, pod_door, pod_request

from sidecar.contract.grants import verify_grant
from sidecar.contract.sealing import unseal
from webhook.admission import review
from webhook.admission.approval_requests import ApprovalRequestDoor
from webhook.approvals.objects import ApprovalRequest, Phase
from webhook.policy.active import ActivePolicies
from webhook.server.doors import doors_app

pytestmark = pytest.mark.anyio
ADMISSION = "system:serviceaccount:chaperone-system:chaperone-admission"
BOB = {"username": "bob", "groups": ["approvers"]}
KIND = {"group": "", "version": "v1", "kind": "Pod"}
CARD = "4111111111111111"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Cluster:
    """The doors over requests kept in memory, and a person who writes verdicts into them."""

    def __init__(self, *rules: Object) -> None:
        self.tickets = MemoryTickets()
        self._policies = ActivePolicies(otherwise=BUILTIN, audit=False)
        document = policy(*rules)
        metadata = {**document["metadata"], "uid": "u", "generation": 1, "resourceVersion": "7"}
        self._policies.take({"test": msgspec.json.encode({**document, "metadata": metadata})})
        self._approving = approving(self.tickets)

    async def exec(self, *command: str) -> Object:
        door = exec_door(await injected(plain_pod()), policy=self._policies, asking=self._approving)
        sent = body({"command": command}, operation="CONNECT", subresource="exec")
        return await ask(door, sent)

    async def create(self, pod: Object, **fields: Any) -> Object:
        door = pod_door(self._policies, asking=self._approving)
        return await ask(door, body(pod, operation="CREATE", kind=KIND, **fields))

    @property
    def ticket(self) -> ApprovalRequest:
        [found] = self.tickets.kept.values()
        return found

    async def write(self, change: Any, user: Object = BOB, may: tuple[str, ...] = ("bob", "carol")) -> Object:
        """Give the response to an update of the one request, after storing what came of it."""
        before = msgspec.to_builtins(self.ticket, builtin_types=())
        before = json.loads(msgspec.json.encode(before))
        after = copy.deepcopy(before)
        merge(after, change)
        sent = body(after, operation="UPDATE", oldObject=before, userInfo=user, name="t")
        door = ApprovalRequestDoor(Rights(*may), writers=frozenset({ADMISSION}), clock=lambda: NOW)
        response = await ask(door, sent)
        if "patch" in response:
            answer = await door.review(review.decode_review(sent))
            stored = apply(after, answer)
            assert "decision" not in stored
            found = msgspec.convert(stored, ApprovalRequest)
            assert self.tickets.update(self.ticket, found.status)
        return response


def merge(target: Any, change: Any) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


async def ask(door: Any, sent: bytes) -> Object:
    status, answer = await Asgi(doors_app({"door": door}, lambda: None)).post("/v1/door", sent)
    assert status == 200, answer
    return json.loads(answer)["response"]


def causes(response: Object) -> dict[str, str]:
    return {cause["reason"]: cause["message"] for cause in response["status"]["details"]["causes"]}


def verdict(word: str = "approve", **more: str) -> Object:
    return {"decision": {"verdict": word, **more}}


def shells(**approval: object) -> Object:
    return rule("approve", name="shells", reason="shells do anything", approval=approval or None)


async def test_an_exec_waits_for_somebody_else_and_goes_through_once() -> None:
    cluster = Cluster(shells())
    refused = await cluster.exec("sh", "-c", "ls")
    assert (await cluster.exec("sh", "-c", "ls"))["status"] == refused["status"]
    name = cluster.ticket.metadata.name
    told = causes(refused)
    assert told["ApprovalRequest"] == f"payments/{name}"
    assert told["ApproveCommand"] == (
        f"kubectl patch approvalrequests {name} -n payments --type=merge"
        """ -p '{"decision":{"verdict":"approve"}}'"""
    )
    assert told["WaitCommand"].startswith(
        f"kubectl wait approvalrequests/{name} -n payments --for=condition="
    )
    for word in (*told.values(), "rule shells of policy test", "shells do anything"):
        assert word in refused["status"]["message"]
    assert (await cluster.write(verdict()))["allowed"]
    assert cluster.ticket.status.decisions[0].by.username == "bob"
    allowed = await cluster.exec("sh", "-c", "ls")
    [step] = json.loads(base64.b64decode(allowed["patch"]))
    grant = verify_grant(step["value"][1].encode(), roots=KEYS.roots, now=None)
    sealed = unseal((KEYS.seal_key,), grant.session, grant.sealed)
    assert sealed.decision.approval == name
    assert cluster.ticket.status.use is not None
    assert cluster.ticket.status.use.session == grant.session
    assert "ApprovalInUse" in causes(await cluster.exec("sh", "-c", "ls"))


async def test_another_command_line_is_another_request() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh", "-c", "ls")
    await cluster.write(verdict())
    assert not (await cluster.exec("sh", "-c", "ls "))["allowed"]
    assert len(cluster.tickets.kept) == 2


async def test_a_denial_is_told_with_its_reason() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    assert (await cluster.write(verdict("deny", reason="use psql")))["allowed"]
    assert "denied by bob: use psql" in causes(await cluster.exec("sh"))["ApprovalDenied"]


VERDICTS: list[tuple[Object, Object, str]] = [
    ({"username": "alice", "groups": ["system:masters"]}, {}, "OwnRequest"),
    ({"username": "dave"}, {}, "MayNotApprove"),
    (BOB, {"users": ["carol"]}, "NotAnApprover"),
    (BOB, {"reasonRequired": True}, "ReasonMissing"),
]


@pytest.mark.parametrize(("user", "approval", "said"), VERDICTS)
async def test_a_verdict_that_is_refused_says_why(user: Object, approval: Object, said: str) -> None:
    cluster = Cluster(shells(**approval))
    await cluster.exec("sh")
    assert said in causes(await cluster.write(verdict(), user, may=("alice", "bob")))
    assert cluster.ticket.status.phase is Phase.PENDING


async def test_too_late_and_twice_are_told() -> None:
    cluster = Cluster(shells(count=2))
    await cluster.exec("sh")
    assert (await cluster.write(verdict()))["allowed"]
    assert "DecidedTwice" in causes(await cluster.write(verdict()))
    assert (await cluster.write(verdict(), {"username": "carol"}))["allowed"]
    assert "approved by bob and carol" in causes(await cluster.write(verdict()))["TooLate"]


FORGED: list[Object] = [
    {"spec": {"digest": "0" * 64}},
    {"status": {"phase": "Approved"}},
    {"status": {"decisions": []}, **verdict()},
    {"metadata": {"labels": {"chaperone.dev/ask": "other"}}},
    {"metadata": {"finalizers": ["mine/stay"]}},
]


@pytest.mark.parametrize("change", FORGED)
async def test_nothing_else_is_written_by_hand(change: Object) -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    assert "NotByHand" in causes(await cluster.write(change))


async def test_requests_are_not_made_or_removed_by_hand() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    door = ApprovalRequestDoor(Rights("bob"), writers=frozenset({ADMISSION}), clock=lambda: NOW)
    made = body(stored, operation="CREATE", userInfo=BOB)
    removed = body(None, operation="DELETE", userInfo=BOB, oldObject=stored)
    assert "NotByHand" in causes(await ask(door, made))
    assert "NotByHand" in causes(await ask(door, removed))
    stored["status"]["phase"] = "Used"
    assert (await ask(door, body(None, operation="DELETE", userInfo=BOB, oldObject=stored)))["allowed"]
    own = body(stored, operation="CREATE", userInfo={"username": ADMISSION})
    assert (await ask(door, own))["allowed"]


async def test_a_privileged_pod_passes_once_and_exactly_as_approved() -> None:
    cluster = Cluster(rule("approve", match={"doors": ["pod"], "privileged": True}))
    pod = plain_pod(hostNetwork=True)
    assert (await cluster.create(plain_pod()))["allowed"]
    dry = await cluster.create(pod, dryRun=True)
    assert "dry run" in dry["status"]["message"]
    assert not cluster.tickets.kept
    assert "ApprovalRequest" in causes(await cluster.create(pod))
    assert '"hostNetwork": true' in cluster.ticket.spec.shown
    await cluster.write(verdict())
    changed = plain_pod(hostNetwork=True, priority=1)
    assert not (await cluster.create(changed))["allowed"]
    assert "patch" in await cluster.create(pod, dryRun=True)
    assert "patch" in await cluster.create(pod)
    assert "ApprovalRequest" in causes(await cluster.create(pod))


async def test_card_data_is_masked_in_what_is_kept() -> None:
    cluster = Cluster(shells())
    refused = await cluster.exec("pay", CARD)
    assert CARD not in json.dumps(refused)
    assert CARD not in msgspec.json.encode(cluster.ticket).decode()


@pytest.mark.parametrize(
    "change", [{"decision": "approve"}, {"decision": {"verdict": "perhaps"}}, {"decision": 1}]
)
async def test_a_malformed_decision_is_a_bad_request(change: Object) -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    sent = body({**stored, **change}, operation="UPDATE", oldObject=stored, userInfo=BOB)
    door = ApprovalRequestDoor(Rights("bob"), writers=frozenset({ADMISSION}), clock=lambda: NOW)
    status, answer = await Asgi(doors_app({"door": door}, lambda: None)).post("/v1/door", sent)
    assert status == 400
    assert b"verdict" in answer


def test_reviews_are_read() -> None:
    assert pod_request({"metadata": {}}, dryRun=True).dry_run is True
