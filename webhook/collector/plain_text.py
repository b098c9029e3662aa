"""Bytes of a terminal as text for search: what a person could read, nothing that could forge. Pure."""

import re
from typing import Final

_ESCAPE: Final = re.compile(
    rb"\x1b(?:"
    rb"\[[0-?]*[ -/]*[@-~]"  # control sequence (ECMA-48 5.4)
    rb"|\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # operating system command, as xterm ends it
    rb"|[PX^_][^\x1b\n]*\x1b\\"  # device control and other strings (ECMA-48 8.3)
    rb"|[ -/]+[0-~]"  # character sets and the like (ECMA-35)
    rb"|[0-~]"
    rb")?"
)
_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\n"
_UNPRINTED: Final = bytes(byte for byte in range(0x20) if byte not in b"\b\t\n\r\x1b")
_BLANK: Final = re.compile("[\t\v\f\x80-\x9f\u2028\u2029\ufff9-\ufffd]+")
_UNSEEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")
_MOVES: Final = re.compile("([\b\x7f])")
_WORD: Final = re.compile(rb"[\x20-\x7e]{4,}")
_BINARY_FROM_BYTES: Final = 256
_UNPRINTED_SHARE: Final = 20
_MOVES_SHARE: Final = 4
"""Data is binary when one byte in so many has no place in a text, or moves back in it."""


def plain_text(raw: bytes) -> str:
    """Give the readable lines of a piece of a stream, joined by newlines; empty when there are none.

    Terminal escapes are removed, a carriage return ends a line, and a backspace lets the next character
    overwrite. No control character but newline is left, and none that turns the direction of writing. Of
    binary data, what looks like words is left.
    """
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if _is_binary(lines):
        return _readable_lines(b"\n".join(_WORD.findall(lines)).decode("ascii"))
    shown = _ESCAPE.sub(b"", lines) if b"\x1b" in lines else lines
    text = shown.decode(errors="replace")
    if not shown.translate(None, _PLAIN):
        return _readable_lines(text)
    if _MOVES.search(text):
        text = "\n".join(_typed(line) for line in text.split("\n"))
    return _readable_lines(_UNSEEN.sub("", _BLANK.sub(" ", text)))


def _is_binary(data: bytes) -> bool:
    if len(data) < _BINARY_FROM_BYTES:
        return False
    unprinted = len(data) - len(data.translate(None, _UNPRINTED))
    moves = data.count(b"\b") + data.count(b"\x7f")
    return unprinted * _UNPRINTED_SHARE > len(data) or moves * _MOVES_SHARE > len(data)


def _typed(line: str) -> str:
    """Give a line as the cursor left it: backspace steps back, delete takes a character away."""
    cells: list[str] = []
    cursor = 0
    for run in _MOVES.split(line):
        if run == "\b":
            cursor = max(0, cursor - 1)
        elif run == "\x7f":
            cursor = max(0, cursor - 1)
            del cells[cursor : cursor + 1]
        else:
            cells[cursor : cursor + len(run)] = run
            cursor += len(run)
    return "".join(cells)


def _readable_lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n") if line and not line.isspace())
