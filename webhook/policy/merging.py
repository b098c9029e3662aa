"""The terms of a session that several questions are asked about: each must find its own in them."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from sidecar.contract.grants import Limits
from sidecar.masking import Profile
from webhook.policy.decision import Decision
from webhook.policy.demands import strictest


def together(decisions: Sequence[Decision]) -> Decision:
    """Give the strictest of decisions, under the terms of all of them."""
    judged = any(one.traced or one.commands for one in decisions)
    untraced = not judged and all(one.untraced for one in decisions)
    profiles = {one.profile for one in decisions}
    return replace(
        strictest(decisions),
        profile=Profile.STRICT.value if Profile.STRICT.value in profiles else decisions[0].profile,
        limits=_limits([one.limits for one in decisions]),
        masking_rules=tuple(dict.fromkeys(rule for one in decisions for rule in one.masking_rules)),
        commands=tuple(dict.fromkeys(rule for one in decisions for rule in one.commands)),
        program_approvals={rule: who for one in decisions for rule, who in one.program_approvals.items()},
        traced=any(one.traced for one in decisions),
        untraced=decisions[0].untraced if untraced else "",
    )


def _limits(limits: Sequence[Limits]) -> Limits:
    """Give the lowest of each; zero is none."""
    return Limits(
        idle_seconds=_lowest(one.idle_seconds for one in limits),
        total_seconds=_lowest(one.total_seconds for one in limits),
        output_bytes=_lowest(one.output_bytes for one in limits),
        findings=_lowest(one.findings for one in limits),
    )


def _lowest(given: Iterable[int]) -> int:
    return min((value for value in given if value), default=0)
