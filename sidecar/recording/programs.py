"""Programs that run in a session, as they are recorded."""

import errno
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.commands.judging import DELETED, Asked, Denial, Judge, Wait
from sidecar.contract import events, handshake
from sidecar.contract.events import Ending
from sidecar.contract.grants import CommandRule
from sidecar.contract.identifiers import program_approval
from sidecar.recording.argv import masked_lines
from sidecar.recording.commands import AskPeople, Command, Record, Tell
from sidecar.recording.deadlines import SECOND
from sidecar.recording.inputs import Decided
from sidecar.recording.masker import Masks

_MOST_NAME: Final = 80
ON_ITS_WAY: Final = 5
"""Seconds that a decision of the last moment may take to get here."""
_TOO_MANY: Final = f"a session may start {events.MAX_PROGRAM_EVENTS:,} programs, go on in another one"
UNRECORDED_BYTES: Final = handshake.EXECUTED_ARGV_BYTES - events.MAX_PROGRAM_ARGV_BYTES
"""How much of a long command line is masked beyond what is recorded, so that no number is cut unseen."""


class _Hold(msgspec.Struct, frozen=True):
    """A program that waits for people."""

    message: handshake.Executed
    rule: CommandRule
    approved: tuple[str, ...]
    """The rules by which it was approved before."""
    asked: tuple[str, ...]
    """The approval requests, the one it waits for last."""
    until: int


class Programs:
    """Records every program of one session before it runs, judges it, and counts them."""

    def __init__(
        self,
        new_masks: Callable[[], Masks],
        judge: Judge,
        *,
        must_be_seen: bool,
        session: str,
        namespace: str,
        untraced_by: str = "",
    ) -> None:
        """``must_be_seen`` says whether there is no session where programs cannot be seen.

        ``untraced_by`` names the rule by which they are not to be, where one says so. ``session`` and
        ``namespace`` say where approvals are asked for.
        """
        self.count = 0
        """How many there were."""
        self.end: tuple[Ending, str] | None = None
        """How the session must end, and why where that does not say it; None while it may go on."""
        self._new_masks = new_masks
        self._masks: Masks | None = None
        self._judge = judge
        self._must_be_seen = must_be_seen
        self._session = session
        self._namespace = namespace
        self._untraced_by = untraced_by
        self._waiting: handshake.Executed | handshake.Untraced | Decided | None = None
        self._hold: _Hold | None = None
        self._notice = ""

    def begin(self) -> list[Command]:
        """Let the first program start; where a rule wants none traced, the record says so before."""
        if self._untraced_by:
            why = f"no program inside this session is recorded: so says rule {self._untraced_by}"
            return [Record(events.Untraced(0, why)), Tell(handshake.go_untraced())]
        return [Tell(handshake.go())]

    @property
    def deadline(self) -> int | None:
        """Until when a program waits for people; None where none does."""
        return None if self._hold is None else self._hold.until

    def count_one(self) -> bool:
        """Count a line that is recorded among the programs; False when there are as many as there may be."""
        if self.count == events.MAX_PROGRAM_EVENTS:
            return False
        self.count += 1
        return True

    def line_event(self, at: int, line: str, *, denied: str, approvals: tuple[str, ...]) -> events.Program:
        """Give the record of a line that was typed, masked."""
        typed = handshake.Executed(0, 0, 0, b"", b"", (line.encode(),), truncated=False)
        event = self._event(at, typed, denied=denied, approvals=approvals)
        return msgspec.structs.replace(event, typed=True)

    def take_notice(self) -> str:
        """Give the line for whoever runs the session, once; nothing where there is none."""
        notice, self._notice = self._notice, ""
        return notice

    def asked(
        self, at: int, message: handshake.Executed | handshake.Untraced, *, wait: bool
    ) -> list[Command]:
        """Answer the shim, or keep it waiting while nothing can be recorded. Raises HandshakeError.

        The shim asks again only when it is answered: so many programs slow themselves down.
        """
        if self._waiting is not None or self._hold is not None:
            raise handshake.HandshakeError("the shim asks about a program before it was answered")
        self._waiting = message
        return [] if wait else self.go_on(at)

    def decided(self, at: int, decided: Decided, *, wait: bool) -> list[Command]:
        """Go on with the program that somebody has decided about; another decision is not heard."""
        if self._hold is None or decided.approval != self._hold.asked[-1]:
            return []
        self._waiting = decided
        return [] if wait else self.go_on(at)

    def expire(self, at: int, *, wait: bool) -> list[Command]:
        """Give up on a program that waited for people long enough."""
        hold = self._hold
        if hold is None or at < hold.until or self._waiting is not None:
            return []
        why = f"nobody approved it within {hold.rule.wait_seconds} seconds"
        return self.decided(at, Decided(at, hold.asked[-1], approved=False, reason=why), wait=wait)

    def go_on(self, at: int) -> list[Command]:
        """Answer for the program that waits, if one does: the spool has room."""
        message, self._waiting = self._waiting, None
        match message:
            case None:
                return []
            case handshake.Untraced():
                return self._untraced(untraced_event(at, message))
            case handshake.Executed():
                return self._executed(at, message)
            case Decided():
                return self._decided(at, message)

    def _untraced(self, event: events.Untraced) -> list[Command]:
        if self._must_be_seen:
            why = f"{event.reason}, and a policy wants every program seen, so nothing runs here"
            self.end = (Ending.POLICY, why)
            return [Record(event)]
        return [Record(event), Tell(handshake.proceed())]

    def _executed(self, at: int, message: handshake.Executed) -> list[Command]:
        if self.count == events.MAX_PROGRAM_EVENTS:
            self.end = (Ending.TOO_MANY_PROGRAMS, "")
            return [Tell(handshake.deny(_TOO_MANY))]
        self.count += 1
        return self._judged(at, message)

    def _decided(self, at: int, decided: Decided) -> list[Command]:
        hold, self._hold = self._hold, None
        if hold is None:
            return []
        if decided.approved:
            approved = (*hold.approved, hold.rule.rule)
            return self._judged(at, hold.message, approved=approved, asked=hold.asked)
        return self._deny(at, hold.message, Denial(hold.rule, decided.reason), asked=hold.asked)

    def _judged(
        self,
        at: int,
        message: handshake.Executed,
        *,
        approved: tuple[str, ...] = (),
        asked: tuple[str, ...] = (),
    ) -> list[Command]:
        match self._judge.judge(_asked(message), approved=approved):
            case None:
                return [Record(self._event(at, message, approvals=asked)), Tell(handshake.proceed())]
            case Denial() as denial:
                return self._deny(at, message, denial, asked=asked)
            case Wait(rule):
                return self._hold_back(at, message, rule, approved=approved, asked=asked)

    def _deny(
        self, at: int, message: handshake.Executed, denial: Denial, *, asked: tuple[str, ...]
    ) -> list[Command]:
        event = self._event(at, message, denied=denial.rule.rule, approvals=asked)
        said = _denial_text(event, denial)
        if denial.rule.ends:
            self.end = (Ending.POLICY, f"{said}; this session was ended")
        return [Record(event), Tell(handshake.deny(said))]

    def _hold_back(
        self,
        at: int,
        message: handshake.Executed,
        rule: CommandRule,
        *,
        approved: tuple[str, ...],
        asked: tuple[str, ...],
    ) -> list[Command]:
        turn = len(asked) + 1
        name = program_approval(self._session, self.count, turn)
        until = at + (rule.wait_seconds + ON_ITS_WAY) * SECOND
        self._hold = _Hold(message, rule, approved, (*asked, name), until)
        event = self._event(at, message)
        self._notice = _waiting_text(event, rule, name, self._namespace)
        held = events.Held(at, rule.rule, name, event.executable, event.argv, rule.wait_seconds)
        ask = AskPeople(
            self.count, turn, rule.rule, event.executable, event.argv, cwd=event.cwd, uid=event.uid
        )
        return [Record(held), ask]

    def _event(
        self, at: int, message: handshake.Executed, *, denied: str = "", approvals: tuple[str, ...] = ()
    ) -> events.Program:
        self._masks = self._masks or self._new_masks()
        event = program_event(at, message, self._masks)
        return msgspec.structs.replace(event, denied=denied, approvals=approvals)


