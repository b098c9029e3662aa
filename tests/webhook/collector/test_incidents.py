"""Recorders' notices as audit events: each once, to the moment, whatever fails in between."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from store_samples import T0, make_notice

from sidecar.contract.wire import NoticeKind
from webhook.collector.changes import Changes
from webhook.collector.incidents import RECORDER_USER, notice_event
from webhook.collector.writer import Writer
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.lines import MAX_EVENT_BYTES
from webhook.journal.masked import masked
from webhook.server.observing import strict_mask
from webhook.store.audit import AuditQuery, KeptEvent
from webhook.store.contract import PodNotice, StoreError
from webhook.store.sqlite.store import SqliteStore


class Tired(SqliteStore):
    """Refuses the answer to what it has kept, so often."""

    refusals = 0

    def record(self, events: Sequence[AuditEvent], *, received_at: int) -> list[AuditEvent]:
        fresh = super().record(events, received_at=received_at)
        if self.refusals:
            self.refusals -= 1
            raise StoreError("the answer is lost")
        return fresh


@pytest.fixture
def tired(tmp_path: Path) -> Iterator[Tired]:
    store = Tired(tmp_path / "store.db")
    store.prepare()
    yield store
    store.close()


def events(store: SqliteStore) -> list[KeptEvent]:
    return store.audit_events(AuditQuery(limit=100))


KINDS = {
    NoticeKind.RECORDER_STARTED: (Kind.CONTROL_STARTED, Outcome.SUCCESS),
    NoticeKind.RECORDER_STOPPED: (Kind.CONTROL_STOPPED, Outcome.SUCCESS),
    NoticeKind.RECORDER_FAILED: (Kind.CONTROL_FAILED, Outcome.FAILURE),
    NoticeKind.RECORD_GAP: (Kind.CONTROL_FAILED, Outcome.FAILURE),
    NoticeKind.GRANT_REFUSED: (Kind.INCIDENT, Outcome.FAILURE),
    NoticeKind.GRANT_REPLAYED: (Kind.INCIDENT, Outcome.FAILURE),
    NoticeKind.RECORD_REFUSED: (Kind.INCIDENT, Outcome.FAILURE),
}


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_is_an_event(kind: NoticeKind) -> None:
    kept = make_notice(kind=kind, reason="why")
    event = notice_event(kept)
    assert (event.kind, event.outcome) == KINDS[kind]
    assert (event.actor.username, event.origin, event.at) == (RECORDER_USER, kept.pod, kept.notice.at)
    assert (event.where.namespace, event.where.name, event.where.uid) == ("payments", kept.pod, kept.pod_uid)
    assert (event.reason, event.argv, event.details["notice"]) == ("why", ("sh",), kind.value)


def test_a_notice_makes_one_event_and_another_pods_another() -> None:
    kept = make_notice()
    again = PodNotice(kept.namespace, kept.pod, kept.pod_uid, T0 + 9, kept.notice)
    other = PodNotice(kept.namespace, kept.pod, "uid-2", kept.received_at, kept.notice)
    later = msgspec.structs.replace(kept, notice=msgspec.structs.replace(kept.notice, at=T0 + 10**10))
    assert notice_event(kept) == notice_event(again)
    assert notice_event(kept).id == notice_event(later).id
    assert notice_event(kept).id != notice_event(other).id


def test_whatever_a_recorder_writes_fits_into_an_event() -> None:
    argv = tuple("\x00" * 1000 for _ in range(120))
    event = notice_event(
        make_notice(argv=argv, reason="\x1b" * 100_000, session="no id", container="c" * 999)
    )
    assert len(msgspec.json.encode(event)) <= MAX_EVENT_BYTES
    assert event.session == ""


def test_a_notice_is_told_once_and_kept_with_its_event(tired: Tired) -> None:
    told: list[AuditEvent] = []
    mask = strict_mask()

    def incident(kept: PodNotice) -> AuditEvent:
        return masked(notice_event(kept), mask)[0]

    writer = Writer(tired, Changes(), lambda: T0, listeners=(told.extend,), incident=incident)
    kept = make_notice(kind=NoticeKind.GRANT_REPLAYED, argv=("echo", "4111111111111111"))
    for _ in range(2):
        asyncio.run(writer.note(kept))
    [found] = events(tired)
    assert told == [found.event]
    assert found.event.argv == ("echo", "411111******1111")
    assert len(tired.notices(namespace=None, since=None, limit=9)) == 1
    writer.close()


def test_an_event_that_may_be_kept_already_is_the_same_when_it_comes_again(tired: Tired) -> None:
    """The collector's own notices are made anew each time, at another moment."""
    told: list[AuditEvent] = []
    writer = Writer(tired, Changes(), lambda: T0, listeners=(told.extend,))
    first = make_notice(kind=NoticeKind.RECORD_REFUSED)
    later = msgspec.structs.replace(first, notice=msgspec.structs.replace(first.notice, at=T0 + 5))
    tired.refusals = 2
    for kept in (first, later):
        with pytest.raises(StoreError):
            asyncio.run(writer.note(kept))
    asyncio.run(writer.note(later))
    [found] = events(tired)
    assert told == [found.event]
    assert found.event.at == first.notice.at
    writer.close()
