"""Who attached to a container's own program while one of its sessions ran, from the audit events about it."""

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from sidecar.contract.events import SessionKind
from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.objects import Session
from webhook.cli.access import Opened
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.listing import escaped
from webhook.cli.times import local
from webhook.journal.events import Kind, Outcome
from webhook.replay.safety import printable

_ATTACH = "pods/attach"


def attach_lines(opened: Opened, session: Session, now: datetime) -> list[Text]:
    """Give who was let attach, and when, since the session before ended: they see this one from its start on.

    Nothing for other sessions than a container's own program. Somebody who attached during the session before
    may still be there. Raises CliError.
    """
    if session.spec.kind != SessionKind.MAIN_PROCESS.value:
        return []
    try:
        found = list(_attaches(opened, session))[::-1]
    except CliError as error:
        if error.code is not ExitCode.FORBIDDEN:
            raise
        return [_line("Attached", "you may not read auditevents, which say who attached")]
    told = [f"{printable(event.actor.username)}, {local(event.at, now)}{_how(event)}" for event in found]
    return [_line("" if number else "Attached", text) for number, text in enumerate(told)]


def _attaches(opened: Opened, session: Session) -> Iterator[AuditEvent]:
    spec, status = session.spec, session.status
    fields = {"type": Kind.DECISION.value, "outcome": Outcome.SUCCESS.value, "about.uid": spec.pod_uid}
    parameters = {
        "fieldSelector": ",".join(f"{name}={escaped(value)}" for name, value in fields.items()),
        "since": _since(opened, session),
        "until": status.ended_at,
    }
    given = {name: value for name, value in parameters.items() if value}
    for event, _ in opened.audit.events_with(session.metadata.namespace, given, limit=None):
        about = event.about
        if (about.resource, about.container) == (_ATTACH, spec.container) and not event.dry_run:
            yield event


def _since(opened: Opened, session: Session) -> str:
    """Give from when on somebody attached who may have been there when the session began; empty for ever.

    No record is kept between the session before and this one, nor before the first.
    """
    began, previous = session.status.started_at, session.spec.previous
    if not previous:
        return ""
    try:
        before = opened.audit.find(previous, session.metadata.namespace, elsewhere=False).session
    except CliError as error:
        if error.code is not ExitCode.NOT_FOUND:
            raise
        return began
    return min(before.status.ended_at or began, began, key=datetime.fromisoformat)


def _how(event: AuditEvent) -> str:
    """Say whether somebody could type."""
    return ", with input" if event.details.get("stdin") == "true" else ", without input"


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"{name:<14}", "bold"), text)