def _asked(message: handshake.Executed) -> Asked:
    return Asked(
        message.executable.decode("utf-8", "replace").removesuffix(DELETED),
        tuple(argument.decode("utf-8", "replace") for argument in message.argv),
        truncated=message.truncated,
        cwd=message.cwd.decode("utf-8", "replace"),
        uid=message.uid,
    )


def program_event(at: int, message: handshake.Executed, mask: Masks) -> events.Program:
    """Give the record of a program, all of its text masked."""
    (executable,), (cwd,), argv = masked_lines([[message.executable], [message.cwd], message.argv], mask)
    kept = _beginning(argv)
    return events.Program(
        at=at,
        pid=message.pid,
        parent=message.parent,
        uid=message.uid,
        executable=executable.decode("utf-8", "replace"),
        cwd=cwd.decode("utf-8", "replace"),
        argv=tuple(argument.decode("utf-8", "ignore") for argument in kept),
        truncated=message.truncated or kept != argv,
    )


def untraced_event(at: int, message: handshake.Untraced) -> events.Untraced:
    """Give the record of why programs are not seen."""
    if message.trace_error:
        why = f"no program inside this session is recorded: ptrace fails with {_name(message.trace_error)}"
    else:
        why = (
            "a program inside this session can start others that are not recorded:"
            f" seccomp fails with {_name(message.filter_error)}"
        )
    return events.Untraced(at, why)


def _denial_text(program: events.Program, denial: Denial) -> str:
    """Give what the person reads: what was asked, by which rule it did not happen, and what to do."""
    reason = f" ({denial.rule.reason})" if denial.rule.reason else ""
    return (
        f"'{_called(program)}' was not run: by rule {denial.rule.rule} {denial.why}{reason}."
        " Run something it allows, or ask whoever keeps that policy"
    )


def _waiting_text(program: events.Program, rule: CommandRule, approval: str, namespace: str) -> str:
    """Give what the person reads: what waits, by which rule, how long, and what lets it go on."""
    reason = f" ({rule.reason})" if rule.reason else ""
    return (
        f"'{_called(program)}' waits: by rule {rule.rule} somebody else has to approve it{reason},"
        f" within {rule.wait_seconds} seconds: chaperone approvals approve {approval} -n {namespace}"
    )


def _called(program: events.Program) -> str:
    name = (program.argv[0] if program.argv else "") or program.executable or "a program"
    return "".join(character if character.isprintable() else "?" for character in name[:_MOST_NAME])


def _beginning(argv: Sequence[bytes]) -> list[bytes]:
    """Give what of a command line is recorded; its last argument may be cut."""
    kept: list[bytes] = []
    room = events.MAX_PROGRAM_ARGV_BYTES
    for argument in argv:
        if room <= 0:
            break
        kept.append(argument[:room])
        room -= len(argument) + 1
    return kept


def _name(number: int) -> str:
    return errno.errorcode.get(number, str(number))
