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
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import ApprovalDecided, ApprovalWanted
from webhook.approvals import lifecycle, telling
from webhook.approvals.asking import requester
from webhook.approvals.objects import (
    ASK_LABEL,
    ApprovalRequest,
    Metadata,
    Phase,
    Program,
    Spec,
    Status,
    Target,
    Use,
)
from webhook.approvals.telling import Source
from webhook.journal.journal import Journal
from webhook.policy.decision import Approval, Door, Operation

_TRIES: Final = 5
_USABLE_SECONDS: Final = 60
"""The program goes on as soon as the approval is seen."""
_MOST_SAID: Final = 200
_MOST_TOLD: Final = 10_000


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

    def decided(self, *, refused: str = "") -> ApprovalDecided:
        """Give what its recorder is told: that it may run, or why not."""
        return ApprovalDecided(self.grant.session, self.wanted.approval, not refused, refused)


class ProgramDesk:
    """Asks for programs. Methods block and raise ClusterError. ``clock`` gives Unix seconds."""

    def __init__(
        self, tickets: ProgramTickets, journal: Journal, source: Source, clock: Callable[[], float]
    ) -> None:
        self._tickets = tickets
        self._journal = journal
        self._source = source
        self._clock = clock
        self._told: dict[str, None] = {}

    def ask(self, program: WaitingProgram) -> ApprovalDecided | None:
        """Give what was decided, None while it waits. An approval is used up before it is told.

        Asking again is harmless: the request's name says which process of which session waits.
        """
        namespace, name = program.grant.namespace, program.wanted.approval
        for _ in range(_TRIES):
            ticket = self._tickets.get(namespace, name)
            if ticket is not None:
                phase = lifecycle.phase_at(ticket, self._now())
                if phase is not Phase.APPROVED or self._use(ticket, program):
                    return self._outcome(ticket, phase, program)
            elif self._make(program):
                return None
        raise ClusterError("the approval request changes faster than it can be read")

    def _make(self, program: WaitingProgram) -> bool:
        """Make a request and tell of it; False when there is one by now."""
        made = self._tickets.create(ticket_for(program, self._now()))
        if made is not None:
            self._tell(made, program)
        return made is not None

    def _tell(self, ticket: ApprovalRequest, program: WaitingProgram) -> None:
        """Tell that people are asked, unless this process has. Told twice it is the same event."""
        name = ticket.metadata.name
        if name in self._told:
            return
        self._journal.note(telling.asked(self._source, ticket, program.identity, ""))
        self._told[name] = None
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]

    def _now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(int(self._clock()), dt.UTC)

    def _use(self, ticket: ApprovalRequest, program: WaitingProgram) -> bool:
        """Use up an approval, once that is told; False when it has changed since it was read."""
        session = program.grant.session
        used = replace(ticket.status, phase=Phase.USED, use=Use(at=self._now(), session=session))
        self._journal.note(telling.used(self._source, replace(ticket, status=used), session, ""))
        return self._tickets.update(ticket, used)

    def _outcome(
        self, ticket: ApprovalRequest, phase: Phase, program: WaitingProgram
    ) -> ApprovalDecided | None:
        match phase:
            case Phase.APPROVED | Phase.USED:
                return program.decided()
            case Phase.DENIED:
                return program.decided(refused=_denial(ticket))
            case Phase.EXPIRED:
                return program.decided(
                    refused=f"nobody approved it within {program.rule.wait_seconds} seconds"
                )
            case Phase.PENDING | Phase.GRANTED:
                self._tell(ticket, program)
                return None


def ticket_for(program: WaitingProgram, now: dt.datetime) -> ApprovalRequest:
    """Give the approval request for one program. Its digest is over what is masked: it names a process."""
    wanted, grant = program.wanted, program.grant
    policy, _, rule = wanted.rule.partition("/")
    name = _said((wanted.argv[0] if wanted.argv else "") or wanted.executable) or "a program"
    place = f"pod {grant.namespace}/{grant.pod}, container {grant.container}"
    started = _program(wanted)
    bound = (
        wanted.session,
        wanted.program,
        wanted.turn,
        wanted.rule,
        wanted.executable,
        wanted.argv,
        started,
    )
    spec = Spec(
        requester=requester(program.identity),
        door=Door.EXEC,
        operation=Operation.CONNECT,
        target=Target(resource="pods", name=grant.pod, uid=grant.pod_uid, container=grant.container),
        asked=f"program {name} inside session {wanted.session} in {place}{_how(started)}",
        argv=wanted.argv,
        program=started,
        tty=grant.tty,
        digest=hashlib.sha256(msgspec.json.encode(bound)).hexdigest(),
        policy=policy,
        rule=rule,
        reason=program.rule.reason,
        approval=program.approval,
        expires_at=now + dt.timedelta(seconds=program.rule.wait_seconds),
        usable_seconds=_USABLE_SECONDS,
    )
    ask, _, _ = wanted.approval.rpartition("-")
    metadata = Metadata(name=wanted.approval, namespace=grant.namespace, labels={ASK_LABEL: ask})
    return ApprovalRequest(metadata=metadata, spec=spec)


def _program(wanted: ApprovalWanted) -> Program | None:
    """Give what is to run; None for a line that was typed, and where the recorder did not tell."""
    if wanted.uid is None:
        return None
    return Program(executable=wanted.executable, cwd=wanted.cwd, uid=wanted.uid)


def _how(program: Program | None) -> str:
    """Give what beside its arguments says what a program will do: its file, its user and its directory."""
    if program is None:
        return ""
    file = _said(program.executable) or "that nobody may read"
    return f": file {file}, as user id {program.uid}, in {_said(program.cwd) or 'an unknown directory'}"


def _said(text: str) -> str:
    """Give others' words for one line: what would break it is blank, and what is cut ends with dots."""
    kept = "".join(character if character.isprintable() else " " for character in text[:_MOST_SAID])
    return f"{kept}…" if len(text) > _MOST_SAID else kept


def encode_approval(approval: Approval) -> bytes:
    """Give who may approve, as a grant's sealed part carries it."""
    return msgspec.msgpack.encode(approval)


def decode_approval(encoded: bytes) -> Approval:
    """Read what :func:`encode_approval` made. Raises CallerError."""
    try:
        return msgspec.msgpack.decode(encoded, type=Approval)
    except UNREADABLE:
        raise CallerError("who may approve a program cannot be read from the grant") from None


def _denial(ticket: ApprovalRequest) -> str:
    last = ticket.status.decisions[-1] if ticket.status.decisions else None
    if last is None:
        return "it was denied"
    said = _said(last.reason)
    return f"{last.by.username[:_MOST_SAID]} denied it" + (f": {said}" if said else "")
