"""The descriptors of a session: what they must be, and reading and writing them without ever waiting."""

import fcntl
import os
import stat
import struct
import termios
from collections import deque
from contextlib import suppress
from typing import Final

from sidecar.contract.events import Channel
from sidecar.contract.handshake import HandshakeError, Header, WindowSize

READ_BYTES: Final = 248 * 1024
"""Read at once: with what a masker held it still fits one Data event."""
_PIPE_BYTES: Final = 512 * 1024
"""What a pipe should hold. More would use up the allowance that its user has for all pipes."""
_LOCAL_MODES: Final = 3
"""Place of c_lflag in what tcgetattr gives."""
_CHARACTERS: Final = 6
"""Place of c_cc."""
_INTERRUPT: Final = b"\x03"
_TIOCGPTN: Final = 0x80045430
"""ioctl that only the master side of a pty answers (asm-generic/ioctls.h)."""


class Endpoint:
    """A descriptor, possibly used in two roles; closed when both let go."""

    def __init__(self, number: int) -> None:
        os.set_blocking(number, False)
        self.number = number
        self._roles = 0

    def take(self) -> "Endpoint":
        """Use it in one role more."""
        self._roles += 1
        return self

    def release(self) -> None:
        """Give up one role."""
        self._roles -= 1
        if self._roles == 0:
            os.close(self.number)


class Source:
    """Where a channel's bytes come from."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint: Endpoint | None = endpoint.take()

    @property
    def number(self) -> int | None:
        """The descriptor; None once closed."""
        return self._endpoint.number if self._endpoint else None

    def read(self) -> bytes | None:
        """Give what is there, empty at the end, None when nothing is there now."""
        if self._endpoint is None:
            return None
        try:
            return os.read(self._endpoint.number, READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:  # EIO: the other side of a terminal is closed; anything else ends it as well
            return b""

    def close(self) -> None:
        """Let go of it."""
        if self._endpoint is not None:
            self._endpoint.release()
            self._endpoint = None


class Sink:
    """Where a channel's bytes go."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint: Endpoint | None = endpoint.take()
        self._queue: deque[memoryview] = deque()

    @property
    def number(self) -> int | None:
        """The descriptor; None once closed."""
        return self._endpoint.number if self._endpoint else None

    @property
    def waiting(self) -> bool:
        """Whether bytes wait to be taken."""
        return bool(self._queue)

    def add(self, data: bytes) -> None:
        """Queue bytes."""
        self._queue.append(memoryview(data))

    def write(self) -> int | None:
        """Write what is taken now and give how much; None when nobody reads any more."""
        taken = 0
        try:
            while self._queue and self._endpoint is not None:
                data = self._queue[0]
                count = os.write(self._endpoint.number, data)
                taken += count
                if count == len(data):
                    self._queue.popleft()
                else:
                    self._queue[0] = data[count:]
        except BlockingIOError:
            return taken
        except OSError:  # EPIPE, EIO: the other side is closed; anything else loses it as well
            self._queue.clear()
            return None
        return taken

    def close(self) -> None:
        """Let go of it and of what waits."""
        self._queue.clear()
        if self._endpoint is not None:
            self._endpoint.release()
            self._endpoint = None


class Endpoints:
    """All descriptors of a session by channel."""

    def __init__(self, header: Header, numbers: tuple[int, ...]) -> None:
        """Take them over. Raises HandshakeError when they are not what the hello says."""
        _check(header, numbers)
        self._terminal = numbers[1] if header.tty else None
        ends = [Endpoint(number) for number in numbers]
        pairs = _pairs(header, ends)
        self.sources = {channel: Source(source) for channel, (source, _) in pairs.items()}
        self.sinks = {channel: Sink(sink) for channel, (_, sink) in pairs.items()}
        if not header.tty:
            self._widen(Channel.STDIN)
            self._widen(Channel.STDOUT)

    def set_size(self, size: WindowSize) -> None:
        """Give the program's terminal another size (tty_ioctl(4))."""
        if self._terminal is not None and self.sources[Channel.STDOUT].number is not None:
            packed = struct.pack("HHHH", size.rows, size.cols, size.xpixel, size.ypixel)
            with suppress(OSError):  # nobody may hold the terminal any more
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, packed)

    def typing(self) -> tuple[bool, bytes]:
        """Tell whether a line is typed that the terminal does not echo, as for a password (termios(3)).

        Editors and shells with line editing take keys one by one, and show them themselves. And give the key
        that erases the line: the terminal's, where it takes whole lines, and what interrupts elsewhere.
        """
        if self._terminal is None or self.sources[Channel.STDOUT].number is None:
            return False, _INTERRUPT
        attributes = termios.tcgetattr(self._terminal)
        modes, characters = attributes[_LOCAL_MODES], attributes[_CHARACTERS]
        whole_lines = bool(modes & termios.ICANON)
        erase = characters[termios.VKILL if whole_lines else termios.VINTR]
        is_set = isinstance(erase, bytes) and erase != b"\0" and (whole_lines or modes & termios.ISIG)
        return whole_lines and not modes & termios.ECHO, erase if is_set else _INTERRUPT

    def close(self) -> None:
        """Let go of everything."""
        for end in (*self.sources.values(), *self.sinks.values()):
            end.close()

    def _widen(self, channel: Channel) -> None:
        for end in (self.sources.get(channel), self.sinks.get(channel)):
            if end is None or end.number is None:
                continue
            with suppress(
                OSError
            ):  # no pipe, or its user's allowance is used up (pipe(7)); it is only faster
                fcntl.fcntl(end.number, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _pairs(header: Header, ends: list[Endpoint]) -> dict[Channel, tuple[Endpoint, Endpoint]]:
    if header.tty:
        outer, inner = ends
        return {Channel.STDIN: (outer, inner), Channel.STDOUT: (inner, outer)}
    if header.stdin:
        outer_in, outer_out, outer_err, inner_in, inner_out, inner_err = ends
        stdin = {Channel.STDIN: (outer_in, inner_in)}
    else:
        outer_out, outer_err, inner_out, inner_err = ends
        stdin = {}
    return {**stdin, Channel.STDOUT: (inner_out, outer_out), Channel.STDERR: (inner_err, outer_err)}


def _check(header: Header, numbers: tuple[int, ...]) -> None:
    inner = len(numbers) // 2
    checks = [_is_stream] * inner
    if header.tty:
        checks = [os.isatty, _is_terminal_master]
    else:
        checks += [_is_pipe] * inner
    if not all(check(number) for check, number in zip(checks, numbers, strict=True)):
        raise HandshakeError("the hello's descriptors are not terminals or pipes as it says")


def _is_stream(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode) or stat.S_ISREG(mode)


def _is_pipe(number: int) -> bool:
    return stat.S_ISFIFO(os.fstat(number).st_mode)


def _is_terminal_master(number: int) -> bool:
    try:
        fcntl.ioctl(number, _TIOCGPTN, b"\0" * 4)
    except OSError:
        return False
    return True
