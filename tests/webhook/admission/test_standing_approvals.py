"""The door of standing approvals: stamped, never changed, revocable, and capped by policy."""

import json
from typing import Any

import pytest
from approvals import NOW, SOURCE, MemoryJournal, Rights, redaction
from httpish import Asgi
from policy_samples import Object
from reviews import apply, body

from webhook.admission import review
from webhook.admission.standing_approvals import StandingApprovalDoor
from webhook.policy.decision import Approval, StandingTerms
from webhook.server.doors import doors_app

pytestmark = pytest.mark.anyio
BOB = {"username": "bob", "groups": ["approvers"]}
CARD = "4111111111111111"
SPACED = ["4111", "1111", "1111", "1111"]
LATE = "2126-03-02T12:00:00Z"


class Policies:
    """Two rules, of which one lets standing approvals be given."""

    def approval(self, policy: str, rule: str) -> Approval | None:
        terms = StandingTerms(max_seconds=1800)
        return {("p", "r"): Approval(standing=terms), ("p", "each"): Approval()}.get((policy, rule))


class Cluster:
    def __init__(self, *may: str) -> None:
        self.journal = MemoryJournal()
        self.door = StandingApprovalDoor(
            Rights(*may),
            Policies(),
            masked=redaction().text,
            shown=redaction().identity,
            journal=self.journal,
            source=SOURCE,
            clock=lambda: NOW,
        )

    async def ask(self, operation: str, obj: Any, **fields: Any) -> Object:
        """Give the response, and the object as it would be kept under ``stored``."""
        given: dict[str, Any] = {"name": "s", "userInfo": BOB, **fields}
        sent = body(obj, operation=operation, **given)
        status, answer = await Asgi(doors_app({"door": self.door}, lambda: None)).post("/v1/door", sent)
        assert status == 200, answer
        response = json.loads(answer)["response"]
        if "patch" in response:
            before = len(self.journal.events)
            response["stored"] = apply(obj, await self.door.review(review.decode_review(sent)))
            del self.journal.events[before:]
        return response


def standing(**fields: Any) -> Object:
    spec = {"user": "alice", "policy": "p", "rule": "r", "argvPrefix": ["ls"], "seconds": 600, **fields}
    return {"metadata": {"name": "s", "namespace": "payments"}, "spec": spec}


def causes(response: Object) -> dict[str, str]:
    return {cause["reason"]: cause["message"] for cause in response["status"]["details"]["causes"]}


async def test_who_gives_it_and_until_when_is_stamped() -> None:
    cluster = Cluster("bob")
    made = (await cluster.ask("CREATE", standing(reason=f"card {CARD}")))["stored"]
    assert made["status"] == {
        "by": {"username": "bob", "groups": ["approvers"]},
        "at": "2026-03-02T12:00:00Z",
        "until": "2026-03-02T12:10:00Z",
    }
    assert CARD not in json.dumps(made)
    [event] = cluster.journal.events
    assert (event.kind.value, event.actor.username, event.requester) == ("approval-decided", "bob", "alice")
    assert event.approval == "standing/s"
    assert CARD not in event.reason


REFUSED: list[tuple[Object, Object, str]] = [
    (standing(rule="other"), BOB, "NoSuchRule"),
    (standing(rule=f"pay {CARD}"), BOB, "NoSuchRule"),
    (standing(policy=CARD), BOB, "NoSuchRule"),
    (standing(target=CARD), BOB, "CardData"),
    (standing(rule="each"), BOB, "NoStanding"),
    (standing(seconds=1801), BOB, "TooLong"),
    (standing(argvPrefix=[]), BOB, "TooWide"),
    (standing(argvPrefix=["pay", *SPACED]), BOB, "CardData"),
    (standing(user=f"order-{CARD}"), BOB, "CardData"),
    (standing(user="bob"), BOB, "OwnRequest"),
    (standing(), {"username": "dave"}, "MayNotApprove"),
    ({**standing(), "status": {"by": {"username": "carol"}, "at": LATE, "until": LATE}}, BOB, "NotByHand"),
    ({**standing(), "revoke": {}}, BOB, "NotByHand"),
]


@pytest.mark.parametrize(("made", "user", "rule"), REFUSED)
async def test_one_that_is_refused_says_why(made: Object, user: Object, rule: str) -> None:
    cluster = Cluster("bob")
    response = await cluster.ask("CREATE", made, userInfo=user)
    assert rule in causes(response)
    assert CARD not in json.dumps(response)
    for event in cluster.journal.events:
        assert (event.kind.value, event.details["refusal"], event.argv) == ("approval-refused", rule, ())


async def test_one_without_a_name_is_refused_for_nobody_could_tell_of_it() -> None:
    made = {**standing(), "metadata": {"generateName": "standing-", "namespace": "payments"}}
    assert "NameMissing" in causes(await Cluster("bob").ask("CREATE", made, name=""))


async def test_it_is_revoked_once_and_never_changed() -> None:
    cluster = Cluster("bob")
    made = (await cluster.ask("CREATE", standing()))["stored"]
    carol = {"username": "carol"}
    ended = await cluster.ask(
        "UPDATE", {**made, "revoke": {"reason": "done"}}, oldObject=made, userInfo=carol
    )
    revoked = ended["stored"]
    assert "revoke" not in revoked
    assert revoked["status"]["revoked"]["by"] == {"username": "carol"}
    again = await cluster.ask("UPDATE", {**revoked, "revoke": {}}, oldObject=revoked)
    assert "TooLate" in causes(again)
    longer = {**made, "spec": {**made["spec"], "seconds": 1800}}
    forged = {**revoked, "status": made["status"]}
    for changed, before in ((longer, made), (forged, revoked)):
        told = causes(await cluster.ask("UPDATE", changed, oldObject=before))
        assert "NotByHand" in told
        assert told["Remedy"].endswith(f"chaperone approvals revoke {made['metadata']['name']} -n payments")
    assert (await cluster.ask("UPDATE", made, oldObject=made))["allowed"]
    assert cluster.journal.kinds == ["approval-decided", "approval-removed"]


async def test_removing_one_that_holds_is_told_and_a_dry_run_is_not() -> None:
    cluster = Cluster("bob")
    made = (await cluster.ask("CREATE", standing(), dryRun=True))["stored"]
    assert (await cluster.ask("DELETE", None, oldObject=made, dryRun=True))["allowed"]
    assert cluster.journal.kinds == []
    assert (await cluster.ask("DELETE", None, oldObject=made))["allowed"]
    assert cluster.journal.kinds == ["approval-removed"]
