"""Packets between shim and recorder on the unix SOCK_SEQPACKET socket. Integers are little-endian.

The shim's half is ``sidecar/shim/recorder.c``. The recorder speaks first, once it listens, so that no
descriptors lie in the queue of one that does not. The hello begins with a fixed header, then the grant,
then the arguments, each ended by a zero byte; it may span packets, the first of which carries descriptors.
"""

import struct
from enum import Enum

import msgspec

from sidecar.contract.errors import CallerError

HEADER = struct.Struct("<4sIHHHHIIII")
MAGIC = b"CSH1"
MAX_PACKET_BYTES = 64 * 1024
MAX_HELLO_BYTES = 4 * 1024 * 1024
"""More than any command line execve takes (2 MiB by default), less than would hurt."""
EXECUTED_ARGV_BYTES = 36 * 1024
MAX_DENIAL_BYTES = 1024
_TTY = 1
_STDIN = 2
_APPLICATION = 4
_RESUMED = 8
_EXECUTED = struct.Struct("<BIIIHH")
_TRUNCATED = 1


class HandshakeError(CallerError):
    """The other side of the socket does not speak the shim's protocol."""


class WindowSize(msgspec.Struct, frozen=True):
    """A terminal's size: character cells, then pixels (tty_ioctl(4))."""

    rows: int
    cols: int
    xpixel: int = 0
    ypixel: int = 0


class Header(msgspec.Struct, frozen=True):
    """The fixed part of a hello."""

    tty: bool
    stdin: bool
    size: WindowSize
    grant_length: int
    argc: int
    total: int
    application: bool = False
    """Whether the program is a container's own, and no session."""
    resumed: bool = False
    """Whether another recorder had the descriptors before: nobody knows how far it came."""

    @property
    def descriptors(self) -> int:
        """How many descriptors come with the hello."""
        return 2 if self.tty else 6 if self.stdin else 4


class Hello(msgspec.Struct, frozen=True):
    """What the shim asks: to run argv under a grant."""

    header: Header
    grant: bytes
    argv: tuple[bytes, ...]


class Answer(Enum):
    """First byte of a packet from the recorder."""

    LISTENING = b"L"
    GO = b"G"
    GO_UNTRACED = b"N"
    REFUSE = b"R"
    CONTINUE = b"C"
    DENY = b"D"
    FINISHED = b"K"
    TERMINATE = b"T"
    INPUT_ENDED = b"I"


class Resized(msgspec.Struct, frozen=True):
    """The outer terminal changed its size."""

    size: WindowSize


class ExecFailed(msgspec.Struct, frozen=True):
    """The program could not be started; Exited follows."""

    errno: int


class Exited(msgspec.Struct, frozen=True):
    """The main program ended."""

    code: int
    signal: int


class Executed(msgspec.Struct, frozen=True):
    """A program of the session stands before its first instruction and waits for the answer.

    What the kernel lets nobody read is empty.
    """

    pid: int
    """As the container numbers processes."""
    parent: int
    uid: int
    """The effective user."""
    executable: bytes
    """Where the file is; " (deleted)" follows one without a name, and one in memory begins "/memfd:".

    " (in other mounts)" follows one that only processes with the program's own mounts find there.
    """
    cwd: bytes
    argv: tuple[bytes, ...]
    """As the kernel copied them, at most ``EXECUTED_ARGV_BYTES`` with the zero bytes between them."""
    truncated: bool
    """Whether there are more arguments, or more of the last one."""


class Untraced(msgspec.Struct, frozen=True):
    """The shim cannot see every program of the session; the main one waits for the answer."""

    trace_error: int
    """errno of ptrace(2): no program is seen; 0 when it works."""
    filter_error: int
    """errno of seccomp(2): a program can start another unseen; 0 when it works."""


ShimMessage = Resized | ExecFailed | Exited | Executed | Untraced


