"""Terms of sessions: those of all rules that match add up, and the strictest of each counts."""

from collections.abc import Iterable, Sequence

import msgspec

from sidecar.contract.grants import CommandRule, Limits, MaskingRule
from sidecar.masking import Profile
from webhook.policy.decision import Approval, MainProcess
from webhook.policy.document import Recording, SessionLimits, Tracing


class Terms(msgspec.Struct, frozen=True):
    """What one rule asks of a session; None where it asks nothing."""

    profile: Profile | None = None
    limits: SessionLimits = SessionLimits()
    masking_rules: tuple[MaskingRule, ...] = ()
    commands: tuple[CommandRule, ...] = ()
    program_approvals: dict[str, Approval] = {}
    """Who may approve programs inside, by ``policy/rule``."""
    main_processes: tuple[MainProcess, ...] = ()
    tracing: Tracing | None = None
    recording: Recording | None = None


def profile_of(terms: Sequence[Terms], otherwise: str) -> str:
    """Give the masking profile: STRICT if any asks for it."""
    asked = {term.profile for term in terms} - {None}
    if Profile.STRICT in asked:
        return Profile.STRICT.value
    return Profile.MODERN.value if asked else otherwise


def limits_of(terms: Sequence[Terms], otherwise: Limits) -> Limits:
    """Give the lowest of each limit; where none asks, the installation's. Zero is no limit."""
    return Limits(
        idle_seconds=_lowest((term.limits.idle_seconds for term in terms), otherwise.idle_seconds),
        total_seconds=_lowest((term.limits.total_seconds for term in terms), otherwise.total_seconds),
        output_bytes=_lowest((term.limits.output_bytes for term in terms), otherwise.output_bytes),
        findings=_lowest((term.limits.findings for term in terms), otherwise.findings),
    )


def masking_of(terms: Sequence[Terms]) -> tuple[MaskingRule, ...]:
    """Give every masking rule once."""
    return tuple(dict.fromkeys(rule for term in terms for rule in term.masking_rules))


def commands_of(terms: Sequence[Terms]) -> tuple[CommandRule, ...]:
    """Give every rule about programs inside once."""
    return tuple(dict.fromkeys(rule for term in terms for rule in term.commands))


def program_approvals_of(terms: Sequence[Terms]) -> dict[str, Approval]:
    """Give who may approve programs inside, for each rule that wants it."""
    return {rule: approval for term in terms for rule, approval in term.program_approvals.items()}


def main_processes_of(terms: Sequence[Terms]) -> tuple[MainProcess, ...]:
    """Give whose own programs run under the shim, by any of the rules."""
    return tuple(dict.fromkeys(one for term in terms for one in term.main_processes))


def traced_by(terms: Sequence[Terms]) -> bool:
    """Tell whether any asks that programs be seen: rules about them cannot hold otherwise."""
    return any(term.commands or term.tracing is Tracing.REQUIRED for term in terms)


def goes_untraced(terms: Sequence[Terms]) -> bool:
    """Tell whether some rule says that programs are not traced, and none that they are or must be judged."""
    said = {term.tracing for term in terms} - {None}
    return said == {Tracing.NONE} and not any(term.commands for term in terms)


def may_go_unrecorded(terms: Sequence[Terms]) -> bool:
    """Tell whether some rule says that nothing need be recorded, and none that it must."""
    return {term.recording for term in terms} - {None} == {Recording.NONE}


def _lowest(asked: Iterable[int | None], otherwise: int) -> int:
    given = [value for value in asked if value is not None]
    return min((value for value in given if value), default=0) if given else otherwise
