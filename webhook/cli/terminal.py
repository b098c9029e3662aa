"""Playing in a terminal: waits, reads keys, writes, and leaves the terminal as it was."""

import os
import select
import sys
import termios
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, nullcontext

from webhook.replay.player import Key, Player
from webhook.replay.safety import LEAVE_ALTERNATE, RESET, TerminalFilter

_LONGEST_WAIT = 0.5
_OUTPUT, _LOCAL = 1, 3
"""Places in what termios.tcgetattr gives."""


def play(player: Player) -> None:
    """Play to standard output until the end, or until the viewer has seen enough."""
    with _keys() as keys, _screen() as show:
        while not player.finished:
            show(player.advance(time.monotonic()))
            key = _wait(player.wait(), keys)
            if key is not None:
                show(player.press(key, time.monotonic()))


def follow(texts: Iterable[str]) -> None:
    """Write texts to standard output as they come."""
    with _screen() as show:
        for text in texts:
            show(text)


def _wait(seconds: float | None, keys: int | None) -> Key | None:
    """Wait until more is due or a key comes; keys without a meaning end the wait too."""
    timeout = _LONGEST_WAIT if seconds is None else min(seconds, _LONGEST_WAIT)
    if keys is None:
        time.sleep(timeout)
        return None
    readable, _, _ = select.select([keys], [], [], timeout)
    return _key(os.read(keys, 1)) if readable else None


def _key(pressed: bytes) -> Key | None:
    if pressed in (b"", b"\x03", b"\x04"):
        return Key.QUIT
    return next((key for key in Key if key.value.encode() == pressed), None)


@contextmanager
def _keys() -> Generator[int | None]:
    """Let single keys be read from standard input, when it is a terminal."""
    if not sys.stdin.isatty():
        yield None
        return
    descriptor = sys.stdin.fileno()
    with _changed(descriptor, _LOCAL, termios.ICANON | termios.ECHO | termios.ISIG):
        yield descriptor


@contextmanager
def _changed(descriptor: int, field: int, without: int) -> Generator[None]:
    """Leave out flags of a terminal, until the end of the block."""
    before = termios.tcgetattr(descriptor)
    changed = termios.tcgetattr(descriptor)
    changed[field] &= ~without
    termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _screen() -> Generator[Callable[[str], None]]:
    """Give what writes to standard output; what a recording did to a terminal is undone in the end.

    What comes next on a terminal begins a line of its own.

    The terminal shows line feeds as the recorded one did, which had carriage returns beside them already.
    """
    safe = TerminalFilter()
    is_terminal = sys.stdout.isatty()
    line_is_open = False

    def show(text: str) -> None:
        nonlocal line_is_open
        written = safe.feed(text)
        line_is_open = not written.endswith("\n") if written else line_is_open
        sys.stdout.write(written)
        sys.stdout.flush()

    with _changed(sys.stdout.fileno(), _OUTPUT, termios.OPOST) if is_terminal else nullcontext():
        try:
            yield show
        finally:
            if is_terminal:
                end = LEAVE_ALTERNATE if safe.alternate else "\r\n" if line_is_open else ""
                sys.stdout.write(end + RESET)
                sys.stdout.flush()
