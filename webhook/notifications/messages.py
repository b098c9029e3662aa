"""What people are told: what is asked, by whom, which rule, until when, and the exact commands. Pure."""

import datetime as dt
import re
import shlex
from collections.abc import Callable
from enum import Enum
from typing import Final

import msgspec

from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.notifications import words

TITLE: Final = 120
_IN_TITLE: Final = 90
"""What is asked is said in the title when it is no longer than this."""
_SHORT: Final = 200
_LONG: Final = 400
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""A name that needs no quoting in a command line; others are never put into one."""
_REASON: Final = ' --reason "WHY"'


class Severity(Enum):
    """How a message is coloured and, where a service knows that, how loud it is."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Fact(msgspec.Struct, frozen=True):
    """One thing a message says: a label of ours, and a text that may be somebody else's, harmless."""

    label: str
    text: str
    is_quoted: bool = True
    """Whether it is shown as somebody else's words."""


class Command(msgspec.Struct, frozen=True):
    """A command line of ours, exact."""

    label: str
    line: str
    is_spare: bool = False
    """Whether another does the same."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent."""

    title: str
    """Without mark-up."""
    severity: Severity
    facts: tuple[Fact, ...]
    commands: tuple[Command, ...] = ()
    loud: bool = False
    """Whether services that have priorities are told a high one."""


def message(event: AuditEvent) -> Message:
    """Give what is said of one audit event, which is masked."""
    return _MESSAGES.get(event.kind, _other)(event)


def _asked(event: AuditEvent) -> Message:
    return Message(
        title=_title("Approval needed", event),
        severity=Severity.WARNING,
        facts=(
            *_facts(event, ("Who", event.requester or event.actor.username)),
            *_quoted(("Decide before", _moment(event.details.get("expires", "")))),
            *_quoted(("People needed", event.details.get("people", ""))),
        ),
        commands=_commands(event, _deciding),
    )


def _decided(event: AuditEvent) -> Message:
    verdict = event.details.get("verdict", "")
    what, severity = _VERDICTS.get(verdict, (f"Decided ({words.heading(verdict, 20)})", Severity.INFO))
    missing = event.details.get("missing", "")
    return Message(
        title=_title(what, event),
        severity=severity,
        facts=(
            *_quoted(("Decided by", event.actor.username), ("Reason", event.reason)),
            *_quoted(("Still missing", f"{missing} more to agree" if missing else "")),
            *_facts(event, ("For", event.requester), reason=False),
            *_quoted(("Until", _moment(event.details.get("until", "")))),
        ),
        commands=_commands(event),
    )


_VERDICTS: Final = {
    "approve": ("Approved", Severity.SUCCESS),
    "deny": ("Denied", Severity.INFO),
    "review": ("Reviewed", Severity.INFO),
    "standing": ("Standing approval given", Severity.WARNING),
}


def _expired(event: AuditEvent) -> Message:
    return Message(
        title=_title("Approval expired", event),
        severity=Severity.INFO,
        facts=(*_facts(event, ("Who asked", event.requester)), _plain("Now", "it has to be asked for again")),
        commands=_commands(event),
    )


def _break_glass(event: AuditEvent) -> Message:
    return Message(
        title=_title("BREAK GLASS", event),
        severity=Severity.FAILURE,
        facts=(
            *_facts(event, ("Who", event.actor.username)),
            *_quoted(("Session", event.session)),
            _plain("Now", "nobody approved this and it goes on: look at what is done, and review it"),
        ),
        commands=_commands(event, _reviewing),
        loud=True,
    )


def _failed(event: AuditEvent) -> Message:
    return Message(
        title=_title("A control of Chaperone failed", event),
        severity=Severity.FAILURE,
        facts=(
            *_quoted(("What", event.asked), ("Why", event.reason), ("Where", event.origin)),
            *(Fact(words.heading(key, 40), words.value(text, _SHORT)) for key, text in event.details.items()),
        ),
        loud=True,
    )


def _incident(event: AuditEvent) -> Message:
    return Message(
        title=_title("Incident at a recorder", event),
        severity=Severity.FAILURE,
        facts=_facts(event),
        commands=_session_commands(event, running=False),
    )


def _canary(event: AuditEvent) -> Message:
    return Message(
        title=_title("A canary died: a control does not work", event),
        severity=Severity.FAILURE,
        facts=(
            *_facts(event, ("Who", event.actor.username)),
            *(Fact(words.heading(key, 40), words.value(text, _SHORT)) for key, text in event.details.items()),
        ),
        commands=_session_commands(event, running=False),
        loud=True,
    )


def _found(event: AuditEvent) -> Message:
    return Message(
        title=_title("Card data found", event),
        severity=Severity.WARNING,
        facts=(
            *_facts(event, ("Who", event.actor.username)),
            *_quoted(
                ("How much", event.details.get("findings", "")), ("Which", event.details.get("by rule", ""))
            ),
        ),
        commands=_session_commands(event, running=True),
    )


