"""Approvals over HTTP: from the refusal to the verdict, and to the command that goes through once."""

import base64
import copy
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from approvals import ADMISSION, NOW, MemoryJournal, MemoryTickets, after, approving, request_door
from httpish import Asgi
from policy_samples import BUILTIN, Object, policy, rule
from reviews import KEYS, apply, body, exec_door, injected, plain_pod, pod_door, pod_request

from sidecar.contract.grants import verify_grant
from sidecar.contract.sealing import unseal
from webhook.admission import review
from webhook.approvals.asking import Terms
from webhook.approvals.objects import ApprovalRequest, Phase
from webhook.journal.events import Kind
from webhook.policy.active import ActivePolicies
from webhook.server.doors import doors_app

pytestmark = pytest.mark.anyio
BOB = {"username": "bob", "groups": ["approvers"]}
KIND = {"group": "", "version": "v1", "kind": "Pod"}
CARD = "4111111111111111"


class Cluster:
    """The doors over requests kept in memory, and a person who writes verdicts into them."""

    def __init__(self, *rules: Object) -> None:
        self.tickets = MemoryTickets()
        self._policies = ActivePolicies(otherwise=BUILTIN, audit=False)
        document = policy(*rules)
        metadata = {**document["metadata"], "uid": "u", "generation": 1, "resourceVersion": "7"}
        self._policies.take({"test": msgspec.json.encode({**document, "metadata": metadata})})
        self.journal = MemoryJournal()
        self._approving = approving(self.tickets, journal=self.journal)

    def hold(self, holding: Any, now: dt.datetime = NOW) -> None:
        """Have requests held back for eight seconds."""
        terms = Terms(pending_seconds=3600, usable_seconds=900, hold_seconds=8)
        self._approving = approving(self.tickets, now, terms=terms, holding=holding)

    def limit(self, most: int) -> None:
        """Let only so many requests of one person wait."""
        terms = Terms(pending_seconds=3600, usable_seconds=900, most_open_per_requester=most)
        self._approving = approving(self.tickets, journal=self.journal, terms=terms)

    async def exec(self, *command: str) -> Object:
        door = exec_door(await injected(plain_pod()), policy=self._policies, asking=self._approving)
        sent = body({"command": command}, operation="CONNECT", subresource="exec")
        return await ask(door, sent)

    async def create(self, pod: Object, **fields: Any) -> Object:
        door = pod_door(self._policies, asking=self._approving)
        return await ask(door, body(await injected(pod), operation="CREATE", kind=KIND, **fields))

    @property
    def ticket(self) -> ApprovalRequest:
        [found] = self.tickets.kept.values()
        return found

    async def write(
        self, change: Any, user: Object = BOB, may: tuple[str, ...] = ("bob", "carol"), **door: Any
    ) -> Object:
        """Give the response to an update of the one request, after storing what came of it."""
        before = msgspec.to_builtins(self.ticket, builtin_types=())
        before = json.loads(msgspec.json.encode(before))
        after = copy.deepcopy(before)
        merge(after, change)
        sent = body(after, operation="UPDATE", oldObject=before, userInfo=user, name="t")
        response = await ask(request_door(*may, journal=self.journal, **door), sent)
        if "patch" in response:
            answer = await request_door(*may).review(review.decode_review(sent))
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


async def test_everything_is_told() -> None:
    cluster = Cluster(shells(reasonRequired=True))
    await cluster.exec("sh")
    await cluster.write(verdict(), {"username": "alice"}, may=("alice",))
    await cluster.write(verdict())
    await cluster.write(verdict(reason=f"a customer with {CARD}"))
    assert cluster.journal.kinds == [
        "approval-asked",
        "approval-refused",
        "approval-refused",
        "approval-decided",
    ]
    asked, own, without, decided = cluster.journal.events
    assert asked.actor.username == "alice"
    assert asked.argv == ("sh",)
    assert (own.details["refusal"], without.details["refusal"]) == ("OwnRequest", "ReasonMissing")
    assert (decided.actor.username, decided.requester, decided.details["phase"]) == (
        "bob",
        "alice",
        "Approved",
    )
    assert {event.approval for event in cluster.journal.events} == {cluster.ticket.metadata.name}
    assert len({event.id for event in cluster.journal.events}) == 4
    told = msgspec.json.encode([cluster.journal.events, cluster.ticket]).decode()
    assert CARD not in told
    assert "a customer with 411111" in told


