"""Packets between shim and recorder on the unix SOCK_SEQPACKET socket. Integers are little-endian.

The shim's half is ``sidecar/shim/shim.c``. The hello begins with a fixed header, then the grant, then
the arguments, each ended by a zero byte; it may span packets, the first of which carries descriptors.
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
_TTY = 1
_STDIN = 2


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

    GO = b"G"
    REFUSE = b"R"
    FINISHED = b"K"
    TERMINATE = b"T"


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


ShimMessage = Resized | ExecFailed | Exited


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
    return Header(bool(flags & _TTY), bool(flags & _STDIN), size, grant_length, argc, total)


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
    except struct.error:
        pass
    raise HandshakeError("a packet from the shim cannot be read")


def go() -> bytes:
    """Start the program."""
    return Answer.GO.value


def refuse(reason: str) -> bytes:
    """Do not start it; the shim prints the reason and exits 126."""
    return Answer.REFUSE.value + reason.encode()[: MAX_PACKET_BYTES - 1]


def finished() -> bytes:
    """Everything is delivered; the shim may exit."""
    return Answer.FINISHED.value


def terminate(signal: int, reason: str) -> bytes:
    """End the session from outside."""
    return Answer.TERMINATE.value + bytes([signal]) + reason.encode()[: MAX_PACKET_BYTES - 2]
