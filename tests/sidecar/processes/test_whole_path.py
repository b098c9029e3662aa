"""From the shim to the store and back: orders reach a running session, and findings end one."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector_server import MAKER
from shipper_process import until
from whole_path import WholePath

from sidecar.contract.events import Ending
from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity
from webhook.audit_api.killing import KillOrder
from webhook.collector.incidents import RECORDER_USER
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.masked import masked
from webhook.ledger.entries import read_entry
from webhook.server.observing import strict_mask
from webhook.server.session_keeping import kill_event
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase

SCRIPT = "echo started; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, compiled_shim: Path) -> Iterator[WholePath]:
    with WholePath(tmp_path_factory.mktemp("path"), compiled_shim) as path:
        yield path


def order(path: WholePath, session: str, reason: str) -> AuditEvent:
    """Store an order as another collector would."""
    record = path.record(session)
    assert record is not None
    event, _ = masked(kill_event(MAKER, KillOrder(Identity("alice"), record, reason)), strict_mask())
    store = path.collector.store
    store.record([event], received_at=time.time_ns())
    store.close()
    return event


def test_a_session_is_ended_by_an_order_that_another_replica_took(path: WholePath) -> None:
    ticket = path.authority.grant("sh", "-c", SCRIPT)
    process = path.recorder.popen(ticket)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    until(lambda: path.record(ticket.session))
    event = order(path, ticket.session, "card 4111111111111111 was on the screen")
    assert event.reason == "card 411111******1111 was on the screen"
    line = f"alice ended this session: {event.reason}"
    _, told = process.communicate(timeout=60)
    assert told == f"chaperone: {line}\n".encode()
    record = path.ended(ticket.session)
    assert (record.phase, record.how, record.reason) == (Phase.COMPLETED, Ending.KILLED, line)


def test_an_order_waits_for_a_recorder_that_is_not_connected(path: WholePath) -> None:
    ticket = path.authority.grant("sh", "-c", SCRIPT)
    process = path.recorder.popen(ticket)
    until(lambda: path.record(ticket.session))
    path.collector.kill()
    order(path, ticket.session, "while nobody listened")
    assert process.poll() is None
    path.collector.start()
    _, told = process.communicate(timeout=60)
    assert told == b"chaperone: alice ended this session: while nobody listened\n"
    assert path.ended(ticket.session).how is Ending.KILLED


def controls(path: WholePath) -> list[tuple[Kind, str]]:
    """What the record has of the recorder's life, oldest first."""
    store = path.collector.store
    found = [kept.event for kept in reversed(store.audit_events(AuditQuery()))]
    store.close()
    kinds = {Kind.CONTROL_STARTED, Kind.CONTROL_STOPPED, Kind.CONTROL_FAILED}
    assert all(event.actor.username == RECORDER_USER for event in found)
    return [(event.kind, event.details["notice"]) for event in found if event.kind in kinds]


def entered(path: WholePath) -> list[tuple[Kind, str]]:
    """What the ledger has of the recorder's life, oldest first."""
    store = path.collector.store
    values = [read_entry(entry.data) for entry in store.entries(start=0, limit=1000)]
    store.close()
    return [(event.kind, event.details["notice"]) for event in values if isinstance(event, AuditEvent)]


def test_record_and_ledger_tell_of_start_death_and_stop_of_a_recorder(
    tmp_path: Path, compiled_shim: Path
) -> None:
    (tmp_path / "checkpoint").touch()
    settings = {"DRAIN_SECONDS": "50", "FAREWELL_SECONDS": "50", "SHIPPER_LINGER_SECONDS": "0"}
    with WholePath(tmp_path, compiled_shim, settings) as path:
        started = (Kind.CONTROL_STARTED, "recorder-started")
        until(lambda: controls(path) == [started])
        path.recorder.kill()
        path.recorder.start()
        until(lambda: len(controls(path)) == 3)
        assert sorted(controls(path)[1:], key=str) == [(Kind.CONTROL_FAILED, "recorder-failed"), started]
        assert path.recorder.stop() == 0
        told = controls(path)
        assert told[3:] == [(Kind.CONTROL_STOPPED, "recorder-stopped")]
        until(lambda: sorted(entered(path), key=str) == sorted(told, key=str))


def test_findings_end_a_session_and_are_counted(path: WholePath) -> None:
    script = "while :; do echo 4111111111111111; sleep 0.05; done"
    ticket = path.authority.grant("sh", "-c", script, limits=Limits(findings=3))
    done = path.recorder.run(ticket)
    assert b"card data was found 3 times" in done.stderr
    record = path.ended(ticket.session)
    assert (record.how, record.findings) == (Ending.TOO_MANY_FINDINGS, {"pan/visa": 3})
    assert path.output(ticket.session) == done.stdout
