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
_UNSEEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffd]+"
)
_WORDS: Final = re.compile(r"[^\W_][^\n]{3,}")
_MOVES: Final = re.compile("[\b\x7f]")


def plain_text(raw: bytes) -> str:
    """Give the readable lines of a piece of a stream, joined by newlines; empty when there are none.

    Terminal escapes are removed, a carriage return ends a line, and a backspace lets the next character
    overwrite. No control character but newline is left, and none that turns the direction of writing.
    """
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not lines.translate(None, _PLAIN):
        return _readable_lines(lines.decode("ascii"))
    text = _ESCAPE.sub(b"", lines).decode(errors="replace")
    if _MOVES.search(text):
        text = "\n".join(_typed(line) for line in text.split("\n"))
    return _without_noise(text)


def _typed(line: str) -> str:
    """Give a line as the cursor left it: backspace steps back, delete takes a character away."""
    cells: list[str] = []
    cursor = 0
    for character in line:
        if character == "\b":
            cursor = max(0, cursor - 1)
        elif character == "\x7f":
            cursor = max(0, cursor - 1)
            del cells[cursor : cursor + 1]
        else:
            cells[cursor : cursor + 1] = [character]
            cursor += 1
    return "".join(cells)


def _without_noise(text: str) -> str:
    """Remove what cannot be seen. Of a piece that is mostly binary, keep only runs like words."""
    noise = sum(len(match[0]) for match in _UNSEEN.finditer(text) if match[0] != "\t")
    clean = _UNSEEN.sub(" ", text)
    if noise * 4 > len(text):
        clean = "\n".join(run for part in _UNSEEN.split(text) for run in _WORDS.findall(part))
    return _readable_lines(clean)


def _readable_lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n") if line and not line.isspace())
