"""Stories made from random bytes; one that breaks a promise is kept in a file. Also run under valgrind."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fuzzing.masking import Storyteller

if TYPE_CHECKING:
    from collections.abc import Callable

STORY_BYTES = 200


def run(feeds: int, seed: int, teller: Storyteller | None = None) -> Storyteller:
    """Tell stories until ``feeds`` pieces were fed; the first that fails is kept, then its error goes on."""
    teller = teller if teller is not None else Storyteller()
    rng = random.Random(seed)
    while teller.feeds < feeds:
        keep_if_it_fails(teller.tell, rng.randbytes(STORY_BYTES))
    return teller


def keep_if_it_fails(tell: Callable[[bytes], None], story: bytes) -> None:
    """Tell a story; one that fails is kept in a file for ``scripts/fuzz masking --replay``."""
    try:
        tell(story)
    except Exception as error:
        with tempfile.NamedTemporaryFile(prefix="chaperone-story-", delete=False) as file:
            file.write(story)
        error.add_note(f"again with: scripts/fuzz masking --replay {file.name}")
        raise


def summary(teller: Storyteller, seconds: float) -> str:
    """What was done, in a line."""
    return f"{teller.feeds} feeds of {teller.streams} streams in {seconds:.0f} s, every promise kept"


def main() -> None:
    """Tell random stories, or the one in a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=Path)
    args = parser.parse_args()
    start = time.monotonic()
    if args.replay is not None:
        teller = Storyteller()
        teller.tell(args.replay.read_bytes())
    else:
        teller = run(args.feeds, args.seed)
    print(summary(teller, time.monotonic() - start))


if __name__ == "__main__":
    main()
