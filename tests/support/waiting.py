"""A program that waits for people, by the grant of its session."""

from recorded import Authority, Made

from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind, verify_grant
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import ApprovalWanted
from webhook.approvals.programs import WaitingProgram, encode_approval
from webhook.policy.decision import Approval

APPROVERS = Approval(groups=("approvers",))
ASK = CommandRule(
    "payments/ask",
    "it removes data",
    approve=(CommandPattern(PatternKind.PREFIX, ("rm",)),),
    wait_seconds=60,
)


def session_that_asks(authority: Authority) -> Made:
    return authority.session(commands=(ASK,), approvals={ASK.rule: encode_approval(APPROVERS)})


def wanted(made: Made, *, program: int = 2, turn: int = 1, rule: str = ASK.rule) -> ApprovalWanted:
    return ApprovalWanted(
        made.session, program, turn, rule, "/bin/rm", ("rm", "411111******1111"), "/srv", 1000
    )


def waiting_program(authority: Authority, made: Made, *, turn: int = 1) -> WaitingProgram:
    grant = verify_grant(made.token.encode(), roots=authority.trust.roots, now=None)
    return WaitingProgram(wanted(made, turn=turn), grant, Identity("alice", "u-1"), ASK, APPROVERS)