def _lost(event: AuditEvent) -> Message:
    return Message(
        title=_title("Recorder lost", event),
        severity=Severity.FAILURE,
        facts=(
            *_facts(event, ("Whose", event.requester)),
            *_quoted(("Node", event.details.get("node", ""))),
            _plain("Now", "the record is closed as interrupted, with what came until then"),
        ),
        commands=_session_commands(event, running=False),
    )


def _killed(event: AuditEvent) -> Message:
    return Message(
        title=_title("Session ended by order", event),
        severity=Severity.INFO,
        facts=_facts(event, ("By", event.actor.username), ("Whose", event.requester)),
        commands=_session_commands(event, running=False),
    )


def _session_commands(event: AuditEvent, *, running: bool) -> tuple[Command, ...]:
    """Give the commands about a session, none where its name could be anything else."""
    name, namespace = event.session, event.where.namespace
    if not (_NAME.fullmatch(name) and _NAME.fullmatch(namespace)):
        return ()
    place = f"{name} -n {namespace}"
    ending = (Command("End it", f"chaperone sessions kill {place} --reason WHY"),) if running else ()
    return (Command("Show", f"chaperone sessions show {place}"), *ending)


def _other(event: AuditEvent) -> Message:
    return Message(
        title=_title(event.kind.value.replace("-", " ").capitalize(), event),
        severity=Severity.INFO if event.outcome is Outcome.SUCCESS else Severity.WARNING,
        facts=_facts(event, ("Who", event.actor.username)),
        commands=_commands(event),
    )


_MESSAGES: Final[dict[Kind, Callable[[AuditEvent], Message]]] = {
    Kind.APPROVAL_ASKED: _asked,
    Kind.APPROVAL_DECIDED: _decided,
    Kind.APPROVAL_EXPIRED: _expired,
    Kind.BREAK_GLASS: _break_glass,
    Kind.CONTROL_FAILED: _failed,
    Kind.INCIDENT: _incident,
    Kind.CANARY: _canary,
    Kind.SESSION_FINDING: _found,
    Kind.SESSION_KILLED: _killed,
    Kind.SESSION_LOST: _lost,
}


def _title(what: str, event: AuditEvent) -> str:
    asked = event.asked or event.reason
    return words.heading(f"{what}: {asked}" if asked else what, TITLE)


def _facts(event: AuditEvent, *people: tuple[str, str], reason: bool = True) -> tuple[Fact, ...]:
    rule = f"{event.rule} of policy {event.policy}" if event.rule else event.policy
    return (
        *_quoted(*people),
        *_quoted(("What", event.asked if len(event.asked) > _IN_TITLE else "")),
        *_quoted(("Command", _line(event.argv)), most=_LONG),
        *_quoted(("Rule", rule), ("Why", event.reason if reason else "")),
    )


def _quoted(*facts: tuple[str, str], most: int = _SHORT) -> tuple[Fact, ...]:
    """Give those that say anything."""
    return tuple(Fact(label, words.value(text, most)) for label, text in facts if text)


def _line(argv: tuple[str, ...]) -> str:
    """Give a command line in which it is seen where each argument ends, quoted as a shell would take it."""
    return " ".join(
        f'"{part}"' if "'" in part and not set(part) & set('"$`\\!') else shlex.quote(part) for part in argv
    )


def _plain(label: str, text: str) -> Fact:
    return Fact(label, text, is_quoted=False)


def _moment(text: str) -> str:
    """Give a moment of RFC 3339 as people read it, in UTC."""
    try:
        return dt.datetime.fromisoformat(text).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


def _commands(
    event: AuditEvent, more: Callable[[AuditEvent, str], tuple[Command, ...]] = lambda _, __: ()
) -> tuple[Command, ...]:
    """Give the commands about an approval request, none where its name could be anything else."""
    name, namespace = event.approval, event.where.namespace
    if not (_NAME.fullmatch(name) and _NAME.fullmatch(namespace)):
        return ()
    place = f"{name} -n {namespace}"
    return (Command("Show", f"chaperone approvals show {place}"), *more(event, place))


def _deciding(event: AuditEvent, place: str) -> tuple[Command, ...]:
    asks_why = event.details.get("reason-required") == "true"
    reason = _REASON if asks_why else ""
    body = '{"decision":{"verdict":"approve"' + (',"reason":"WHY"' if asks_why else "") + "}}"
    patch = f"kubectl patch approvalrequests {place} --type=merge -p '{body}'"
    return (
        Command("Approve", f"chaperone approvals approve {place}{reason}"),
        Command("Deny", f"chaperone approvals deny {place}{reason}"),
        Command("Or with kubectl", patch, is_spare=True),
    )


def _reviewing(_: AuditEvent, place: str) -> tuple[Command, ...]:
    return (Command("Review", f"chaperone approvals review {place}{_REASON}"),)
