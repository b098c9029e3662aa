"""What a bundle shows for each requirement of PCI DSS v4.0.1. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from webhook.evidence.approval_tables import ApprovalRow
from webhook.evidence.session_tables import FINDINGS_PEAK, OpenRow, SessionRow, is_pan
from webhook.evidence.tables import EventRow, PersonRow, PolicyRow

_SKEW_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Shown:
    """All tables of a bundle."""

    sessions: Sequence[SessionRow]
    events: Sequence[EventRow]
    approvals: Sequence[ApprovalRow]
    policies: Sequence[PolicyRow]
    people: Sequence[PersonRow]
    unsealed: Sequence[OpenRow]
    complete: bool
    """Whether every session that ended within the range was sealed by the last checkpoint."""


class Requirement(msgspec.Struct, frozen=True):
    """One requirement, and what the record says to it."""

    number: str
    asks: str
    shows: str
    attention: str
    """What somebody has to look at; empty when nothing."""
    table: str
    """The table of the page that has the details."""


def requirements(shown: Shown) -> list[Requirement]:
    """Give what is shown for each requirement, in order of their numbers."""
    return [rule(shown) for rule in _RULES]


def _masked(shown: Shown) -> Requirement:
    rules = Counter[str]()
    for row in shown.sessions:
        rules.update(row.masked_by)
    said = ", ".join(f"{count} {rule}" for rule, count in sorted(rules.items())) or "nothing had to be"
    sad = sum(count for rule, count in rules.items() if not is_pan(rule))
    asks = "PAN is masked when displayed; sensitive authentication data is not stored after authorisation"
    shows = f"Masked before it left the container: {said}. The recording holds what was shown, no more."
    attention = f"{_n(sad, 'finding')} other than PAN" if sad else ""
    return Requirement("3.3.1, 3.4.1, 3.5.1", asks, shows, attention, "sessions")


def _copies(shown: Shown) -> Requirement:
    doors = Counter(row.door for row in shown.events if row.door in {"port-forward", "proxy"})
    copies = sum(1 for row in shown.sessions if row.command.split(" ", 1)[0].rpartition("/")[2] == "tar")
    said = ", ".join(f"{count} {door}" for door, count in sorted(doors.items()))
    shows = f"{_n(copies, 'session')} ran tar, as kubectl cp does, masked; connections: {said or 'none'}."
    return Requirement("3.4.2", "No copying of PAN over remote access", shows, "", "sessions")


def _privileges(shown: Shown) -> Requirement:
    used = sum(bool(row.uses) for row in shown.approvals)
    glass = [row for row in shown.approvals if row.broken_glass]
    left = sum(not row.reviewed for row in glass)
    shows = f"{_n(len(shown.approvals), 'approval')}, {used} used; glass broken {_n(len(glass), 'time')}."
    asks = "Access is by least privilege, approved by authorised people, and reviewed"
    attention = f"{left} broken glass without a review in this record" if left else ""
    return Requirement("7.2.1-7.2.6", asks, shows, attention, "people")


def _idle(shown: Shown) -> Requirement:
    ended = Counter(row.how for row in shown.sessions if row.how in {"idle-timeout", "total-timeout"})
    shows = (
        f"{_n(ended['idle-timeout'], 'session')} ended idle, {ended['total-timeout']} at their longest time."
    )
    return Requirement("8.2.8", "Idle sessions are ended after 15 minutes", shows, "", "sessions")


def _accounts(shown: Shown) -> Requirement:
    machine = [row for row in shown.sessions if row.user.startswith("system:serviceaccount:")]
    approved = sum(bool(row.approval) for row in machine)
    shows = f"{_n(len(machine), 'session')} of service accounts, {approved} with an approval; each is named."
    asks = "Interactive use of application and system accounts is justified, approved and attributable"
    return Requirement("8.6.1", asks, shows, "", "sessions")


def _logged(shown: Shown) -> Requirement:
    kinds = Counter(row.kind for row in shown.events)
    refused = sum(row.outcome == "failure" for row in shown.events)
    shows = (
        f"{_n(len(shown.sessions), 'session')}, {_n(len(shown.events), 'audit event')}:"
        f" {_n(kinds['decision'], 'decision')},"
        f" {_n(refused, 'refusal or failure', 'refusals and failures')},"
        f" {_n(kinds['record-read'], 'read')} of the record,"
        f" {_n(kinds['control-started'], 'start')} and {_n(kinds['control-stopped'], 'stop')} of a control."
    )
    return Requirement(
        "10.2.1, 10.2.2", "Who did what, when, where and with what outcome", shows, "", "events"
    )


def _protected(shown: Shown) -> Requirement:
    lost = sum(not row.kept for row in shown.sessions)
    shows = "Every entry is proven against a signed checkpoint; see the tab Ledger."
    parts = [
        f"{_n(lost, 'recording')} missing" if lost else "",
        "" if shown.complete else "sessions that ended late in the range may not be sealed yet",
    ]
    attention = "; ".join(part for part in parts if part)
    asks = "The record is protected from change, and changes are detected"
    return Requirement("10.3.1-10.3.4", asks, shows, attention, "ledger")


def _review(shown: Shown) -> Requirement:
    denials = sum(row.kind == "decision" and row.outcome == "failure" for row in shown.events)
    gaps = sum(row.gaps for row in shown.sessions)
    shows = f"{_n(denials, 'refusal')}, {_n(gaps, 'gap')}, {_n(len(shown.unsealed), 'session')} not sealed."
    attention = _n(gaps, "gap") if gaps else ""
    return Requirement("10.4.1.1", "Audit logs are reviewed daily, by automation", shows, attention, "events")


def _time(shown: Shown) -> Requirement:
    skews = [abs(float(row.clock_skew.rstrip("s"))) for row in shown.sessions]
    late = sum(skew > _SKEW_S for skew in skews)
    shows = (
        f"Largest difference between a recorder's clock and the collector's: {max(skews, default=0):.3f} s."
    )
    attention = f"{_n(late, 'session')} off by more than {_SKEW_S:.0f} s" if late else ""
    return Requirement("10.6", "Clocks are synchronised", shows, attention, "sessions")


def _controls(shown: Shown) -> Requirement:
    failed = sum(row.kind in {"control-failed", "notification-failed"} for row in shown.events)
    incidents = sum(row.kind == "incident" for row in shown.events)
    canaries = [row.outcome == "success" for row in shown.events if row.kind == "canary"]
    died = len(canaries) - sum(canaries)
    broken = sum(row.phase == "Interrupted" for row in shown.sessions)
    tried = f"{_n(len(canaries), 'canary', 'canaries')}, {died} died" if canaries else "no canary was sent"
    shows = (
        f"{_n(failed, 'failure')} of controls, {_n(incidents, 'incident')} at recorders,"
        f" {_n(broken, 'session')} interrupted; {tried}."
    )
    asks = "Failures of critical security controls are detected and answered"
    parts = [
        _n(failed, "failure") if failed else "",
        _n(incidents, "incident") if incidents else "",
        f"{_n(died, 'canary', 'canaries')} died" if died else "",
    ]
    attention = ", ".join(filter(None, parts))
    return Requirement("10.7.2, 10.7.3", asks, shows, attention, "events")


def _found(shown: Shown) -> Requirement:
    peaks = sorted(shown.sessions, key=lambda row: (-row.masked, row.session))[:1]
    shows = "; ".join(f"most in one session: {row.masked} in {row.session}" for row in peaks if row.masked)
    asks = "PAN found where it should not be is answered"
    sessions = sum(bool(row.masked) for row in shown.sessions)
    many = sum(row.masked >= FINDINGS_PEAK for row in shown.sessions)
    return Requirement(
        "12.10.7",
        asks,
        f"Card data came up in {_n(sessions, 'session')}{'; ' if shows else ''}{shows}.",
        f"{_n(many, 'session')} with {FINDINGS_PEAK} or more" if many else "",
        "sessions",
    )


def _n(count: int, one: str, more: str = "") -> str:
    """Give a count with its word."""
    return f"{count} {one if count == 1 else more or one + 's'}"


_RULES: Final[tuple[Callable[[Shown], Requirement], ...]] = (
    _masked,
    _copies,
    _privileges,
    _idle,
    _accounts,
    _logged,
    _protected,
    _review,
    _time,
    _controls,
    _found,
)
