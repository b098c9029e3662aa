"""Audit events to put into journals and stores."""

import os
from typing import Any

from store_samples import T0, make_session_id

from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Maker

ORIGIN = "chaperone-admission-1"
AGENT = Identity("agent", "u-1", ("devs", "system:authenticated"), {"example.org/team": ("a", "b")})


def make_event(offset_ms: int = 0, *, namespace: str = "payments", **changes: Any) -> AuditEvent:
    """A session that was let start, ``offset_ms`` after T0."""
    fields: dict[str, Any] = {
        "id": make_session_id(offset_ms),
        "at": T0 + offset_ms * 1_000_000,
        "kind": Kind.DECISION,
        "outcome": Outcome.SUCCESS,
        "actor": AGENT,
        "origin": ORIGIN,
        "where": Where(namespace=namespace, resource="pods/exec", name="web", uid="p-1", container="app"),
        "door": "exec",
        "operation": "CONNECT",
        "asked": f"exec into pod {namespace}/web, container app",
        "argv": ("psql", "-c", "select 1"),
        "action": "audit",
        "policy": "builtin",
        "rule": "record-everything",
        "session": make_session_id(offset_ms),
        "request": "r-1",
        **changes,
    }
    return AuditEvent(**fields)


def make_maker(clock: int = T0) -> Maker:
    return Maker(
        origin=ORIGIN,
        namespace="chaperone-system",
        account="chaperone-admission",
        clock=lambda: clock,
        randomness=os.urandom,
    )
