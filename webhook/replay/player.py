"""The player: which text is due when, at a speed, with long pauses cut short and keys obeyed."""

from collections.abc import Iterable
from enum import Enum

from webhook.replay.moments import Kind, Moment

_NANOSECONDS = 1_000_000_000
_SHOWN = frozenset([Kind.OUTPUT, Kind.ERROR_OUTPUT])
_PROGRAM = "\r\n\x1b[2m▸ {}\x1b[0m\r\n"


class Key(Enum):
    """What a viewer may press."""

    PAUSE = " "
    STEP = "."
    QUIT = "q"


class Player:
    """Plays moments against a clock that the caller reads: ``now`` is in seconds and never goes back."""

    def __init__(
        self,
        moments: Iterable[Moment],
        *,
        now: float,
        speed: float = 1.0,
        idle_limit: float | None = None,
        start: float = 0.0,
        programs: bool = False,
    ) -> None:
        """Begin at ``start`` (seconds of the session), with all that was shown before then at once.

        With ``programs``, the command line of each program stands on a line of its own when it began.
        """
        self._shown = _SHOWN | {Kind.PROGRAM} if programs else _SHOWN
        self._moments = iter(moments)
        self._speed = speed
        self._idle_limit = idle_limit
        self._seen = now
        self._position = 0.0
        self._due = 0.0
        self._at = int(start * _NANOSECONDS)
        self._next: Moment | None = None
        self.paused = False
        self.finished = False
        self._load()

    def advance(self, now: float) -> str:
        """Give the text that became due since the last call."""
        elapsed = now - self._seen
        self._seen = now
        if not self.paused:
            self._position += elapsed * self._speed
        due: list[str] = []
        while self._next is not None and self._due <= self._position and not self.finished:
            due.append(self._take())
        return "".join(due)

    def wait(self) -> float | None:
        """Give the seconds until more is due; None when only a key can change anything."""
        if self.paused or self.finished:
            return None
        return max(0.0, (self._due - self._position) / self._speed)

    def press(self, key: Key, now: float) -> str:
        """Obey a key; give the text that is due by then."""
        text = self.advance(now)
        match key:
            case Key.PAUSE:
                self.paused = not self.paused
            case Key.STEP if self.paused and self._next is not None:
                self._position = self._due
                text += self._take()
            case Key.QUIT:
                self.finished = True
            case _:
                pass
        return text

    def _take(self) -> str:
        text = _text(self._next) if self._next is not None else ""
        self._load()
        return text

    def _load(self) -> None:
        self._next = next((moment for moment in self._moments if moment.kind in self._shown), None)
        if self._next is None:
            self.finished = True
            return
        gap = max(0, self._next.at - self._at) / _NANOSECONDS
        self._at = max(self._at, self._next.at)
        self._due += gap if self._idle_limit is None else min(gap, self._idle_limit)


def shown_text(moment: Moment, *, programs: bool) -> str:
    """Give the text that a moment shows in a terminal, none for what is not shown."""
    is_shown = moment.kind in _SHOWN or (programs and moment.kind is Kind.PROGRAM)
    return _text(moment) if is_shown else ""


def _text(moment: Moment) -> str:
    return _PROGRAM.format(moment.text) if moment.kind is Kind.PROGRAM else moment.text
