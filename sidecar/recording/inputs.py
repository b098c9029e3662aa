"""What can happen to a session. ``at`` is in nanoseconds since it started, and never goes back."""

import msgspec

from sidecar.contract.events import Channel
from sidecar.contract.handshake import ShimMessage


class _Input(msgspec.Struct, frozen=True, gc=False):
    at: int


class Received(_Input, frozen=True):
    """Bytes came from a channel's source: the client for STDIN, the program otherwise."""

    channel: Channel
    data: bytes
    unseen: bool = False
    """Whether it was typed at a terminal that does not echo and takes whole lines, as for a password."""
    erase: bytes = b"\x03"
    """The key that has the terminal, or whoever edits lines there, forget the line that was typed."""


class Delivered(_Input, frozen=True):
    """A channel's sink took this many bytes: the program for STDIN, the client otherwise."""

    channel: Channel
    count: int


class SourceEnded(_Input, frozen=True):
    """No more bytes come from a channel's source."""

    channel: Channel


class SinkBroken(_Input, frozen=True):
    """Nobody reads a channel's sink any more."""

    channel: Channel


class ShimSaid(_Input, frozen=True):
    """A packet from the shim."""

    message: ShimMessage


class ShimGone(_Input, frozen=True):
    """The shim's socket is closed: it, or its whole container, was killed."""


class Stopping(_Input, frozen=True):
    """The recorder has to stop."""


class SpoolFull(_Input, frozen=True):
    """The spool has no room for another chunk."""


class SpoolFreed(_Input, frozen=True):
    """The spool has room again."""


class RecordRefused(_Input, frozen=True):
    """The collector will not take this session's record."""


class Killed(_Input, frozen=True):
    """Somebody ordered the session to be ended; the reason says who and why."""

    reason: str


class Decided(_Input, frozen=True):
    """Somebody has decided about a program that waits, or nobody could."""

    approval: str
    """The approval request."""
    approved: bool
    reason: str = ""
    """Why not."""


class Failed(_Input, frozen=True):
    """The recorder itself went wrong: nothing more may be masked or delivered."""


class Ticked(_Input, frozen=True):
    """Time passed; due at the latest at the session's ``deadline``."""


Order = Stopping | RecordRefused | Killed | Failed
"""What ends a session from outside."""

Input = (
    Received
    | Delivered
    | SourceEnded
    | SinkBroken
    | ShimSaid
    | ShimGone
    | SpoolFull
    | SpoolFreed
    | Decided
    | Ticked
    | Order
)
