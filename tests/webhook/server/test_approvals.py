"""Approvals over HTTP: from the refusal to the verdict, and to the command that goes through once."""

import base64
import json

import msgspec
import pytest
from approval_doors import Cluster, causes, shells, verdict
from approvals import after
from policy_samples import rule
from reviews import KEYS, plain_pod, pod_request

from sidecar.contract.grants import verify_grant
from sidecar.contract.sealing import unseal
from webhook.approvals.objects import ApprovalRequest

pytestmark = pytest.mark.anyio
CARD = "4111111111111111"


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
