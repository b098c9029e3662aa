"""What is too old goes, is named and signed for first, and what is held stays."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from audit_event_samples import AGENT, make_maker
from audit_event_samples import make_event as make_audit_event
from ledger_desk import Desk
from msgspec.structs import replace
from store_samples import T0, make_notice, make_session_id

from sidecar.contract.sealing import Identity
from webhook.collector.doubt import Doubt
from webhook.collector.retention import Retention, Terms, months_before
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.holds import Scope, release_event, set_event
from webhook.journal.making import Stamp
from webhook.ledger.entries import SignedRemoval
from webhook.server.retention_keeping import RetentionKeeping
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, Query, StoreError

DAY = 24 * 3600 * 1_000_000_000
DAY_MS = DAY // 1_000_000
YEAR_LATER = months_before(T0, -12) + DAY


class Keeper:
    """The retention of one collector, with its clock in hand, and others that it is compared with."""

    passed: int
    elsewhere: int | None

    def __init__(self, desk: Desk, **terms: Any) -> None:
        self.desk = desk
        self.now = YEAR_LATER
        self.retention = Retention(desk.store, desk.book, make_maker(), Terms(**terms))
        self.passed, self.elsewhere = 0, None
        self.alarms: list[str] = []
        self.keeping = RetentionKeeping(
            self.retention,
            self.keep,
            lambda: self.now,
            doubt=Doubt(lambda: self.now, lambda: self.passed, lambda: self.elsewhere),
            alarm=self.alarms.append,
            recovered=self.alarms.append,
        )

    async def keep(self, event: AuditEvent) -> None:
        self.desk.store.record([event], received_at=event.at)

    def look(self) -> None:
        self.desk.sealing.seal()
        asyncio.run(self.keeping.look())

    def sessions(self) -> list[str]:
        return [record.session for record in self.desk.store.sessions(Query())][::-1]

    def removals(self) -> list[SignedRemoval]:
        return [value for value in self.desk.values() if isinstance(value, SignedRemoval)]

    def told(self) -> list[AuditEvent]:
        query = AuditQuery(kind=Kind.RECORD_REMOVED)
        return [kept.event for kept in self.desk.store.audit_events(query)]


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    desk = Desk(tmp_path / "store.db")
    yield Keeper(desk)
    desk.store.close()


def hold(keeper: Keeper, offset_ms: int = 0, **scope: Any) -> AuditEvent:
    stamp = Stamp(make_session_id(offset_ms), T0 + offset_ms * 1_000_000, "collector-0")
    event = set_event(stamp, Identity("counsel"), Scope(**scope), "case 7")
    keeper.desk.store.record([event], received_at=event.at)
    return event


def test_sessions_go_after_their_time_and_are_named(keeper: Keeper) -> None:
    old = [keeper.desk.session(offset).session for offset in (0, 1000)]
    young = keeper.desk.session(3 * DAY_MS).session
    keeper.look()
    assert keeper.sessions() == [young]
    (signed,) = keeper.removals()
    removal = signed.removal
    assert removal.sessions == tuple(sorted(old))
    assert (removal.months, removal.at, removal.before) == (12, YEAR_LATER, T0 + DAY)
    (event,) = keeper.told()
    assert event.details["sessions"].split() == sorted(old)
    assert "2 sessions that had ended before" in event.reason
    assert "kept for 12 months" in event.reason
    keeper.look()
    assert len(keeper.removals()) == 1


def test_nothing_is_old_yet(keeper: Keeper) -> None:
    session = keeper.desk.session().session
    keeper.now = T0 + 364 * DAY
    keeper.look()
    assert (keeper.sessions(), keeper.removals(), keeper.told()) == ([session], [], [])


def test_zero_months_keep_everything(keeper: Keeper) -> None:
    session = keeper.desk.session().session
    for_ever = Keeper(keeper.desk, months=0)
    for_ever.now = T0 + 100 * 365 * DAY
    for_ever.look()
    assert for_ever.sessions() == [session]


def test_what_is_not_over_or_not_sealed_stays(keeper: Keeper) -> None:
    active = keeper.desk.session(phase=Phase.ACTIVE).session
    unsealed = keeper.desk.session(1000).session
    asyncio.run(keeper.keeping.look())
    assert keeper.sessions() == [active, unsealed]
    keeper.look()
    assert keeper.sessions() == [active]


def test_a_session_that_a_wrong_clock_dates_back_stays(keeper: Keeper) -> None:
    """The recorder's clock says that it is old, the collector's that it is not."""
    session = keeper.desk.session(started_at=T0 - 900 * DAY, updated_at=T0 + 30 * DAY).session
    keeper.look()
    assert keeper.sessions() == [session]


@pytest.mark.parametrize(
    "scope",
    [
        {"agent": "agent"},
        {"namespace": "payments"},
        {"until": T0 + 1000},
        {"since": T0 - 1, "until": T0 + 5000},
        {"agent": "agent", "namespace": "payments", "since": T0},
    ],
    ids="+".join,
)
def test_what_is_held_stays_until_it_is_released(keeper: Keeper, scope: dict[str, Any]) -> None:
    session = keeper.desk.session(ended_at=T0 + 10_000).session
    held = hold(keeper, **scope)
    keeper.look()
    assert keeper.sessions() == [session]
    stamp = Stamp(make_session_id(5), T0 + 5, "collector-0")
    released = release_event(stamp, Identity("counsel"), held.id, "closed")
    keeper.desk.store.record([released], received_at=released.at)
    keeper.look()
    assert keeper.sessions() == []


def test_a_hold_on_one_session_lets_others_go(keeper: Keeper) -> None:
    held, other = keeper.desk.session().session, keeper.desk.session(1000).session
    hold(keeper, session=held)
    keeper.look()
    assert keeper.sessions() == [held]
    assert keeper.removals()[0].removal.sessions == (other,)


def test_a_hold_that_comes_between_plan_and_deed_is_kept_to(keeper: Keeper) -> None:
    session = keeper.desk.session().session
    keeper.desk.sealing.seal()
    removal = keeper.retention.find(YEAR_LATER, 0)
    assert removal is not None
    hold(keeper, session=session)
    assert keeper.retention.carry_out(removal)
    assert keeper.sessions() == [session]


def held_after_the_first(keeper: Keeper, method: str, **scope: Any) -> None:
    """Set a hold once the store has removed something in this way."""
    original: Callable[[Sequence[str]], None] = getattr(keeper.desk.store, method)
    left = [scope]

    def removing(ids: Sequence[str]) -> None:
        original(ids)
        if left:
            hold(keeper, **left.pop())

    setattr(keeper.desk.store, method, removing)


def test_a_hold_that_comes_while_sessions_are_removed_keeps_the_rest(keeper: Keeper) -> None:
    for number in range(60):
        keeper.desk.session(number)
    keeper.desk.sealing.seal()
    held_after_the_first(keeper, "remove_sessions", agent="agent")
    keeper.look()
    assert len(keeper.removals()[0].removal.sessions) == 60
    assert len(keeper.sessions()) == 10


def test_a_hold_that_comes_while_events_are_removed_keeps_the_rest(keeper: Keeper) -> None:
    store, desk = keeper.desk.store, keeper.desk
    old = [make_audit_event(number) for number in range(600)]
    store.record(old, received_at=T0)
    desk.book.note(old)
    store.note(make_notice())
    held_after_the_first(keeper, "remove_audit_events", agent=AGENT.username)
    removal = keeper.retention.find(YEAR_LATER, 0)
    assert removal is not None
    assert keeper.retention.carry_out(removal)
    left = store.audit_events(AuditQuery(kind=Kind.DECISION, limit=1000))
    assert sorted(kept.event.id for kept in left) == sorted(event.id for event in old[:100])
    assert store.notices(namespace=None, since=None, limit=5)


def test_audit_events_and_notices_go_too_but_not_holds_and_removals(keeper: Keeper) -> None:
    store, desk = keeper.desk.store, keeper.desk
    old, young = make_audit_event(0), make_audit_event(3 * DAY_MS)
    unsealed = make_audit_event(1)
    store.record([old, young, unsealed], received_at=T0)
    desk.book.note([old, young])
    held = hold(keeper, namespace="shop")
    desk.book.note([held])
    store.note(make_notice())
    keeper.look()
    kept = {kept.event.id for kept in store.audit_events(AuditQuery())}
    assert old.id not in kept
    assert {young.id, unsealed.id, held.id} <= kept
    assert store.notices(namespace=None, since=None, limit=5)
    assert store.known_keys([f"event/{old.id}"])
    assert keeper.removals()[0].removal.events


def test_events_of_a_held_person_stay(keeper: Keeper) -> None:
    event = make_audit_event(0, actor=Identity("bob"), requester=AGENT.username)
    keeper.desk.store.record([event], received_at=T0)
    keeper.desk.book.note([event])
    hold(keeper, agent=AGENT.username)
    keeper.look()
    assert keeper.desk.store.audit_events(AuditQuery(id=event.id))


def test_many_go_in_steps(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook.collector.retention.MOST_SESSIONS", 2)
    for offset in range(5):
        keeper.desk.session(offset * 1000)
    keeper.look()
    assert keeper.sessions() == []
    names = [signed.removal.name for signed in keeper.removals()]
    day = datetime.fromtimestamp(YEAR_LATER / 1e9, UTC).date().isoformat()
    assert names == [f"{day}/{number}" for number in range(3)]


def test_one_collector_removes_and_the_others_leave_it_to_it(keeper: Keeper) -> None:
    keeper.desk.session()
    keeper.desk.sealing.seal()
    removal = keeper.retention.find(YEAR_LATER, 0)
    assert removal is not None
    assert keeper.desk.book.remove(removal)
    other = Keeper(keeper.desk)
    other.look()
    assert len(other.sessions()) == 1
    assert (other.told(), len(other.removals())) == ([], 1)
    assert not other.retention.carry_out(removal)
    other.now += DAY
    other.look()
    assert other.sessions() == []


def test_what_broke_off_is_done_the_next_day(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.desk.session()

    def fail(sessions: list[str]) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(keeper.desk.store, "remove_sessions", fail)
        with pytest.raises(StoreError):
            keeper.look()
    assert len(keeper.sessions()) == 1
    assert len(keeper.removals()) == 1
    keeper.now += DAY
    keeper.look()
    assert keeper.sessions() == []


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2026-11-28", 12, "2025-11-28"),
        ("2026-01-31", 2, "2025-11-30"),
        ("2024-02-29", 12, "2023-02-28"),
        ("2026-03-31", 1, "2026-02-28"),
        ("2026-12-01", 0, "2026-12-01"),
    ],
)
def test_months_are_those_of_the_calendar(day: str, months: int, expected: str) -> None:
    moment = int(datetime.fromisoformat(f"{day}T10:00:00+00:00").timestamp()) * 1_000_000_000 + 7
    earlier = int(datetime.fromisoformat(f"{expected}T10:00:00+00:00").timestamp()) * 1_000_000_000 + 7
    assert months_before(moment, months) == earlier


def test_a_removal_that_was_planned_is_told_of_as_it_is_signed(keeper: Keeper) -> None:
    keeper.desk.session()
    keeper.look()
    (signed,), (event,) = keeper.removals(), keeper.told()
    assert event.details["removal"] == signed.removal.name
    assert replace(signed.removal, sessions=()) == replace(signed.removal, sessions=())


def test_a_clock_that_jumps_ahead_removes_nothing_and_is_told_of_once(keeper: Keeper) -> None:
    sessions = [keeper.desk.session(offset * DAY_MS).session for offset in (0, 300)]
    keeper.now += 400 * DAY
    keeper.look()
    keeper.look()
    assert keeper.sessions() == sessions
    [alarm] = keeper.alarms
    assert "clock went 400 days ahead of the time that passed" in alarm
    keeper.now -= 400 * DAY
    keeper.look()
    assert keeper.sessions() == sessions[1:]
    assert keeper.alarms[1:] == ["retention removes what is too old again: the clock is right"]
    keeper.now += 400 * DAY
    keeper.passed = 400 * DAY
    keeper.look()
    assert keeper.sessions() == []


def test_a_clock_that_was_wrong_from_the_start_is_known_by_the_api_servers(keeper: Keeper) -> None:
    session = keeper.desk.session().session
    keeper.elsewhere = T0
    keeper.look()
    assert keeper.sessions() == [session]
    assert "days ahead of the API server's" in keeper.alarms[0]
    keeper.elsewhere = YEAR_LATER - DAY
    keeper.look()
    assert keeper.sessions() == []


def test_a_clock_that_jumps_back_removes_nothing(keeper: Keeper) -> None:
    session = keeper.desk.session().session
    keeper.now = T0 - 400 * DAY
    keeper.look()
    assert (keeper.sessions(), keeper.alarms) == ([session], [])
