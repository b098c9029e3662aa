"""A session's events as moments: text to show, in order, each at its time since the start."""

import codecs
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Gap,
    Held,
    Program,
    Redacted,
    Resize,
    SessionStart,
    Tally,
    Untraced,
)
from webhook.replay.programs import command_of
from webhook.replay.safety import TerminalFilter, printable

DEFAULT_COLS = 80
DEFAULT_ROWS = 24


class Kind(Enum):
    """What happens at a moment."""

    OUTPUT = "output"
    ERROR_OUTPUT = "error-output"
    INPUT = "input"
    RESIZE = "resize"
    MARKER = "marker"
    PROGRAM = "program"
    EXIT = "exit"


class Moment(msgspec.Struct, frozen=True):
    """One thing that happens in a replay, ``at`` nanoseconds since the session started."""

    at: int
    kind: Kind
    text: str = ""
    """What to show, what was typed, a marker's label, a command line, or the exit code in digits."""
    rows: int = 0
    cols: int = 0


class Moments:
    """Turns the events of one session into moments.

    Bytes become text as UTF-8 (a character cut by a chunk's end waits for its rest, what is no UTF-8
    becomes U+FFFD), output loses what could harm a terminal, and without a terminal a bare line feed
    becomes carriage return and line feed, as the client's terminal would have had it.
    """

    def __init__(self, start: SessionStart) -> None:
        self._filter = TerminalFilter()
        self._decoders = {channel: codecs.getincrementaldecoder("utf-8")("replace") for channel in Channel}
        self._translates_newlines = not start.tty
        self._after_return = False
        self._at = 0
        self._exit: Moment | None = None

    def feed(self, event: Event) -> list[Moment]:
        """Give the moments an event leads to."""
        match event:
            case Data():
                return self._data(event)
            case Redacted() | Resize() | Found() | Gap() | Program() | Held() | Untraced():
                return [_moment(event)]
            case Exit(at=at, code=code):
                self._exit = Moment(at, Kind.EXIT, str(code))
                return []
            case End(at=at, how=how, reason=reason):
                return [*self.close(), *_ending(at, how, reason)]
            case SessionStart() | Tally():
                return []

    def close(self) -> list[Moment]:
        """Give what was held back: beginnings of characters that never ended, and the exit code.

        The exit comes last because output that was under way may follow it in the record.
        """
        rest = [moment for channel in Channel for moment in self._text(self._at, channel, b"", final=True)]
        if self._exit is not None:
            rest.append(msgspec.structs.replace(self._exit, at=max(self._at, self._exit.at)))
            self._exit = None
        return rest

    def _data(self, event: Data) -> list[Moment]:
        self._at = event.at
        return self._text(event.at, event.channel, event.data, final=False)

    def _text(self, at: int, channel: Channel, data: bytes, *, final: bool) -> list[Moment]:
        text = self._decoders[channel].decode(data, final)
        if channel is Channel.STDIN:
            return [Moment(at, Kind.INPUT, text)] if text else []
        shown = self._filter.feed(self._lines(text) if self._translates_newlines else text)
        kind = Kind.OUTPUT if channel is Channel.STDOUT else Kind.ERROR_OUTPUT
        return [Moment(at, kind, shown)] if shown else []

    def _lines(self, text: str) -> str:
        if not text:
            return text
        skip = 1 if self._after_return and text.startswith("\n") else 0
        self._after_return = text.endswith("\r")
        return text[:skip] + text[skip:].replace("\r\n", "\n").replace("\n", "\r\n")


def moments(events: Iterable[Event]) -> Iterator[Moment]:
    """Give the moments of a session's events, which begin with SessionStart; none of no events."""
    stream: Moments | None = None
    for event in events:
        if stream is None and isinstance(event, SessionStart):
            stream = Moments(event)
        if stream is not None:
            yield from stream.feed(event)
    if stream is not None:
        yield from stream.close()


def _moment(event: Redacted | Resize | Found | Gap | Program | Held | Untraced) -> Moment:
    match event:
        case Resize(at=at, rows=rows, cols=cols):
            return Moment(at, Kind.RESIZE, rows=rows, cols=cols)
        case Program(at=at):
            return Moment(at, Kind.PROGRAM, command_of(event))
        case _:
            return Moment(event.at, Kind.MARKER, printable(_label(event)))


def missing(gap: Gap) -> str:
    """Say of a gap what is missing."""
    return f"{gap.channel.value} is missing up to here: another recorder had it"


def _label(event: Redacted | Found | Gap | Held | Untraced) -> str:
    match event:
        case Redacted():
            return "typed without echo: not recorded"
        case Found(rule=rule, brand=brand):
            return f"masked {rule}/{brand}"
        case Gap():
            return missing(event)
        case Held(approval=approval):
            return f"a program waits for approval {approval}"
        case Untraced(reason=reason):
            return reason


def _ending(at: int, how: Ending, reason: str) -> list[Moment]:
    if how is Ending.EXITED:
        return []
    return [Moment(at, Kind.MARKER, f"ended: {how.value}" + (f": {printable(reason)}" if reason else ""))]
