"""What a session wants done, in this order. What is recorded comes before what is delivered."""

import msgspec

from sidecar.contract.events import Channel, End, Event
from sidecar.contract.handshake import WindowSize


class _Command(msgspec.Struct, frozen=True, gc=False):
    pass


class Record(_Command, frozen=True):
    """Append an event to the record."""

    event: Event


class Deliver(_Command, frozen=True):
    """Send bytes to a channel's sink and say how many it took, in one or many parts."""

    channel: Channel
    data: bytes


class CloseSource(_Command, frozen=True):
    """Let go of a channel's source."""

    channel: Channel


class CloseSink(_Command, frozen=True):
    """Let go of a channel's sink, dropping what it has not taken."""

    channel: Channel


class SetSize(_Command, frozen=True):
    """Give the program's terminal another size."""

    size: WindowSize


class AskPeople(_Command, frozen=True):
    """Have people asked whether a program may run."""

    program: int
    turn: int
    rule: str
    executable: str
    argv: tuple[str, ...]
    cwd: str = ""
    uid: int | None = None
    """None for a line that was typed."""


class Tell(_Command, frozen=True):
    """Send a packet to the shim."""

    packet: bytes


class Finish(_Command, frozen=True):
    """The record is complete: close it, let go of all descriptors, then send the packet if there is one."""

    packet: bytes | None


class Renew(_Command, frozen=True):
    """Close the record with its last event and begin the next one: from now on times count from there."""

    end: End
    size: WindowSize


Command = Renew | Record | Deliver | CloseSource | CloseSink | SetSize | AskPeople | Tell | Finish
