"""Everything known of one session, for people."""

import shlex
from datetime import datetime

from msgspec import UnsetType
from rich.text import Text

from sidecar.contract.events import SessionKind
from webhook.audit_api.objects import Session
from webhook.cli.output import PHASE_STYLES
from webhook.cli.times import human, local
from webhook.replay.safety import printable

_Fact = tuple[str, str | Text]
MAIN_PROCESS = SessionKind.MAIN_PROCESS.value


def detail_lines(session: Session, now: datetime) -> list[Text]:
    """Give everything known of a session, one fact a line; what is not known has none."""
    facts = [*_what(session), *_when(session, now), *_outcome(session), *_proof(session)]
    return [Text.assemble((f"{name:<14}", "bold"), value) for name, value in facts if value]


def _what(session: Session) -> list[_Fact]:
    spec = session.spec
    user = spec.user
    extra = [f"{key}={','.join(values)}" for key, values in user.extra.items()]
    container = printable(f"{session.metadata.namespace}/{spec.pod} · {spec.container}")
    return [
        ("Session", session.metadata.name),
        ("Kind", _kind(session)),
        ("Follows", printable(spec.previous)),
        ("Command", printable(shlex.join(spec.command))),
        ("User", printable(user.username)),
        ("Groups", printable(", ".join(user.groups))),
        ("Extra", printable(" ".join(extra))),
        ("Container", container),
        ("Pod UID", printable(spec.pod_uid)),
        ("Node", printable(spec.node)),
        ("Streams", f"{'terminal' if spec.tty else 'pipes'}, {'with' if spec.stdin else 'no'} input"),
    ]


def _kind(session: Session) -> str:
    """Say of a container's own program what is recorded; an exec needs no word."""
    spec = session.spec
    if spec.kind != MAIN_PROCESS:
        return ""
    content = "without content" if spec.without_content else "with content"
    resumed = ", resumed from another recorder: output may be missing" if spec.resumed else ""
    return f"the container's own program, recorded {content}{resumed}"


def _when(session: Session, now: datetime) -> list[_Fact]:
    status = session.status
    return [
        ("Started", local(status.started_at, now)),
        ("Ended", local(status.ended_at, now) if status.ended_at else ""),
        ("Duration", human(status.duration) if status.duration else ""),
        ("Clock skew", printable(status.clock_skew)),
    ]


def _outcome(session: Session) -> list[_Fact]:
    status = session.status
    ending = printable(": ".join(part for part in (status.how, status.reason) if part))
    by_rule = ", ".join(f"{count} × {printable(rule)}" for rule, count in status.findings.by_rule.items())
    counts = status.bytes
    return [
        ("Phase", Text(printable(status.phase), PHASE_STYLES.get(status.phase, ""))),
        ("How it ended", ending),
        ("Exit code", "" if isinstance(status.exit_code, UnsetType) else str(status.exit_code)),
        ("Bytes", f"input {counts.stdin:,}, output {counts.stdout:,}, error output {counts.stderr:,}"),
        ("Programs", str(status.programs) if status.programs else ""),
        ("Tracing", Text(f"off: {printable(status.untraced)}", "yellow") if status.untraced else ""),
        ("Search", "sees the beginning of the long streams only" if status.partly_searchable else ""),
        ("Masked", Text(by_rule, "yellow") if by_rule else "nothing"),
    ]


def _proof(session: Session) -> list[_Fact]:
    decision, chain = session.spec.decision, session.status.chain
    approval = f", approval {decision.approval}" if decision.approval else ""
    masking = session.spec.masking
    return [
        ("Decision", printable(f"{decision.action} by {decision.policy}/{decision.rule}{approval}")),
        ("Audit mode", printable(f"would be {decision.would}") if decision.would else ""),
        ("Request UID", printable(decision.request_uid)),
        ("Masking", printable(f"profile {masking.profile}, {masking.fingerprint}")),
        ("Recorder", printable(session.status.recorder)),
        ("Hash chain", printable(f"{chain.next_sequence} events, sha256:{chain.digest}")),
    ]
