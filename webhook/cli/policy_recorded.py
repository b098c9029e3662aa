"""Questions of the record: what sessions and connections were asked for, let through or not."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from sidecar.contract.sealing import Identity
from webhook.admission.questions import target
from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.objects import Session, User
from webhook.cli.audit import Audit
from webhook.journal.events import Kind
from webhook.policy.decision import Door, Operation, Question
from webhook.policy.privileges import Privilege

_DOORS: Final = frozenset(
    door.value
    for door in (
        Door.EXEC,
        Door.ATTACH,
        Door.EPHEMERAL_CONTAINER,
        Door.PORT_FORWARD,
        Door.PROXY,
        Door.CHAPERONE,
    )
)
"""Doors at which events hold all that a question does, but for labels; of objects they hold no content."""


def recorded(audit: Audit, since: str) -> Iterator[list[Question]]:
    """Give the questions of recorded sessions, then of decisions that no session is of. Raises CliError.

    ``since`` is a time as the API reads it, or nothing.
    """
    parameters = {"since": since} if since else {}
    seen: set[str] = set()
    for item in audit.sessions(None, parameters, limit=None):
        seen.add(item.session.metadata.name)
        yield [session_asked(item.session)]
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


def decisions_asked(events: Iterable[AuditEvent]) -> Iterator[list[Question]]:
    """Give the questions that each decision about a session or connection answered; texts are masked.

    What a door refused without asking policies was no question.
    """
    for event in events:
        is_entry = event.operation == Operation.CONNECT.value or event.door == Door.EPHEMERAL_CONTAINER.value
        if event.decision.action and is_entry and event.door in _DOORS:
            reached = event.details.get("reaches", "").split(",")
            question = _asked(event)
            yield [question, *(replace(question, container=name) for name in reached if name)]


def _asked(event: AuditEvent) -> Question:
    about, details = event.about, event.details
    is_proxy = about.resource.endswith("/proxy")
    name, ports = target(about.name) if is_proxy else (about.name, _ports(details.get("ports", "")))
    return Question(
        door=Door(event.door),
        operation=Operation(event.operation),
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
        privileges=tuple(Privilege(word) for word in details.get("privileges", "").split(",") if word),
    )


def _identity(user: User) -> Identity:
    return Identity(user.username, user.uid, user.groups, user.extra)


def _ports(text: str) -> tuple[int, ...]:
    return tuple(int(port) for port in text.split(",") if port)


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
