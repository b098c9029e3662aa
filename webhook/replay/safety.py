"""What of a recording may reach a terminal.

A recording is text that somebody else chose, and a terminal obeys text: it can be told to set the
clipboard, to answer as if the viewer had typed, or to change what keys send. So a stream is parsed as a
terminal would (ECMA-48, DEC STD 070) and only complete sequences from a list of allowed ones go on, all
of which draw and none of which the player cannot undo. Everything else is left out.
"""

import json
import re
from enum import Enum, auto
from typing import Final

MAX_SEQUENCE: Final = 64
"""Longest control sequence let through, in characters."""
MAX_STRING: Final = 64 * 1024
"""A control string (device control and the like) that is longer is given up, so that what follows is seen."""

RESET: Final = "\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x1b)B\x0f\x1b[?25h\x1b[?7h\x1b[?5l\x1b[4l\x1b[?12l\x1b[0 q"
"""Undoes everything that is let through, apart from the alternate screen."""
LEAVE_ALTERNATE: Final = "\x1b[?1049l"

_PLAIN: Final = re.compile(
    "(?:[^\x00-\x06\x10-\x1f\x7f-\x9f]+|\x1b\\[(?:[0-9;]{0,30}m|[0-9]{0,4}(?:;[0-9]{0,4})?[A-H]|[012]?K))+"
)
"""A run of what needs no second look: text, and the sequences that are most of all output."""
_CLEAR: Final = "\x1b[0m\x1b(B\x1b)B\x0f\x1b[r\x1b[H\x1b[2J"
_CONTROLS: Final = frozenset("\a\b\t\n\v\f\r\x0e\x0f")
_ESCAPES: Final = frozenset(["7", "8", "D", "E", "M", "#8", *(g + c for g in "()" for c in "0AB")])
_PARAMETERS: Final = "[0-9]{0,4}(;[0-9]{0,4})*"
_HARMLESS: Final = {
    **dict.fromkeys("ABCDEFGHILMPSXZ@`abdefr", re.compile(_PARAMETERS)),
    **dict.fromkeys("JK", re.compile("[?]?[012]?")),
    **dict.fromkeys("su", re.compile("")),
    **dict.fromkeys("hl", re.compile("4")),
    "T": re.compile("[0-9]{0,4}"),
    "m": re.compile("[0-9:;]*"),
    "q": re.compile("[0-6]? "),
}
"""What parameters a control sequence may have, by its final character; those not named are left out."""
_PRIVATE_MODES: Final = frozenset(["5", "7", "12", "25", "47", "1047", "1048", "1049"])
_ALTERNATE_MODES: Final = frozenset(["47", "1047", "1049"])


class _State(Enum):
    GROUND = auto()
    ESCAPE = auto()
    CONTROL = auto()
    STRING = auto()
    STRING_ESCAPE = auto()


class TerminalFilter:
    """Passes text for a terminal and leaves out every sequence that is not known to be harmless.

    What comes out does not depend on how the text was cut into pieces.
    """

    def __init__(self) -> None:
        self.alternate = False
        """Whether what was let through has left the terminal on its alternate screen."""
        self._state = _State.GROUND
        self._pending = ""
        self._skipped = 0
        self._is_command = False

    def feed(self, text: str) -> str:
        """Give what of the text, and of what was held back before it, may be shown."""
        shown: list[str] = []
        position = 0
        while position < len(text):
            plain = _PLAIN.match(text, position) if self._state is _State.GROUND else None
            if plain:
                shown.append(plain.group())
                position = plain.end()
            else:
                shown.append(self._step(text[position]))
                position += 1
        return "".join(shown)

    def _step(self, character: str) -> str:
        if self._state in (_State.STRING, _State.STRING_ESCAPE):
            return self._in_string(character)
        if character < " " or "\x7f" <= character <= "\x9f":
            return self._control_character(character)
        if self._state is _State.ESCAPE:
            return self._in_escape(character)
        return self._in_control(character) if self._state is _State.CONTROL else character

    def _control_character(self, character: str) -> str:
        if character == "\x1b":
            return self._enter(_State.ESCAPE)
        if character in "\x18\x1a":
            return self._enter(_State.GROUND)
        if character >= "\x80":
            self._enter(_State.ESCAPE)
            return self._in_escape(chr(ord(character) - 0x40))
        return character if character in _CONTROLS else ""

    def _enter(self, state: _State) -> str:
        self._state = state
        self._pending = ""
        self._skipped = 0
        return ""

    def _in_escape(self, character: str) -> str:
        if not self._pending and character == "[":
            return self._enter(_State.CONTROL)
        if not self._pending and character in "]PX^_":
            self._is_command = character == "]"
            return self._enter(_State.STRING)
        if character > "~":
            self._enter(_State.GROUND)
            return character
        self._keep(character)
        if character < "0":
            return ""
        sequence = self._pending
        self._enter(_State.GROUND)
        if sequence == "c":
            return _CLEAR
        return f"\x1b{sequence}" if sequence in _ESCAPES else ""

    def _in_control(self, character: str) -> str:
        if character > "~":
            self._enter(_State.GROUND)
            return character
        if character < "@":
            self._keep(character)
            return ""
        body = self._pending
        self._enter(_State.GROUND)
        return self._control(body, character) if len(body) < MAX_SEQUENCE else ""

    def _keep(self, character: str) -> None:
        if len(self._pending) < MAX_SEQUENCE:
            self._pending += character

    def _control(self, body: str, final: str) -> str:
        if body.startswith("?") and final in "hl":
            return self._private_modes(body[1:].split(";"), final)
        allowed = _HARMLESS.get(final)
        return f"\x1b[{body}{final}" if allowed is not None and allowed.fullmatch(body) else ""

    def _private_modes(self, modes: list[str], final: str) -> str:
        allowed = [mode for mode in modes if mode in _PRIVATE_MODES]
        if not _ALTERNATE_MODES.isdisjoint(allowed):
            self.alternate = final == "h"
        return f"\x1b[?{';'.join(allowed)}{final}" if allowed else ""

    def _in_string(self, character: str) -> str:
        if self._state is _State.STRING_ESCAPE and character != "\\":
            self._enter(_State.ESCAPE)
            return self._step(character)
        self._skipped += 1
        if character in "\n\r" and self._is_command:
            self._enter(_State.GROUND)
            return character
        if self._ends_string(character):
            self._enter(_State.GROUND)
        elif character == "\x1b":
            self._state = _State.STRING_ESCAPE
        return ""

    def _ends_string(self, character: str) -> bool:
        return (
            self._state is _State.STRING_ESCAPE
            or character in "\x9c\x18\x1a"
            or (character == "\a" and self._is_command)
            or self._skipped >= MAX_STRING
        )


def printable(text: str) -> str:
    """Give a name or command as one line that no terminal or reader can take for anything else.

    Control characters, invisible ones and those that turn the writing direction come out as escapes.
    """
    return "".join([c if c.isprintable() else _escape(c) for c in text])


def _escape(character: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or _numbered(ord(character))


def _numbered(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_INVISIBLE: Final = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
"""Controls, separators and format characters (Unicode's Cc, Zl, Zp and Cf), and the plane of tags, which some
programs read as text that nobody sees."""


def escape_json(text: str) -> str:
    """Give JSON of the same meaning in which controls and invisible characters are escapes.

    JSON lets C1 controls, direction overrides and line separators stand as they are; a terminal obeys them.
    """
    return _INVISIBLE.sub(lambda found: json.dumps(found.group())[1:-1], text)
