"""The exact commands that decide and wait, for messages. Names of objects and namespaces need no quoting."""

from typing import Final

from webhook.approvals.lifecycle import DECIDED
from webhook.approvals.objects import PLURAL, ApprovalRequest, Verdict

_UNTIL_TOLD: Final = 10
"""Seconds until a request whose time has passed says so (``webhook/approvals/sweeping.py``)."""


def approve_command(ticket: ApprovalRequest) -> str:
    """Give the kubectl command by which somebody else approves."""
    return _decision(ticket, Verdict.APPROVE, with_reason=ticket.spec.approval.reason_required)


def break_glass_command(ticket: ApprovalRequest) -> str:
    """Give the kubectl command by which the requester goes on in an emergency."""
    return _decision(ticket, Verdict.BREAK_GLASS, with_reason=True)


def review_command(ticket: ApprovalRequest) -> str:
    """Give the kubectl command by which somebody else reviews how the glass was broken."""
    return _decision(ticket, Verdict.REVIEW, with_reason=True)


def wait_command(ticket: ApprovalRequest, seconds: int) -> str:
    """Give the kubectl command that waits until it is decided or, after so long, has expired."""
    place = f"{PLURAL}/{ticket.metadata.name} -n {ticket.metadata.namespace}"
    return f"kubectl wait {place} --for=condition={DECIDED} --timeout={seconds + _UNTIL_TOLD}s"


def _decision(ticket: ApprovalRequest, verdict: Verdict, *, with_reason: bool) -> str:
    reason = ',"reason":"WHY"' if with_reason else ""
    body = f'{{"decision":{{"verdict":"{verdict.value}"{reason}}}}}'
    place = f"{ticket.metadata.name} -n {ticket.metadata.namespace}"
    return f"kubectl patch {PLURAL} {place} --type=merge -p '{body}'"
