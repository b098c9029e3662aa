"""Approvals of programs inside sessions: one for the very process that waits, asked for by the collector."""

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError, ClusterError
from sidecar.contract.grants import CommandRule, Grant
from sidecar.contract.identifiers import program_approval
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import ApprovalDecided, ApprovalWanted
from webhook.approvals import lifecycle, telling
from webhook.approvals.objects import (
    ASK_LABEL,
    MAX_GROUPS,
    ApprovalRequest,
    Metadata,
    Person,
    Phase,
    Spec,
    Status,
    Target,
    Use,
)
from webhook.approvals.telling import Source
from webhook.journal.journal import Journal, JournalFullError
from webhook.policy.decision import Approval, Door, Operation

_TRIES: Final = 5
_USABLE_SECONDS: Final = 60
"""The program goes on as soon as the approval is seen."""
_MOST_SAID: Final = 200


class ProgramTickets(Protocol):
    """Where approval requests are kept. Methods block and raise ClusterError."""

    def get(self, namespace: str, name: str) -> ApprovalRequest | None:
        """Give one, None when there is none."""
        ...

    def create(self, ticket: ApprovalRequest) -> ApprovalRequest | None:
        """Make one and give it as it is kept; None when there is one of that name."""
        ...

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        """Give one a new status; False when it has changed since it was read, or is gone."""
        ...

    def remove(self, ticket: ApprovalRequest) -> bool:
        """Remove one; False when it has changed since it was read, or is gone."""
        ...


class WaitingProgram(msgspec.Struct, frozen=True):
    """A program that waits in a session, and what its grant says of that."""

    wanted: ApprovalWanted
    """Masked."""
    grant: Grant
    identity: Identity
    """Whose session it is, masked."""
    rule: CommandRule
    approval: Approval
    """Who may approve."""


class ProgramDesk:
    """Asks for programs. Methods block and raise ClusterError. ``clock`` gives Unix seconds."""

    def __init__(
        self, tickets: ProgramTickets, journal: Journal, source: Source, clock: Callable[[], float]
    ) -> None:
        self._tickets = tickets
        self._journal = journal
        self._source = source
        self._clock = clock

    def ask(self, program: WaitingProgram) -> ApprovalDecided | None:
        """Give what was decided, None while it waits. An approval is used up before it is told.

        Asking again is harmless: the request's name says which process of which session waits.
        """
        for _ in range(_TRIES):
            ticket = self._tickets.get(program.grant.namespace, program.wanted.approval)
            if ticket is None and not self._make(program):
                continue
            if ticket is None:
                return None
            decided = self._look(ticket, program)
            if decided is not _AGAIN:
                return decided
        raise ClusterError("the approval request changes faster than it can be read")

    def _make(self, program: WaitingProgram) -> bool:
        """Make a request and tell of it; False when there is one by now."""
        now = dt.datetime.fromtimestamp(int(self._clock()), dt.UTC)
        made = self._tickets.create(ticket_for(program, now))
        if made is None:
            return False
        try:
            self._journal.note(telling.asked(self._source, made, program.identity, ""))
        except JournalFullError:
            self._tickets.remove(made)
            raise
        return True

    def _look(self, ticket: ApprovalRequest, program: WaitingProgram) -> ApprovalDecided | None:
        now = dt.datetime.fromtimestamp(int(self._clock()), dt.UTC)
        session = program.grant.session
        match lifecycle.phase_at(ticket, now):
            case Phase.APPROVED:
                used = replace(ticket.status, phase=Phase.USED, use=Use(at=now, session=session))
                self._journal.note(telling.used(self._source, replace(ticket, status=used), session, ""))
                return _decided(program) if self._tickets.update(ticket, used) else _AGAIN
            case Phase.USED:
                return _decided(program)
            case Phase.DENIED:
                return _decided(program, _denial(ticket))
            case Phase.EXPIRED:
                return _decided(program, f"nobody approved it within {program.rule.wait_seconds} seconds")
            case Phase.PENDING | Phase.GRANTED:
                return None


_AGAIN: Final = ApprovalDecided("", "", approved=False)
"""The request changed while it was looked at."""


def ticket_for(program: WaitingProgram, now: dt.datetime) -> ApprovalRequest:
    """Give the approval request for one program. Its digest is over what is masked: it names a process."""
    wanted, grant, identity = program.wanted, program.grant, program.identity
    policy, _, rule = wanted.rule.partition("/")
    name = (wanted.argv[0] if wanted.argv else "") or wanted.executable or "a program"
    place = f"pod {grant.namespace}/{grant.pod}, container {grant.container}"
    bound = (wanted.session, wanted.program, wanted.turn, wanted.rule, wanted.executable, wanted.argv)
    spec = Spec(
        requester=Person(
            username=identity.username, uid=identity.uid, groups=tuple(identity.groups[:MAX_GROUPS])
        ),
        door=Door.EXEC,
        operation=Operation.CONNECT,
        target=Target(resource="pods", name=grant.pod, uid=grant.pod_uid, container=grant.container),
        asked=f"program {name[:_MOST_SAID]} inside session {wanted.session} in {place}",
        argv=wanted.argv,
        tty=grant.tty,
        digest=hashlib.sha256(msgspec.json.encode(bound)).hexdigest(),
        policy=policy,
        rule=rule,
        reason=program.rule.reason,
        approval=program.approval,
        expires_at=now + dt.timedelta(seconds=program.rule.wait_seconds),
        usable_seconds=_USABLE_SECONDS,
    )
    base = program_approval(wanted.session, wanted.program, wanted.turn).rpartition("-")[0]
    metadata = Metadata(name=wanted.approval, namespace=grant.namespace, labels={ASK_LABEL: base})
    return ApprovalRequest(metadata=metadata, spec=spec)


def encode_approval(approval: Approval) -> bytes:
    """Give who may approve, as a grant's sealed part carries it."""
    return msgspec.msgpack.encode(approval)


def decode_approval(encoded: bytes) -> Approval:
    """Read what :func:`encode_approval` made. Raises CallerError."""
    try:
        return msgspec.msgpack.decode(encoded, type=Approval)
    except UNREADABLE:
        raise CallerError("who may approve a program cannot be read from the grant") from None


def _decided(program: WaitingProgram, refused: str = "") -> ApprovalDecided:
    return ApprovalDecided(program.grant.session, program.wanted.approval, not refused, refused)


def _denial(ticket: ApprovalRequest) -> str:
    last = ticket.status.decisions[-1] if ticket.status.decisions else None
    if last is None:
        return "it was denied"
    said = "".join(character if character.isprintable() else " " for character in last.reason[:_MOST_SAID])
    return f"{last.by.username[:_MOST_SAID]} denied it" + (f": {said}" if said else "")
