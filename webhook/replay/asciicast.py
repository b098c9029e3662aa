"""Asciicast files, which any asciinema player plays.

Sources: https://docs.asciinema.org/manual/asciicast/v2/ and https://docs.asciinema.org/manual/asciicast/v3/
"""

from enum import Enum

import msgspec

from sidecar.contract.events import SessionStart
from webhook.replay.moments import DEFAULT_COLS, DEFAULT_ROWS, Kind, Moment
from webhook.replay.safety import escape_json, printable

CONTENT_TYPE = "application/x-asciicast"
_TERMINAL = "xterm-256color"
_NANOSECONDS = 1_000_000_000


class CastVersion(Enum):
    """Version 2 is what every player reads; version 3 also tells the exit code."""

    V2 = 2
    V3 = 3


class CastWriter:
    """Writes one session line by line.

    Standard error is shown as output, for an asciicast has only one screen.
    """

    def __init__(self, start: SessionStart, version: CastVersion, *, with_input: bool = True) -> None:
        self._start = start
        self._version = version
        self._with_input = with_input
        self._last = 0

    def header(self) -> bytes:
        """Give the first line."""
        start = self._start
        size = start.cols or DEFAULT_COLS, start.rows or DEFAULT_ROWS
        title = printable(" ".join(start.argv))
        when = start.started_at // _NANOSECONDS
        if self._version is CastVersion.V2:
            return _line(
                {
                    "version": 2,
                    "width": size[0],
                    "height": size[1],
                    "timestamp": when,
                    "title": title,
                    "env": {"TERM": _TERMINAL},
                }
            )
        terminal = {"cols": size[0], "rows": size[1], "type": _TERMINAL}
        return _line({"version": 3, "term": terminal, "timestamp": when, "title": title, "command": title})

    def line(self, moment: Moment) -> bytes:
        """Give a moment's line, nothing when the file has no room for it."""
        match moment.kind:
            case Kind.OUTPUT | Kind.ERROR_OUTPUT:
                return self._event(moment.at, "o", moment.text)
            case Kind.INPUT if self._with_input:
                return self._event(moment.at, "i", moment.text)
            case Kind.INPUT | Kind.PROGRAM:
                return b""
            case Kind.RESIZE:
                return self._event(moment.at, "r", f"{moment.cols}x{moment.rows}")
            case Kind.MARKER:
                return self._event(moment.at, "m", printable(moment.text))
            case Kind.EXIT:
                return self._exit(moment)

    def _exit(self, moment: Moment) -> bytes:
        if self._version is CastVersion.V3:
            return self._event(moment.at, "x", moment.text)
        return self._event(moment.at, "m", f"exit code {moment.text}")

    def _event(self, at: int, code: str, data: str) -> bytes:
        at = max(at, self._last)
        if self._version is CastVersion.V2:
            seconds = at / _NANOSECONDS
        else:
            seconds = (at // 1000 - self._last // 1000) / 1_000_000
        self._last = at
        return _line([round(seconds, 6), code, data])


def _line(value: object) -> bytes:
    return escape_json(msgspec.json.encode(value).decode()).encode() + b"\n"
