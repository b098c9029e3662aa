"""What is typed at a session's terminal, line by line: the key that enters one waits until it is let pass.

What else is typed goes on at once, so that the program shows it: a line is what stands on the screen, or
where only letters were typed, these. Pure; times are nanoseconds since the session started.
"""

import codecs
import re
from typing import Final

from sidecar.commands.shells import MOST_CHARACTERS, goes_on
from sidecar.commands.typed import Typing
from sidecar.recording.deadlines import MILLISECOND, SECOND
from sidecar.recording.keys import Keys

SETTLED: Final = 50 * MILLISECOND
"""After a silence of this long the program has shown what was typed."""
_SETTLED_ANYWAY: Final = SECOND
_ENTERS: Final = re.compile(rb"[\r\n\x04\x0f]")
"""Keys that give a line to a program: Enter, the end of input, and ``operate-and-get-next`` of readline."""
_GIVING_UP: Final = re.compile("[\x03\x04]")


class Prompt:
    """The input of one terminal that has not been let pass yet, and the line it is part of."""

    def __init__(self, *, rows: int, cols: int) -> None:
        """Begin with a terminal of this size in cells."""
        self._typing = Typing(rows=rows, cols=cols)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._keys = Keys()
        self._before = ""
        """Of a command that began in an earlier line."""
        self._waiting = b""
        self._moved_at = 0
        self._held_since: int | None = None
        self._left_out = 0
        """How many bytes of what waits may not pass and are forgotten once the program has shown the line."""
        self._erase = b"\x03"
        self.unseen = False
        """Whether the terminal does not echo what is typed, as for a password."""

    @property
    def waits(self) -> bool:
        """Whether something that was typed has not been let pass."""
        return bool(self._waiting)

    @property
    def is_left_out(self) -> bool:
        """Whether a line that may not pass still has to be erased."""
        return bool(self._left_out)

    @property
    def due(self) -> int | None:
        """When the program has shown the line that waits; None where none waits for that."""
        if self._held_since is None or not self._waiting:
            return None
        return min(self._moved_at + SETTLED, self._held_since + _SETTLED_ANYWAY)

    def resize(self, rows: int, cols: int) -> None:
        """The terminal has another size."""
        self._typing.resize(rows, cols)

    def shown(self, at: int, data: bytes) -> None:
        """Take output of the program, as it came."""
        self._moved_at = at
        self._typing.shown(self._decoder.decode(data))

    def take(self, data: bytes, *, unseen: bool, erase: bytes) -> None:
        """Take what was typed; ``erase`` makes the terminal, or who edits lines there, forget a line."""
        self._waiting += data
        self.unseen, self._erase = unseen, erase

    def next_keys(self, at: int) -> bytes:
        """Give what may go on now: all up to a key that enters a line."""
        enter = _ENTERS.search(self._waiting)
        end = len(self._waiting) if enter is None else enter.start()
        keys, self._waiting = self._waiting[:end], self._waiting[end:]
        if keys:
            self._moved_at = at
            self._keys.add(keys)
            self._follow(at, keys)
        return keys

    def lines(self, at: int) -> tuple[str, ...] | None:
        """Give what the line that waits may be; None while the program may still be showing it."""
        self._held_since = at if self._held_since is None else self._held_since
        is_line = self.unseen or not self._typing.in_full_screen
        if self._keys.too_long and is_line:
            return (self._keys.text.rjust(MOST_CHARACTERS + 1),)
        if self.unseen:
            return self._complete(self._keys.text)
        if not is_line:
            return ()
        if self._keys.certain:
            return self._complete(self._keys.text)
        return None if self.due is not None and at < self.due else self._on_screen()

    def _on_screen(self) -> tuple[str, ...]:
        """Give what stands there and what the keys say; of a line that is not all there more than may be."""
        if self._typing.line_is_cut:
            return (self._typing.line.rjust(MOST_CHARACTERS + 1),)
        return self._complete(self._typing.line, self._keys.text)

    def enter(self, at: int) -> bytes:
        """Let the line pass that waits; give the key that enters it."""
        line = next(iter(self.lines(at) or ()), "")
        self._before = (goes_on(line) or "")[-MOST_CHARACTERS:]
        key, self._waiting = self._waiting[:1], self._waiting[1:]
        self._keys.begin()
        self._follow(at, key)
        self._moved_at, self._held_since = at, None
        return key

    def leave_out(self) -> None:
        """Let nothing pass of what waits now."""
        self._left_out = len(self._waiting)

    def erase(self, at: int) -> bytes:
        """Give the key that makes the terminal forget the line left out; nothing while it is being shown.

        bash 5.2 shows no prompt after an interrupt that comes while it still echoes what was typed.
        """
        if self.due is not None and at < self.due:
            return b""
        self._waiting, self._left_out = self._waiting[self._left_out :], 0
        self._held_since, self._before = None, ""
        self._keys.begin(certain=False)  # a program may not heed that key
        self._moved_at = at
        return self._erase

    def _follow(self, at: int, keys: bytes) -> None:
        """Have the line begin, or end. That a key gave it up is believed once another prompt stands there."""
        if not self.unseen:
            self._typing.typed(at, _GIVING_UP.sub("", keys.decode("utf-8", "replace")))

    def _complete(self, *lines: str) -> tuple[str, ...]:
        whole = (self._before + line for line in lines)
        return tuple(dict.fromkeys(line for line in whole if line.strip()))
