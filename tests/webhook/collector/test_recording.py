"""Audit events of many callers on their way into the store, and who hears of them."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from audit_event_samples import make_event
from store_samples import T0

from webhook.collector.changes import Changes
from webhook.collector.recording import Recording
from webhook.collector.writer import Writer
from webhook.journal.events import AuditEvent
from webhook.store.audit import AuditQuery
from webhook.store.contract import StoreError
from webhook.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio


class Troubled(SqliteStore):
    """Loses the answer to as many writes as it is told, and counts them."""

    lose = 0
    writes = 0

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        self.writes += 1
        fresh = super().record(events, received_at=received_at)
        if self.lose:
            self.lose -= 1
            raise StoreError("the answer got lost")
        return fresh


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Troubled]:
    store = Troubled(tmp_path / "store.db")
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def heard() -> list[AuditEvent]:
    return []


@pytest.fixture
def writer(store: Troubled, heard: list[AuditEvent]) -> Iterator[Writer]:
    writer = Writer(store, Changes(), lambda: T0, listeners=[heard.extend])
    yield writer
    writer.close()


async def test_many_callers_share_a_write_and_each_returns_once_it_is_durable(
    store: Troubled, writer: Writer, heard: list[AuditEvent]
) -> None:
    recording = Recording(writer)
    events = [make_event(number) for number in range(100)]
    await asyncio.gather(*(recording.keep([event]) for event in events))
    assert store.writes < 10
    assert [kept.event for kept in store.audit_events(AuditQuery())] == events[::-1]
    assert sorted(event.id for event in heard) == sorted(event.id for event in events)


async def test_all_of_a_write_that_fails_hear_of_it_and_nobody_else(store: Troubled, writer: Writer) -> None:
    recording = Recording(writer)
    store.lose = 1
    done = await asyncio.gather(
        *(recording.keep([make_event(number)]) for number in range(5)), return_exceptions=True
    )
    assert any(isinstance(outcome, StoreError) for outcome in done)
    await recording.keep([make_event(9)])


async def test_a_caller_that_leaves_takes_no_event_along(store: Troubled, writer: Writer) -> None:
    recording = Recording(writer)
    first, second, third = (make_event(number) for number in range(3))
    leaving = asyncio.ensure_future(recording.keep([first]))
    staying = asyncio.ensure_future(recording.keep([second]))
    await asyncio.sleep(0)
    leaving.cancel()
    [left, stayed] = await asyncio.gather(leaving, staying, return_exceptions=True)
    assert isinstance(left, asyncio.CancelledError)
    if stayed is not None:
        assert isinstance(stayed, StoreError)
        await recording.keep([second])
    await recording.keep([third])
    kept = {kept.event.id for kept in store.audit_events(AuditQuery())}
    assert kept == {first.id, second.id, third.id}


async def test_an_event_whose_answer_was_lost_is_told_once_when_it_is_sent_again(
    store: Troubled, writer: Writer, heard: list[AuditEvent]
) -> None:
    recording = Recording(writer)
    store.lose = 1
    event = make_event()
    with pytest.raises(StoreError):
        await recording.keep([event])
    assert heard == []
    await recording.keep([event])
    await recording.keep([event])
    assert heard == [event]