async def test_the_glass_is_broken_by_the_requester_with_a_reason_and_reviewed_by_another() -> None:
    glass = rule("audit", name="emergency", breakGlass=True, match={"groups": ["agents"]})
    cluster = Cluster(shells(), glass)
    alice = {"username": "alice", "uid": "u-1", "groups": ["agents"]}
    refused = await cluster.exec("sh")
    name = cluster.ticket.metadata.name
    assert causes(refused)["BreakGlassCommand"] == (
        f"kubectl patch approvalrequests {name} -n payments --type=merge"
        """ -p '{"decision":{"verdict":"break-glass","reason":"WHY"}}'"""
    )
    for no_reason in ({}, {"reason": "WHY"}):
        told = causes(await cluster.write(verdict("break-glass", **no_reason), alice))
        assert "ReasonMissing" in told
        assert "in place of WHY" in told["Remedy"]
    assert "NotTheRequester" in causes(await cluster.write(verdict("break-glass", reason="x"), BOB))
    assert (await cluster.write(verdict("break-glass", reason="shop down"), alice))["allowed"]
    allowed = await cluster.exec("sh")
    [step] = json.loads(base64.b64decode(allowed["patch"]))
    grant = verify_grant(step["value"][1].encode(), roots=KEYS.roots, now=None)
    sealed = unseal((KEYS.seal_key,), grant.session, grant.sealed)
    assert (sealed.decision.action, sealed.decision.rule) == ("audit", "emergency")
    assert sealed.decision.approval == name
    assert "OwnRequest" in causes(
        await cluster.write(verdict("review", reason="fine"), alice, may=("alice",))
    )
    assert "MayNotApprove" in causes(await cluster.write(verdict("review", reason="fine"), may=()))
    assert (await cluster.write(verdict("review", reason="fine")))["allowed"]
    assert cluster.ticket.status.review is not None
    assert cluster.ticket.status.review.reason == "fine"
    assert cluster.ticket.status.phase is Phase.GRANTED
    assert [event.reason for event in cluster.journal.of(Kind.BREAK_GLASS)] == ["shop down"]


async def test_approving_what_is_gone_says_so() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    told = causes(await cluster.write(verdict(), gone="pod payments/web is gone"))
    assert told["TargetChanged"] == "pod payments/web is gone"
    assert (await cluster.write(verdict("deny"), gone="pod payments/web is gone"))["allowed"]


async def test_who_approves_blindly_is_warned() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    answered = await cluster.write(verdict(), blind=True)
    assert answered["allowed"]
    [warning] = answered["warnings"]
    assert "may not read secrets in namespace payments: should it have changed" in warning
    assert len(warning) < 256, "the API server cuts longer ones"


async def test_a_dry_run_of_a_verdict_tells_nothing() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    sent = body({**stored, **verdict()}, operation="UPDATE", oldObject=stored, userInfo=BOB, dryRun=True)
    assert (await ask(request_door("bob", journal=cluster.journal), sent))["allowed"]
    assert cluster.journal.kinds == ["approval-asked"]


async def test_another_command_line_is_another_request() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh", "-c", "ls")
    await cluster.write(verdict())
    assert not (await cluster.exec("sh", "-c", "ls "))["allowed"]
    assert len(cluster.tickets.kept) == 2
    told = (await cluster.exec("sh", "-c", "ls "))["status"]["message"]
    assert "was approved, but an approval is for exactly what was asked then" in told


async def test_too_many_that_wait_are_refused_with_what_to_do() -> None:
    cluster = Cluster(shells())
    cluster.limit(1)
    assert "ApprovalNeeded" in causes(await cluster.exec("sh"))
    refused = await cluster.exec("sh", "-c", "ls")
    told = causes(refused)
    assert "1 of your approval requests wait already" in told["TooManyOpen"]
    assert "rule shells of policy test: shells do anything" in told["TooManyOpen"]
    for word in ("chaperone approvals list -A", "3600 seconds", "do the same again"):
        assert word in told["Remedy"]
        assert word in refused["status"]["message"]
    assert len(cluster.tickets.kept) == 1
    assert (await cluster.write(verdict()))["allowed"]
    assert "ApprovalNeeded" in causes(await cluster.exec("sh", "-c", "ls"))


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
    told = causes(await cluster.write(change))
    assert "NotByHand" in told
    assert "chaperone approvals deny t -n payments" in told["Remedy"]


