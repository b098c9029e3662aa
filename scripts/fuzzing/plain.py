"""Stories made from random bytes; one that breaks a promise is kept in a file. Also run under valgrind."""

from __future__ import annotations

import argparse
import importlib
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

STORY_BYTES = 200
KINDS = ("masking", "admission")


class Teller(Protocol):
    """Tells stories, and counts the pieces of them."""

    feeds: int

    def tell(self, data: bytes) -> None:
        """Tell the story in ``data``; raises what shows that a promise is broken."""
        ...

    def summary(self, seconds: float) -> str:
        """Give what was done, for people."""
        ...


T = TypeVar("T", bound=Teller)


def teller_of(kind: str) -> Teller:
    """Give who tells stories of a kind."""
    teller: Teller = importlib.import_module(f"fuzzing.{kind}").Storyteller()
    return teller


def run(feeds: int, seed: int, teller: T) -> T:
    """Tell stories until ``feeds`` pieces were fed; the first that fails is kept, then its error goes on."""
    rng = random.Random(seed)
    while teller.feeds < feeds:
        keep_if_it_fails(teller.tell, rng.randbytes(STORY_BYTES))
    return teller


def keep_if_it_fails(tell: Callable[[bytes], None], story: bytes) -> None:
    """Tell a story; one that fails is kept in a file for ``scripts/fuzz WHAT --replay``."""
    try:
        tell(story)
    except Exception as error:
        with tempfile.NamedTemporaryFile(prefix="chaperone-story-", delete=False) as file:
            file.write(story)
        kind = tell.__module__.rpartition(".")[2]
        error.add_note(f"again with: scripts/fuzz {kind} --replay {file.name}")
        raise


def main() -> None:
    """Tell random stories, or the one in a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=Path)
    args = parser.parse_args()
    start = time.monotonic()
    teller = teller_of(args.kind)
    if args.replay is not None:
        teller.tell(args.replay.read_bytes())
    else:
        run(args.feeds, args.seed, teller)
    print(teller.summary(time.monotonic() - start))


if __name__ == "__main__":
    main()
