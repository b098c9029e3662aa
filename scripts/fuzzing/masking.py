"""The masking engine, fed in odd ways: cuts anywhere, several streams at once, closes and drops at any time.

Whatever is fed, these hold: nothing fails but a feed after the close; the output is as long as the input and
differs from it only inside what was found (on a terminal also where a digit was erased); a plainly written
card is hidden; little is held back; and one feed of the whole holds back as much of a number and gives the
same output and the same findings.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from fuzzing.choices import Choices
from fuzzing.masking_grammar import check_digit, piece
from sidecar.contract.errors import BugError
from sidecar.masking import Engine, Profile
from sidecar.masking.user import Show
from sidecar.masking.user_patterns import parse_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.masking import Base64Masker, Finding, Masker
    from sidecar.masking.following import FollowingMasker

MOST_FED = 6000
_DIGITS = frozenset(b"0123456789")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n\x1b")


class Kind(Enum):
    """What a stream carries."""

    PIPE = "pipe"
    SCREEN = "screen of 80 columns"
    NARROW_SCREEN = "screen of 40 columns"
    KEYBOARD = "keyboard"
    BASE64 = "pipe read as base64, too"

    @property
    def most_held(self) -> int:
        """The most bytes that may wait: where lines are edited, what may still be changed and an escape."""
        return 512 if self is Kind.PIPE else 3000


KINDS = (Kind.PIPE, Kind.PIPE, Kind.PIPE, *Kind)


class BrokenPromiseError(AssertionError):
    """A promise of the engine does not hold. The data is generated, so it is named."""


def engines() -> list[Engine]:
    """Every profile, and one with rules of users."""
    rules = (
        parse_rule("token", "sk_live_[0-9A-Za-z]{16,99}", Show.NOTHING, check_digit=False),
        parse_rule("access-key", "AKIA[0-9A-Z]{16}", Show.LAST_FOUR, check_digit=False),
        parse_rule("account", r"ACC-\d{2}[- ]?\d{6,12}", Show.LAST_FOUR, check_digit=True),
        parse_rule("short", r"pp:\d{1,2}", Show.NOTHING, check_digit=False),
    )
    return [Engine.load(Profile.STRICT), Engine.load(Profile.MODERN), Engine.load(Profile.STRICT, rules)]


class Stream:
    """One stream, all that was fed to it and all that came out."""

    def __init__(self, engine: Engine, kind: Kind = Kind.PIPE) -> None:
        self.feeds = 0
        self._engine = engine
        self._kind = kind
        self._masker = self._new()
        self._fed = bytearray()
        self._given = bytearray()
        self._found: list[Finding] = []
        self._planted: list[tuple[int, int]] = []

    @property
    def is_full(self) -> bool:
        """Whether it is time to close it."""
        return len(self._fed) > MOST_FED

    def _new(self) -> Masker | FollowingMasker | Base64Masker:
        if self._kind is Kind.SCREEN:
            return self._engine.terminal(80)
        if self._kind is Kind.NARROW_SCREEN:
            return self._engine.terminal(40)
        if self._kind is Kind.BASE64:
            return self._engine.base64()
        return self._engine.keyboard() if self._kind is Kind.KEYBOARD else self._engine.stream()

    @property
    def _exact(self) -> bool:
        """Whether nothing changes but what is found; on a terminal erased digits change as well."""
        return self._kind in {Kind.PIPE, Kind.BASE64}

    def feed(self, data: bytes) -> None:
        """Feed one piece."""
        self.feeds += 1
        self._fed += data
        self._given += self._masker.feed(data)
        held = len(self._fed) - len(self._given)
        if held != self._masker.held or held > self._kind.most_held:
            self._broken(f"{held} bytes are held, {self._masker.held} by its own account")

    def plant(self, digits: bytes) -> None:
        """Feed a card that must be hidden."""
        self.feed(b"\n# ")
        self._planted.append((len(self._fed) + 6, len(self._fed) + len(digits) - 4))
        self.feed(digits)
        self.feed(b" #\n")

    def check_waiting(self) -> None:
        """What waits of a number depends on what was fed, not on how."""
        whole = self._new()
        sent, at_once = len(self._given), len(whole.feed(bytes(self._fed)))
        low, high = min(sent, at_once), max(sent, at_once)
        if any(byte in _DIGITS for byte in self._fed[low:high]):
            self._broken(f"{sent} bytes have gone out, fed at once {at_once} would have")

    def take(self) -> None:
        """Take the findings so far."""
        self._found += self._masker.take_findings()

    def close(self) -> None:
        """Close, and hold the engine to its promises."""
        self.check_waiting()
        self._given += self._masker.close()
        self.take()
        if len(self._given) != len(self._fed):
            self._broken(f"{len(self._fed)} bytes were fed, {len(self._given)} came out")
        self._check_changes()
        whole = self._new()
        out = whole.feed(bytes(self._fed)) + whole.close()
        found = whole.take_findings()
        if out != bytes(self._given):
            self._broken(f"fed at once it gives {out!r}, in pieces {bytes(self._given)!r}")
        if found != self._found:
            self._broken(f"fed at once it finds {found}, in pieces {self._found}")

    def misuse(self) -> None:
        """Close it, then use it as nobody should."""
        self.close()
        if self._masker.close() != b"":
            self._broken("a second close gave something")
        try:
            self._masker.feed(b"4")
        except BugError:
            return
        self._broken("a closed stream can be fed")

    def _check_changes(self) -> None:
        inside = bytearray(len(self._fed))
        for finding in self._found:
            inside[finding.offset : finding.offset + finding.length] = b"\x01" * finding.length
        for at, (before, after) in enumerate(zip(self._fed, self._given, strict=True)):
            if before != after and not inside[at] and (self._exact or before in _LETTERS):
                self._broken(f"byte {at} was changed outside of every finding")
        for low, high in self._planted:
            if any(self._fed[at] == self._given[at] for at in range(low, high)):
                self._broken(f"the card at {low - 6} is not hidden")

    def _broken(self, what: str) -> None:
        raise BrokenPromiseError(
            f"{what}; {self._kind.value}, profile {self._engine.profile.value}, fed {bytes(self._fed)!r}"
        )


class Storyteller:
    """Tells stories to the engines. Counts what it feeds."""

    def __init__(self, among: Sequence[Engine] | None = None) -> None:
        self._engines = among if among is not None else engines()
        self.feeds = 0
        self.streams = 0

    def tell(self, data: bytes) -> None:
        """Tell the story in ``data``; raises BrokenPromiseError, or whatever the engine raises."""
        choices = Choices(data)
        streams = [self._open(choices), self._open(choices)]
        while choices.left:
            at = choices.below(2)
            if self._go_on(streams[at], choices):
                self._done(streams[at])
                streams[at] = self._open(choices)
        for stream in streams:
            stream.close()
            self._done(stream)

    def summary(self, seconds: float) -> str:
        """What was done, in a line."""
        return f"{self.feeds} feeds of {self.streams} streams in {seconds:.0f} s, every promise kept"

    def _open(self, choices: Choices) -> Stream:
        self.streams += 1
        return Stream(choices.one_of(self._engines), choices.one_of(KINDS))

    def _done(self, stream: Stream) -> None:
        self.feeds += stream.feeds

    def _go_on(self, stream: Stream, choices: Choices) -> bool:
        """Do one thing with ``stream``; give whether another must take its place."""
        what = choices.below(32)
        if stream.is_full or what == 0:
            stream.close()
        elif what == 1:
            stream.misuse()
        elif what == 2:
            pass  # dropped as it is
        else:
            self._feed(stream, choices, what)
            return False
        return True

    def _feed(self, stream: Stream, choices: Choices, what: int) -> None:
        if what == 3:
            stream.feed(b"")
        elif what == 4:
            stream.take()
        elif what == 5:
            stream.plant(check_digit(b"4539%011d" % (choices.below(65536) * 65521)))
        elif what < 16:
            for byte in piece(choices)[:200]:
                stream.feed(bytes([byte]))
            stream.check_waiting()
        elif what < 24:
            data = piece(choices)
            cut = choices.below(len(data) + 1)
            stream.feed(data[:cut])
            stream.feed(data[cut:])
        else:
            stream.feed(piece(choices))