async def test_requests_are_not_made_or_removed_by_hand() -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    door = request_door("bob")
    made = body(stored, operation="CREATE", userInfo=BOB)
    removed = body(None, operation="DELETE", userInfo=BOB, oldObject=stored)
    assert "NotByHand" in causes(await ask(door, made))
    assert "NotByHand" in causes(await ask(door, removed))
    stored["status"]["phase"] = "Used"
    assert (await ask(door, body(None, operation="DELETE", userInfo=BOB, oldObject=stored)))["allowed"]
    own = body(stored, operation="CREATE", userInfo={"username": ADMISSION})
    assert (await ask(door, own))["allowed"]


@pytest.mark.parametrize("phase", ["Denied", "Used", "Expired"])
async def test_what_became_of_a_request_is_not_taken_away_by_who_asked(phase: str) -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    stored["status"]["phase"] = phase
    requester = {"username": "alice", "uid": "other"}
    renamed = {"username": "alice-too", "uid": stored["spec"]["requester"]["uid"]}
    for user, may, rule_name in (
        (requester, ("alice",), "OwnRequest"),
        (renamed, ("alice-too",), "OwnRequest"),
        ({"username": "dave"}, ("bob",), "MayNotApprove"),
    ):
        sent = body(None, operation="DELETE", userInfo=user, oldObject=stored, name="")
        refused = await ask(request_door(*may), sent)
        assert rule_name in causes(refused)
        assert "Leave it" in refused["status"]["message"]
    collected = {"username": "system:serviceaccount:kube-system:generic-garbage-collector"}
    ended = {"username": "system:serviceaccount:kube-system:namespace-controller"}
    for user in (BOB, collected, ended, {"username": ADMISSION}):
        sent = body(None, operation="DELETE", userInfo=user, oldObject=stored)
        assert (await ask(request_door("bob"), sent))["allowed"]


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
    assert (await cluster.create(pod, dryRun=True))["allowed"]
    assert (await cluster.create(pod))["allowed"]
    assert "ApprovalRequest" in causes(await cluster.create(pod))


async def test_card_data_is_masked_in_what_is_kept() -> None:
    cluster = Cluster(shells())
    refused = await cluster.exec("pay", CARD)
    assert CARD not in json.dumps(refused)
    assert CARD not in msgspec.json.encode(cluster.ticket).decode()


@pytest.mark.parametrize(
    "change", [{"decision": "approve"}, {"decision": {"verdict": "perhaps"}}, {"decision": 1}]
)
async def test_a_malformed_decision_is_refused(change: Object) -> None:
    cluster = Cluster(shells())
    await cluster.exec("sh")
    stored = json.loads(msgspec.json.encode(cluster.ticket))
    sent = body({**stored, **change}, operation="UPDATE", oldObject=stored, userInfo=BOB)
    door = request_door("bob")
    status, answer = await Asgi(doors_app({"door": door}, lambda: None)).post("/v1/door", sent)
    response = json.loads(answer)["response"]
    assert (status, response["allowed"], response["status"]["code"]) == (200, False, 400)
    assert "verdict" in response["status"]["message"]


def test_reviews_are_read() -> None:
    assert pod_request({"metadata": {}}, dryRun=True).dry_run is True


class Holding:
    """Has somebody approve while a request is held back, or nobody."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._cluster = cluster
        self.waited: list[float] = []

    async def wait(self, ticket: ApprovalRequest, seconds: float) -> bool:
        self.waited.append(seconds)
        if self._cluster is None:
            return False
        await self._cluster.write(verdict())
        return True


async def test_a_quick_approver_spares_the_retry() -> None:
    cluster = Cluster(shells())
    holding = Holding(cluster)
    cluster.hold(holding)
    assert (await cluster.exec("sh"))["allowed"]
    assert holding.waited == [8.0]


async def test_what_was_held_once_is_refused_at_once_and_a_dry_run_is_not_held() -> None:
    cluster, holding = Cluster(shells()), Holding()
    cluster.hold(holding)
    assert "WaitCommand" in causes(await cluster.exec("sh"))
    assert holding.waited == [8.0]
    cluster.hold(holding, after(8))
    assert "WaitCommand" in causes(await cluster.exec("sh"))
    assert holding.waited == [8.0]
