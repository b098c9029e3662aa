"""How the approval that let a session start came about, from the audit events about it."""

from collections.abc import Iterable
from datetime import datetime

from rich.text import Text

from webhook.audit_api.event_objects import AuditEvent
from webhook.audit_api.objects import Session
from webhook.cli.access import Opened
from webhook.cli.event_listing import events_of
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.times import local
from webhook.journal.events import Kind
from webhook.replay.safety import printable

_VERBS = {
    Kind.APPROVAL_ASKED.value: "asked for",
    Kind.APPROVAL_DECIDED.value: "decided",
    Kind.APPROVAL_REFUSED.value: "verdict not taken",
    Kind.APPROVAL_USED.value: "used",
    Kind.BREAK_GLASS.value: "glass broken",
    Kind.APPROVAL_EXPIRED.value: "expired",
    Kind.APPROVAL_REMOVED.value: "removed",
}


def approval_lines(opened: Opened, session: Session, now: datetime) -> list[Text]:
    """Give who asked for, decided on and used the approval of a session, and why; nothing without one.

    Raises CliError.
    """
    name = session.spec.decision.approval
    if not name:
        return []
    try:
        events = events_of(opened, session.metadata.namespace, approval=name)
    except CliError as error:
        if error.code is not ExitCode.FORBIDDEN:
            raise
        return [_line("Approval", f"{printable(name)}; you may not read auditevents, which say who decided")]
    return _told(name, events, now)


def _told(name: str, events: Iterable[AuditEvent], now: datetime) -> list[Text]:
    lines = [
        _line("", f"{_VERBS[event.type]} by {_who(event)}, {local(event.at, now)}{_why(event)}")
        for event in events
        if event.type in _VERBS
    ]
    told = f"{printable(name)}{'' if lines else '; no audit event tells of it'}"
    return [_line("Approval", told), *lines]


def _who(event: AuditEvent) -> str:
    verdict = event.details.get("verdict", "") or event.decision.action
    decided = f" ({printable(verdict)})" if verdict and event.type == Kind.APPROVAL_DECIDED.value else ""
    return f"{printable(event.actor.username)}{decided}"


def _why(event: AuditEvent) -> str:
    return f": {printable(event.reason)}" if event.reason else ""


def _line(name: str, text: str) -> Text:
    return Text.assemble((f"{name:<14}", "bold"), text)
