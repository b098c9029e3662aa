"""Questions of the record: what sessions and connections were asked for, let through or not."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from sidecar.contract.sealing import Identity
from webhook.admission.questions import target
from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.objects import Session, User
from webhook.cli.audit import Audit
from webhook.journal.events import Kind
from webhook.policy.decision import Door, Operation, Question

_DOORS: Final = frozenset({Door.EXEC.value, Door.PORT_FORWARD.value, Door.PROXY.value, Door.CHAPERONE.value})
"""Doors at which events hold all that a question does, but for labels; of objects they hold no content."""


def recorded(audit: Audit, since: str) -> Iterator[Question]:
    """Give the questions of recorded sessions, then of decisions that no session is of. Raises CliError.

    ``since`` is a time as the API reads it, or nothing.
    """
    parameters = {"since": since} if since else {}
    seen: set[str] = set()
    for item in audit.sessions(None, parameters, limit=None):
        seen.add(item.session.metadata.name)
        yield session_asked(item.session)
    decisions = {**parameters, "fieldSelector": f"type={Kind.DECISION.value}"}
    events = (event for event, _ in audit.events_with(None, decisions, limit=None))
    yield from decisions_asked(event for event in events if event.session not in seen)


def session_asked(session: Session) -> Question:
    """Give the question that a recorded session was; its command line is masked."""
    spec = session.spec
    return Question(
        door=Door.EXEC,
        operation=Operation.CONNECT,
        identity=_identity(spec.user),
        at=_seconds(spec.decision.decided_at),
        namespace=session.metadata.namespace,
        name=spec.pod,
        container=spec.container,
        argv=spec.command,
        tty=spec.tty,
        stdin=spec.stdin,
    )


def decisions_asked(events: Iterable[AuditEvent]) -> Iterator[Question]:
    """Give the questions that decisions about sessions and connections answered; their texts are masked.

    What a door refused without asking policies was no question.
    """
    for event in events:
        is_asked = event.decision.action and event.operation == Operation.CONNECT.value
        if is_asked and event.door in _DOORS:
            yield _asked(event)


def _asked(event: AuditEvent) -> Question:
    about, details = event.about, event.details
    is_proxy = about.resource.endswith("/proxy")
    name, ports = target(about.name) if is_proxy else (about.name, _ports(details.get("ports", "")))
    return Question(
        door=Door(event.door),
        operation=Operation.CONNECT,
        identity=_identity(event.actor),
        at=_seconds(event.at),
        namespace=event.metadata.namespace,
        name=name,
        container=about.container,
        argv=event.command,
        tty=details.get("tty") == "true",
        stdin=details.get("stdin") == "true",
        ports=ports,
        path=details.get("path", "").lstrip("/"),
    )


def _identity(user: User) -> Identity:
    return Identity(user.username, user.uid, user.groups, user.extra)


def _ports(text: str) -> tuple[int, ...]:
    return tuple(int(port) for port in text.split(",") if port)


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
