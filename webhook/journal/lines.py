"""Audit events as lines of a file: ``<crc32, 8 hexadecimal digits> <JSON>\\n``. Pure.

A line that its writer could not finish has no end, and no line holds a line feed, so what a crash left at the
end of a file is told from everything before it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast
from zlib import crc32

import msgspec

from webhook.journal.events import AuditEvent

MAX_EVENT_BYTES: Final = 256 * 1024
"""Of one event as JSON; see :func:`encode_event`."""
_CUTS: Final = ((1024, 64), (64, 16))
"""Most characters of a text and most items of a list in an event that is too long, and if it still is."""
_CHECK: Final = 8

_encoder = msgspec.json.Encoder()


class Lines(msgspec.Struct, frozen=True):
    """What is in a file."""

    events: list[bytes]
    """JSON of each event."""
    damaged: int
    """Lines that are not what was written."""


def encode_event(event: AuditEvent) -> bytes:
    """Give an event as JSON of at most MAX_EVENT_BYTES.

    One that is longer keeps the beginnings of its texts and lists. What UTF-8 cannot hold is replaced.
    """
    try:
        data = _encoder.encode(event)
    except UnicodeEncodeError:
        event = _rewritten(event, MAX_EVENT_BYTES, MAX_EVENT_BYTES)
        data = _encoder.encode(event)
    for characters, items in _CUTS:
        if len(data) > MAX_EVENT_BYTES:
            data = _encoder.encode(_rewritten(event, characters, items))
    return data


def encode_line(event: bytes) -> bytes:
    """Give the line of an event's JSON."""
    return b"%08x %b\n" % (crc32(event), event)


def read_lines(data: bytes) -> Lines:
    """Read a file's content; what follows the last line feed was never finished and is left out."""
    *lines, _ = data.split(b"\n")
    events = [line[_CHECK + 1 :] for line in lines if _is_whole(line)]
    return Lines(events, len(lines) - len(events))


def file_of(events: Iterable[bytes]) -> bytes:
    """Give a file's content."""
    return b"".join(map(encode_line, events))


def _is_whole(line: bytes) -> bool:
    return line[: _CHECK + 1] == b"%08x " % crc32(line[_CHECK + 1 :])


def _rewritten(event: AuditEvent, characters: int, items: int) -> AuditEvent:
    """Give an event whose texts and lists are at most so long, and can all be written."""
    plain: dict[str, object] = msgspec.to_builtins(event)
    return msgspec.convert(_cut(plain, characters, items), AuditEvent)


def _cut(value: object, characters: int, items: int) -> object:
    match value:
        case str():
            text = value.encode("utf-8", "replace").decode()
            more = len(text) - characters
            return text if more <= 0 else f"{text[:characters]}… {more} characters more"
        case dict():
            pairs = list(cast("dict[str, object]", value).items())[:items]
            return {_cut(key, characters, items): _cut(item, characters, items) for key, item in pairs}
        case list() | tuple():
            return [_cut(item, characters, items) for item in cast("Sequence[object]", value)[:items]]
        case _:
            return value