def parse_header(packet: bytes) -> Header:
    """Read the fixed part at the start of the first packet. Raises HandshakeError."""
    if len(packet) < HEADER.size:
        raise HandshakeError("the hello is shorter than its header")
    magic, flags, rows, cols, xpixel, ypixel, grant_length, argc, total, _ = HEADER.unpack_from(packet)
    if magic != MAGIC:
        raise HandshakeError("the hello does not come from this version of the shim")
    if total > MAX_HELLO_BYTES or grant_length > total or argc > total:
        raise HandshakeError("the hello is larger than any command line")
    size = WindowSize(rows, cols, xpixel, ypixel)
    return Header(
        tty=bool(flags & _TTY),
        stdin=bool(flags & _STDIN),
        size=size,
        grant_length=grant_length,
        argc=argc,
        total=total,
        application=bool(flags & _APPLICATION),
        resumed=bool(flags & _RESUMED),
    )


def parse_body(header: Header, body: bytes) -> Hello:
    """Read grant and arguments from the bytes after the header. Raises HandshakeError."""
    if len(body) != header.total:
        raise HandshakeError("the hello's length does not match its header")
    grant, rest = body[: header.grant_length], body[header.grant_length :]
    argv = tuple(rest.split(b"\0")[:-1])
    if not argv or len(argv) != header.argc or not rest.endswith(b"\0"):
        raise HandshakeError("the hello's arguments do not match its header")
    return Hello(header, grant, argv)


def parse_message(packet: bytes) -> ShimMessage:
    """Read a packet the shim sends after go. Raises HandshakeError."""
    kind, rest = packet[:1], packet[1:]
    try:
        if kind == b"W":
            return Resized(WindowSize(*struct.unpack("<HHHH", rest)))
        if kind == b"F":
            return ExecFailed(*struct.unpack("<I", rest))
        if kind == b"X":
            return Exited(*struct.unpack("<BB", rest))
        if kind == b"P":
            return _executed(rest)
        if kind == b"U":
            return Untraced(*struct.unpack("<II", rest))
    except struct.error:
        pass
    raise HandshakeError("a packet from the shim cannot be read")


def _executed(rest: bytes) -> Executed:
    flags, pid, parent, uid, executable_length, cwd_length = _EXECUTED.unpack_from(rest)
    cwd_at = _EXECUTED.size + executable_length
    argv_at = cwd_at + cwd_length
    if argv_at > len(rest):
        raise HandshakeError("a program's packet is shorter than it says")
    truncated = bool(flags & _TRUNCATED)
    argv = rest[argv_at:].split(b"\0")
    if not truncated and argv[-1] == b"":
        argv.pop()
    return Executed(
        pid=pid,
        parent=parent,
        uid=uid,
        executable=rest[_EXECUTED.size : cwd_at],
        cwd=rest[cwd_at:argv_at],
        argv=tuple(argv),
        truncated=truncated,
    )


def listening() -> bytes:
    """Somebody reads: send the hello."""
    return Answer.LISTENING.value


def go() -> bytes:
    """Start the program."""
    return Answer.GO.value


def go_untraced() -> bytes:
    """Start the program, and neither trace nor filter what runs."""
    return Answer.GO_UNTRACED.value


def refuse(reason: str) -> bytes:
    """Do not start it; the shim prints the reason and exits 126."""
    return Answer.REFUSE.value + reason.encode()[: MAX_PACKET_BYTES - 1]


def proceed() -> bytes:
    """Let the program run of which the shim told last."""
    return Answer.CONTINUE.value


def deny(reason: str) -> bytes:
    """Let the program of which the shim told last write a line on its error output and exit with 126."""
    return Answer.DENY.value + reason.encode()[:MAX_DENIAL_BYTES]


def finished() -> bytes:
    """Everything is delivered; the shim may exit."""
    return Answer.FINISHED.value


def input_ended() -> bytes:
    """A container's own program gets no more input: the shim's copies of it are to be closed."""
    return Answer.INPUT_ENDED.value


def terminate(signal: int, reason: str) -> bytes:
    """End the session from outside."""
    return Answer.TERMINATE.value + bytes([signal]) + reason.encode()[: MAX_PACKET_BYTES - 2]
