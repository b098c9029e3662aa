"""Programs that run in a session, as they are recorded."""

import errno
from collections.abc import Callable, Sequence
from typing import Final

from sidecar.commands.judging import Denial, Judge
from sidecar.contract import events, handshake
from sidecar.contract.events import Ending
from sidecar.recording.argv import masked_lines
from sidecar.recording.commands import Command, Record, Tell
from sidecar.recording.masker import Masks

_MOST_NAME: Final = 80
_TOO_MANY: Final = f"a session may start {events.MAX_PROGRAM_EVENTS:,} programs, go on in another one"
UNRECORDED_BYTES: Final = handshake.EXECUTED_ARGV_BYTES - events.MAX_PROGRAM_ARGV_BYTES
"""How much of a long command line is masked beyond what is recorded, so that no number is cut unseen."""


class Programs:
    """Records every program of one session before it runs, judges it, and counts them."""

    def __init__(self, new_masks: Callable[[], Masks], judge: Judge, *, must_be_seen: bool) -> None:
        """``must_be_seen`` says whether there is no session where programs cannot be seen."""
        self.count = 0
        """How many there were."""
        self.end: tuple[Ending, str] | None = None
        """How the session must end, and why where that does not say it; None while it may go on."""
        self._new_masks = new_masks
        self._masks: Masks | None = None
        self._judge = judge
        self._must_be_seen = must_be_seen
        self._waiting: handshake.Executed | handshake.Untraced | None = None

    def asked(
        self, at: int, message: handshake.Executed | handshake.Untraced, *, wait: bool
    ) -> list[Command]:
        """Answer the shim, or keep it waiting while nothing can be recorded. Raises HandshakeError.

        The shim asks again only when it is answered: so many programs slow themselves down.
        """
        if self._waiting is not None:
            raise handshake.HandshakeError("the shim asks about a program before it was answered")
        self._waiting = message
        return [] if wait else self.go_on(at)

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
        denial = self._denial(message)
        self._masks = self._masks or self._new_masks()
        event = program_event(at, message, self._masks, denied=denial.rule.rule if denial else "")
        if denial is None:
            return [Record(event), Tell(handshake.proceed())]
        said = _denial_text(event, denial)
        if denial.rule.ends:
            self.end = (Ending.POLICY, f"{said}; this session was ended")
        return [Record(event), Tell(handshake.deny(said))]

    def _denial(self, message: handshake.Executed) -> Denial | None:
        argv = tuple(argument.decode("utf-8", "replace") for argument in message.argv)
        executable = message.executable.decode("utf-8", "replace").removesuffix(" (deleted)")
        return self._judge.denial(executable, argv, truncated=message.truncated)


def program_event(at: int, message: handshake.Executed, mask: Masks, *, denied: str = "") -> events.Program:
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
        denied=denied,
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
    name = (program.argv[0] if program.argv else "") or program.executable or "a program"
    shown = "".join(character if character.isprintable() else "?" for character in name[:_MOST_NAME])
    reason = f" ({denial.rule.reason})" if denial.rule.reason else ""
    return (
        f"'{shown}' was not run: by rule {denial.rule.rule} {denial.why}{reason}."
        " Run something it allows, or ask whoever keeps that policy"
    )


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
