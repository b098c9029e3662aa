"""Audit events from the journal of one process to the store of another, whatever is killed in between."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_server import ADMISSION_TOKEN, TOKEN, CollectorServer
from journal_sender import Sender
from shipper_process import until

from sidecar.contract.wire import NoticeKind
from webhook.collector.incidents import RECORDER_USER
from webhook.journal.events import Kind
from webhook.store.audit import AuditQuery


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollectorServer]:
    (tmp_path / "collector").mkdir()
    server = CollectorServer(tmp_path / "collector")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def sender(server: CollectorServer, tmp_path: Path) -> Iterator[Sender]:
    sender = Sender(tmp_path / "sender", server)
    yield sender
    sender.kill()


def stored(server: CollectorServer) -> list[str]:
    """Give the ids of all events but those of notices, as the store gives them."""
    store = server.store
    kept = [one.event for one in store.audit_events(AuditQuery(limit=100_000))]
    ids = [event.id for event in kept if event.actor.username != RECORDER_USER]
    store.close()
    return ids


def check(server: CollectorServer, sender: Sender) -> None:
    """Nothing lost, nothing twice; what was noted without anybody hearing of it may be there."""
    ids = stored(server)
    assert len(set(ids)) == len(ids)
    assert set(sender.noted) <= set(ids)


def test_events_arrive_once_and_the_journal_is_empty(server: CollectorServer, sender: Sender) -> None:
    sender.start(1000)
    sender.finish()
    assert sorted(stored(server)) == sorted(sender.noted)
    assert list((sender.folder / "journal").iterdir()) == []


def test_killing_the_sender_anywhere_loses_nothing(server: CollectorServer, sender: Sender) -> None:
    for lines in (1, 500):
        sender.start(100_000)
        sender.hear(lines)
        sender.kill()
    sender.start(0)
    sender.finish()
    check(server, sender)


def test_killing_the_collector_again_and_again_loses_nothing(server: CollectorServer, sender: Sender) -> None:
    sender.start(2500)
    for lines in (100, 900):
        sender.hear(lines)
        server.kill()
        sender.hear(200)
        server.start()
    sender.finish()
    check(server, sender)


def test_a_store_that_fails_or_is_slow_delays_and_loses_nothing(
    server: CollectorServer, sender: Sender
) -> None:
    (server.folder / "broken").touch()
    sender.start(1000)
    until(lambda: "not stored" in server.log())
    assert stored(server) == []
    (server.folder / "slow").touch()
    (server.folder / "broken").unlink()
    until(lambda: stored(server))
    (server.folder / "slow").unlink()
    sender.finish()
    check(server, sender)


def test_a_recorder_cannot_write_audit_events_and_its_try_is_noted(
    server: CollectorServer, sender: Sender
) -> None:
    sender.token = TOKEN
    sender.start(5)
    store = server.store
    until(lambda: store.notices(namespace="payments", since=None, limit=10))
    time.sleep(0.5)
    [kept] = store.notices(namespace=None, since=None, limit=10)
    assert kept.notice.kind is NoticeKind.RECORD_REFUSED
    assert "none of the admission side's" in kept.notice.reason
    [told] = store.audit_events(AuditQuery(kind=Kind.INCIDENT))
    assert (told.event.reason, told.event.where.name) == (kept.notice.reason, kept.pod)
    store.close()
    assert stored(server) == []
    (sender.folder / "token").write_text(ADMISSION_TOKEN)
    sender.finish()
    check(server, sender)
