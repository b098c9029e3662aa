"""What following an edited line costs beside text that is only let through, at a terminal and at its keys."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from benchmarks.mask_corpora import ansi, text
from benchmarks.report import print_table
from sidecar.masking import Engine, Profile

PIECE: Final = 4096


class Feeds(Protocol):
    """Whatever masks piece by piece."""

    def feed(self, data: bytes) -> bytes: ...


def corrected(size: int) -> bytes:
    """A shell as readline shows it: every seventh key is wrong and erased."""
    line = b"".join(b"%c" % byte + (b"x\b \b" if at % 7 == 6 else b"") for at, byte in enumerate(text(60)))
    return (b"$ " + line.replace(b"\n", b" ") + b"\r\n") * (size // (len(line) + 4) + 1)


def redrawn(size: int) -> bytes:
    """The bar of a download, drawn again and again."""
    bars = [b"\rfetched %3d%% [%-40s] %d kB" % (at % 101, b"#" * (at % 41), at) for at in range(size // 60)]
    return b"".join(bars)


def repeated(piece: bytes) -> Callable[[int], bytes]:
    """One edit without end, on a line that grows as long as any that is followed."""
    return lambda size: piece * (size // len(piece) + 1)


def _terminal(engine: Engine) -> Feeds:
    return engine.terminal(80)


def _keyboard(engine: Engine) -> Feeds:
    return engine.keyboard()


_Masks = Callable[[Engine], Feeds]
# The last two are against the engine: digits that may always begin another number, changed all the time.
CORPORA: Final[dict[str, tuple[_Masks, Callable[[int], bytes]]]] = {
    "text": (_terminal, text),
    "coloured": (_terminal, ansi),
    "corrected": (_terminal, corrected),
    "redrawn": (_terminal, redrawn),
    "typed": (_keyboard, corrected),
    "edits": (_terminal, repeated(b"4 1\b")),
    "both ends": (_keyboard, repeated(b"\x011\x051")),
}


def measure(size: int) -> dict[str, dict[str, float]]:
    """Microseconds of CPU a byte: masked as a terminal in pieces and byte by byte, and as plain text."""
    engine = Engine.load(Profile.STRICT)
    figures: dict[str, dict[str, float]] = {}
    for name, (masks, make) in CORPORA.items():
        corpus = make(size)[:size]
        figures[name] = {
            "piece": _cost(masks(engine), corpus, PIECE),
            "byte": _cost(masks(engine), corpus, 1),
            "plain": _cost(engine.stream(), corpus, PIECE),
            "plain byte": _cost(engine.stream(), corpus, 1),
        }
    head = ("terminals, µs a byte", "pieces of 4K", "byte by byte", "plain, 4K", "plain, byte by byte")
    print_table(head, [(name, *(f"{cost:.2f}" for cost in row.values())) for name, row in figures.items()])
    return figures


def _cost(masker: Feeds, corpus: bytes, piece: int) -> float:
    start = time.process_time()
    for at in range(0, len(corpus), piece):
        masker.feed(corpus[at : at + piece])
    return (time.process_time() - start) / len(corpus) * 1e6
