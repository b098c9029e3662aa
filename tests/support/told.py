"""Audit events as admission and collector make them, and a journal that keeps them, for tests."""

import os
import threading
import time
from typing import Any

from msgspec.structs import replace

from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.journal import JournalFullError
from webhook.journal.making import Maker

AGENT = "system:serviceaccount:agents:coder"
TICKET = "exec-ramncgkk2drdtai4-1"
POD = Where(namespace="payments", resource="pods", name="shop", uid="5b1f", container="app")


def event(kind: Kind = Kind.APPROVAL_ASKED, **changes: Any) -> AuditEvent:
    """Give the event of an agent's exec into a pod, with changes."""
    found = AuditEvent(
        id=changes.pop("id", "01kx3v7m2q8z4c9w5t6y1r0b2n"),
        at=1_772_452_800_000_000_000,
        kind=kind,
        outcome=Outcome.SUCCESS,
        actor=Identity(changes.pop("actor", AGENT)),
        origin="chaperone-admission-1",
        where=POD,
        door="exec",
        operation="CONNECT",
        asked="exec into pod payments/shop, container app",
        argv=("psql", "-c", "update cards set note = ''"),
        action="approve",
        policy="pci-dss",
        rule="shells",
        approval=TICKET,
        requester=AGENT,
        details={"ticket": "77aa", "expires": "2026-03-02T13:00:00+00:00"},
    )
    return replace(found, **changes)


def decided(verdict: str, **details: str) -> AuditEvent:
    """Give the event of a verdict of bob's."""
    return event(
        Kind.APPROVAL_DECIDED,
        actor="bob",
        reason="agreed with the owner",
        details={"verdict": verdict, **details},
    )


class Kept:
    """A journal in memory, which can be full."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []
        self.full = False
        self.more = threading.Condition()

    def note(self, event: AuditEvent) -> None:
        if self.full:
            raise JournalFullError("full")
        with self.more:
            self.events.append(event)
            self.more.notify_all()

    def wait(self, count: int, seconds: float = 20) -> list[AuditEvent]:
        """Give the events once there are so many."""
        with self.more:
            assert self.more.wait_for(lambda: len(self.events) >= count, seconds), self.events
            return list(self.events)


def maker() -> Maker:
    """Give what stamps events of a part's own doing."""
    return Maker(
        origin="chaperone-collector-1",
        namespace="chaperone-system",
        account="chaperone-collector",
        clock=time.time_ns,
        randomness=os.urandom,
    )
