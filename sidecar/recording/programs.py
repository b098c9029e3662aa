"""Programs that run in a session, as they are recorded."""

import errno
from collections.abc import Callable, Sequence
from typing import Final

from sidecar.contract import events, handshake
from sidecar.recording.argv import masked_lines
from sidecar.recording.commands import Command, Record, Tell
from sidecar.recording.masker import Masker

UNRECORDED_BYTES: Final = handshake.EXECUTED_ARGV_BYTES - events.MAX_PROGRAM_ARGV_BYTES
"""How much of a long command line is masked beyond what is recorded, so that no number is cut unseen."""


class Programs:
    """Records every program of one session before it runs, and counts them."""

    def __init__(self, new_masker: Callable[[], Masker]) -> None:
        self.count = 0
        """How many were let run."""
        self._new_masker = new_masker
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
        """Let the program run that waits, if one does: the spool has room."""
        message, self._waiting = self._waiting, None
        proceed = Tell(handshake.proceed())
        match message:
            case None:
                return []
            case handshake.Untraced():
                return [Record(untraced_event(at, message)), proceed]
            case handshake.Executed():
                self.count += 1
                if self.count > events.MAX_PROGRAM_EVENTS:
                    return [proceed]
                return [Record(program_event(at, message, self._new_masker())), proceed]


def program_event(at: int, message: handshake.Executed, masker: Masker) -> events.Program:
    """Give the record of a program, all of its text masked."""
    (executable,), (cwd,), argv = masked_lines([[message.executable], [message.cwd], message.argv], masker)
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
