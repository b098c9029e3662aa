"""How values become the bytes of files: in one form each, and harmless wherever they are shown. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from webhook.replay.safety import escape_json

_encode = msgspec.json.Encoder(order="sorted").encode


def compact(value: Any) -> bytes:
    """Give a value as one line of JSON: keys sorted, what a terminal or reader could obey as escapes."""
    return escape_json(_encode(value).decode()).encode()


def pretty(value: Any) -> bytes:
    """Give a value as JSON for people."""
    return escape_json(msgspec.json.format(_encode(value), indent=2).decode()).encode() + b"\n"


def script(call: str, name: str, values: Iterable[bytes]) -> Iterator[bytes]:
    """Give a script that does nothing but hand over values, which are JSON: ``call("name", [values])``.

    ``<`` is an escape, so that nothing in it could end or begin an element were it pasted into a page.
    """
    yield f'{call}("{name}", ['.encode()
    comma = b"\n"
    for value in values:
        yield comma + value.rstrip(b"\n").replace(b"<", b"\\u003c")
        comma = b",\n"
    yield b"\n]);\n"
