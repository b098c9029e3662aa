"""The exact commands that approve and wait, for messages. Names of objects and namespaces need no quoting."""

from webhook.approvals.lifecycle import DECIDED
from webhook.approvals.objects import PLURAL, ApprovalRequest


def approve_command(ticket: ApprovalRequest) -> str:
    """Give the kubectl command by which somebody else approves."""
    reason = ',"reason":"WHY"' if ticket.spec.approval.reason_required else ""
    body = f'{{"decision":{{"verdict":"approve"{reason}}}}}'
    place = f"{ticket.metadata.name} -n {ticket.metadata.namespace}"
    return f"kubectl patch {PLURAL} {place} --type=merge -p '{body}'"


def wait_command(ticket: ApprovalRequest, seconds: int) -> str:
    """Give the kubectl command that waits until it is decided, at most so long."""
    place = f"{PLURAL}/{ticket.metadata.name} -n {ticket.metadata.namespace}"
    return f"kubectl wait {place} --for=condition={DECIDED} --timeout={seconds}s"
