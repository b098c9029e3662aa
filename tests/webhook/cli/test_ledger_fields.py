"""``chaperone ledger verify`` compares every field of what is stored that the signed record knows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ledger_desk import Desk
from ledger_installation import Installation, installation
from ledger_samples import make_event
from store_samples import T0, Growing, make_record, start_payload

from sidecar.contract.events import Ending, Program, Resize, Untraced, encode_event
from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.ledger.removal import Removal
from webhook.store.codec import encode
from webhook.store.contract import Phase, SessionRecord

SECOND = 10**9
MINUTE = 60 * SECOND


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    with installation(Desk(tmp_path / "store.db"), tmp_path) as installed:
        yield installed


def told(desk: Desk, event: AuditEvent) -> AuditEvent:
    """Keep an event, in the store and the ledger."""
    desk.store.record([event], received_at=desk.now)
    desk.book.note([event])
    return event


def terminal(desk: Desk) -> SessionRecord:
    """Seal a session at a terminal that began without a size, whose decision was told, and sign."""
    empty = make_record(2_000_000, tty=True)
    decision = msgspec.structs.replace(
        empty.decision, would="deny by pci/shells", decided_at=empty.started_at
    )
    growing = Growing(desk.store.create(msgspec.structs.replace(empty, decision=decision)))
    desk.now = empty.started_at + SECOND
    told(
        desk,
        msgspec.structs.replace(
            make_event(9),
            outcome=Outcome.SUCCESS,
            at=empty.started_at,
            session=empty.session,
            would="deny by pci/shells",
        ),
    )
    events = [
        Resize(1, 24, 80),
        Resize(2, 50, 200),
        Program(3, 7, 1, 0, "/bin/sh", "/", ("sh",)),
        Untraced(4, "no permission to trace"),
    ]
    record, frames = growing.grow(
        start_payload(growing.record),
        *map(encode_event, events),
        phase=Phase.COMPLETED,
        how=Ending.EXITED,
        exit_code=0,
        ended_at=empty.started_at + 5,
        rows=24,
        cols=80,
        programs=1,
        untraced="no permission to trace",
    )
    desk.store.append(record, frames, [])
    desk.sealing.seal()
    desk.checkpoints.give_out()
    return record


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "rows": ({"rows": 50}, "spec.terminal.rows"),
    "cols": ({"cols": 0}, "spec.terminal.cols"),
    "programs": ({"programs": 0}, "status.programs"),
    "untraced": ({"untraced": ""}, "status.untraced"),
    "resumed": ({"resumed": True}, "spec.resumed"),
    "previous": ({"previous": "01m3250v00wtbvtjmefmkeffw2"}, "spec.previous"),
    "would": ({"decision.would": None}, "spec.decision.would, by entry "),
    "decided_at": ({"decision.decided_at": T0}, "spec.decision.decidedAt, by entry "),
}


def test_every_field_of_a_session_is_compared(installed: Installation) -> None:
    store, record = installed.desk.store, terminal(installed.desk)
    assert "Sessions      5, as they were sealed" in installed.chaperone.out("ledger", "verify")
    place = store.entry(f"manifest/{record.session}")
    assert place is not None
    for number, (name, (changed, found)) in enumerate(sorted(CHANGES.items())):
        decided = {key.partition(".")[2]: value for key, value in changed.items() if "." in key}
        plain = {key: value for key, value in changed.items() if "." not in key}
        decision = msgspec.structs.replace(record.decision, **decided)
        touched = {"updated_at": record.updated_at + 1 + number, "decision": decision, **plain}
        store.append(msgspec.structs.replace(record, **touched), [], [])
        message = installed.broken()
        where = f"session {record.session}, sealed as entry {place.index}: differs in its {found}"
        assert message.startswith(where), (name, message)


OTHER: dict[str, Any] = {
    "at": T0 + MINUTE,
    "kind": Kind.BREAK_GLASS,
    "outcome": Outcome.UNKNOWN,
    "actor": Identity("agent", groups=("devs",), extra={"z": ("1",), "a": ("3",)}),
    "origin": "chaperone-admission-1",
    "where": Where(namespace="payments", resource="pods/exec", name="api-7d9c", container="other"),
    "door": "exec",
    "operation": "CREATE",
    "asked": "exec ls",
    "argv": ("ls",),
    "action": "allow",
    "policy": "pci",
    "rule": "shells",
    "would": "deny by pci/shells",
    "reason": "another",
    "approval": "exec-1",
    "requester": "bob",
    "session": "01m3250v00wtbvtjmefmkeffw2",
    "request": "r-9",
    "dry_run": True,
    "details": {"a": "1"},
}


def test_every_field_of_an_audit_event_is_compared(installed: Installation) -> None:
    """One by one, in the store's own file."""
    assert {*OTHER, "id"} == set(AuditEvent.__struct_fields__)
    event = told(installed.desk, make_event(7))
    place = installed.desk.store.entry(f"event/{event.id}")
    assert place is not None
    assert "Events        5 stored audit events, as they were told" in installed.chaperone.out(
        "ledger", "verify"
    )
    for name, value in OTHER.items():
        changed = msgspec.structs.replace(event, **{name: value})
        installed.desk.tamper("UPDATE audit_events SET event = ? WHERE id = ?", encode(changed), event.id)
        message = installed.broken()
        assert message.startswith(f"audit event {event.id}, told in entry {place.index}: differs in its "), (
            name
        )


def test_an_event_that_is_gone_is_named_unless_its_time_was_over(installed: Installation) -> None:
    desk, event = installed.desk, told(installed.desk, make_event(7))
    desk.tamper("DELETE FROM audit_events WHERE id = ?", event.id)
    assert installed.broken().endswith(": it is missing from the store")
    for name, before, events in (
        ("0", event.at, True),
        ("1", event.at + 1, False),
        ("2", event.at + 1, True),
    ):
        removal = Removal(name=f"2026-11-28/{name}", at=desk.now, before=before, months=12, events=events)
        assert desk.book.remove(removal)
        if name != "2":
            assert installed.broken().endswith(": it is missing from the store")
    out = installed.chaperone.out("ledger", "verify")
    assert "as they were told; 1 removed by retention" in out


def test_an_event_that_was_slipped_in_is_named(installed: Installation) -> None:
    """What came just now may not be in the ledger yet; what is older than checkpoints must be."""
    desk = installed.desk
    desk.store.record([make_event(7)], received_at=desk.now)
    assert "The record holds." in installed.chaperone.out("ledger", "verify")
    desk.now += 20 * MINUTE
    for number in (8, 9):
        told(desk, make_event(number))
        desk.checkpoints.give_out()
    assert "it is in the store and not in the ledger" in installed.broken()
