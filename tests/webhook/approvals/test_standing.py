"""Standing approvals: what they cover, and how far a policy lets them go."""

from typing import Any

import msgspec
import pytest
from approvals import ALICE, BOB, NOW, after, needed
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals.objects import Person
from webhook.approvals.standing import (
    StandingApproval,
    StandingMetadata,
    StandingSpec,
    StandingStatus,
    covering,
    refuse_giver,
    refuse_spec,
    revoked,
    stamped,
)
from webhook.policy.decision import Approval, Decision, Door, Operation, StandingTerms

TERMS = StandingTerms(max_seconds=1800)
BOT = "system:serviceaccount:ci:bot"


def spec(**fields: Any) -> StandingSpec:
    standard: dict[str, Any] = {
        "user": "alice",
        "policy": "p",
        "rule": "r",
        "argv_prefix": ("ls",),
        "container": "app",
        "seconds": 1800,
    }
    return StandingSpec(**{**standard, **fields})


def given(status: StandingStatus | None = None, **fields: Any) -> StandingApproval:
    found = spec(**fields)
    made = StandingStatus(by=BOB, at=NOW, until=after(found.seconds))
    metadata = StandingMetadata(name="s", namespace="payments", uid="u", creation_timestamp=NOW)
    return StandingApproval(metadata=metadata, spec=found, status=status or made)


def decision(**approval: Any) -> Decision:
    return needed(BUILTIN, **{"standing": TERMS, **approval})


def covers(
    found: StandingApproval,
    seconds: float = 0,
    *,
    by: Decision | None = None,
    resource: str = "pods",
    **asked: Any,
) -> bool:
    decided = by or decision()
    return covering([found], question(**asked), decided, after(seconds), resource=resource) is found


def test_what_begins_like_it_is_covered_for_its_time() -> None:
    assert covers(given())
    assert covers(given(), argv=("ls",))
    assert covers(given(), 1799)
    assert not covers(given(), 1800)


OTHERS: list[dict[str, Any]] = [
    {"argv": ("cat", "x")},
    {"argv": ("lsof",)},
    {"argv": ()},
    {"user": "eve"},
    {"container": "db"},
    {"tty": True},
    {"stdin": True},
    {"door": Door.ATTACH},
    {"door": Door.POD, "operation": Operation.CREATE},
    {"by": needed(BUILTIN)},
    {"by": decision(count=2)},
    {"by": decision(users=("carol",))},
    {"by": decision(reason_required=True)},
    {"by": replace(decision(), rule="other")},
    {"by": replace(decision(), policy="other")},
]


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_else_is_covered(other: dict[str, Any]) -> None:
    assert not covers(given(), **other)


def test_streams_are_covered_where_they_are_given() -> None:
    assert covers(given(tty=True, stdin=True), tty=True, stdin=True)
    assert not covers(given(tty=True), tty=True, stdin=True)
    assert covers(given(target="web"))
    assert not covers(given(target="db"))


def test_a_policy_that_is_stricter_now_holds() -> None:
    shorter = decision(standing=StandingTerms(max_seconds=1799))
    assert not covers(given(), by=shorter)
    assert covers(given(seconds=600), by=shorter)


def test_a_revoked_one_and_one_that_nobody_stamped_hold_nothing() -> None:
    status = given().status
    assert status is not None
    assert not covers(given(revoked(status, BOB, "done", NOW)))
    assert not covers(replace(given(), status=None))


def test_a_forged_stamp_gains_no_time() -> None:
    late = StandingStatus(by=BOB, at=after(10**6), until=after(10**7))
    assert covers(given(late), 1799)
    assert not covers(given(late), 1800)


def test_one_given_to_oneself_holds_nothing_whoever_stamped_it() -> None:
    assert not covers(given(StandingStatus(by=ALICE, at=NOW, until=after(600))))


