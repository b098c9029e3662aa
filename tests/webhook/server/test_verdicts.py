"""Verdicts over HTTP: whose count, which are refused and why, and that nothing else is written by hand."""

import base64
import json

import msgspec
import pytest
from approval_doors import BOB, Cluster, ask, causes, shells, verdict
from approvals import ADMISSION, request_door
from httpish import Asgi
from policy_samples import Object, rule
from reviews import KEYS, body

from sidecar.contract.grants import verify_grant
from sidecar.contract.sealing import unseal
from webhook.approvals.objects import Phase
from webhook.journal.events import Kind
from webhook.server.doors import doors_app

pytestmark = pytest.mark.anyio


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