SPECS: list[tuple[StandingSpec, Approval, str]] = [
    (spec(), Approval(), "NoStanding"),
    (spec(), Approval(standing=TERMS, count=2), "NoStanding"),
    (spec(seconds=1801), Approval(standing=TERMS), "TooLong"),
    (spec(argv_prefix=()), Approval(standing=TERMS), "TooWide"),
    (spec(door=Door.SECRET, target="db", argv_prefix=()), Approval(standing=TERMS), "NotForObjects"),
    (
        spec(door=Door.SECRET, argv_prefix=()),
        Approval(standing=StandingTerms(max_seconds=1800, objects=True)),
        "TooWide",
    ),
    (
        spec(door=Door.SECRET, target="db", argv_prefix=()),
        Approval(standing=StandingTerms(max_seconds=1800, objects=True)),
        "TooWide",
    ),
]


@pytest.mark.parametrize(("found", "approval", "rule"), SPECS)
def test_what_goes_further_than_its_policy_is_refused(
    found: StandingSpec, approval: Approval, rule: str
) -> None:
    refusal = refuse_spec(found, approval)
    assert refusal is not None
    assert refusal.rule == rule


def test_objects_are_covered_where_a_policy_says_so() -> None:
    terms = StandingTerms(max_seconds=1800, objects=True)
    about: dict[str, Any] = {"resource": "secrets", "target": "db", "argv_prefix": (), "container": ""}
    found = spec(door=Door.SECRET, operation=Operation.UPDATE, **about)
    assert refuse_spec(found, Approval(standing=terms)) is None
    change: dict[str, Any] = {"door": Door.SECRET, "operation": Operation.UPDATE, "argv": (), "container": ""}
    one = replace(given(), spec=found)
    assert covers(one, resource="secrets", by=decision(standing=terms), name="db", **change)
    assert not covers(one, resource="secrets", by=decision(standing=terms), name="other", **change)
    assert not covers(one, resource="secrets", by=decision(), name="db", **change)
    assert not covers(one, resource="configmaps", by=decision(standing=terms), name="db", **change)
    old = replace(given(), spec=replace(found, resource=""))
    assert not covers(old, resource="secrets", by=decision(standing=terms), name="db", **change)


def test_one_about_a_deployment_is_about_no_other_workload() -> None:
    terms = StandingTerms(max_seconds=1800, objects=True)
    change: dict[str, Any] = {"door": Door.WORKLOAD, "operation": Operation.UPDATE, "argv": (), "name": "web"}
    about: dict[str, Any] = {"target": "web", "argv_prefix": (), "container": ""}
    found = spec(door=Door.WORKLOAD, operation=Operation.UPDATE, resource="deployments.apps", **about)
    one = replace(given(), spec=found)
    assert covers(one, resource="deployments.apps", by=decision(standing=terms), container="", **change)
    for other in ("statefulsets.apps", "jobs.batch", "deployments.example"):
        assert not covers(one, resource=other, by=decision(standing=terms), container="", **change)


GIVERS: list[tuple[Person, Approval, Person, str]] = [
    (ALICE, Approval(), ALICE, "OwnRequest"),
    (BOB, Approval(users=("carol",)), ALICE, "NotAnApprover"),
    (BOB, Approval(reason_required=True), ALICE, "ReasonMissing"),
    (
        Person(username="system:serviceaccount:ci:other"),
        Approval(exclude_service_accounts=True),
        Person(username=BOT),
        "ServiceAccountExcluded",
    ),
]


@pytest.mark.parametrize(("giver", "approval", "beneficiary", "rule"), GIVERS)
def test_who_may_not_give_it_is_told_why(
    giver: Person, approval: Approval, beneficiary: Person, rule: str
) -> None:
    refusal = refuse_giver(spec(user=beneficiary.username), approval, beneficiary, giver, NOW)
    assert refusal is not None
    assert refusal.rule == rule


def test_the_groups_that_count_are_kept_of_many() -> None:
    crowd = Person(username="bob", groups=(*(f"g{number}" for number in range(100)), "security"))
    status = stamped(spec(), Approval(groups=("security",), standing=TERMS), crowd, NOW)
    assert status.by.groups[0] == "security"
    assert len(status.by.groups) == 64
    assert covers(given(status), by=decision(groups=("security",)))


def test_it_is_the_same_after_the_way_through_the_api() -> None:
    assert msgspec.json.decode(msgspec.json.encode(given()), type=StandingApproval) == given()
