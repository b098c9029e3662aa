"""Stories that atheris makes, led by the lines of ours that they reach. Runs where atheris is."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from typing import Any

_LED_BY = {
    "masking": ["sidecar.masking"],
    "admission": ["webhook.admission", "webhook.approvals", "webhook.policy"],
}


def main() -> None:
    """Tell stories until enough was fed; what libFuzzer is told stands behind ``--``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(_LED_BY))
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args, _ = parser.parse_known_args()
    atheris: Any = importlib.import_module("atheris")  # not in the project's lock: only this needs it
    with atheris.instrument_imports(include=_LED_BY[args.kind]):
        plain = importlib.import_module("fuzzing.plain")
        teller = plain.teller_of(args.kind)
    start = time.monotonic()

    def one(story: bytes) -> None:
        plain.keep_if_it_fails(teller.tell, story)
        if teller.feeds >= args.feeds:
            print(teller.summary(time.monotonic() - start), flush=True)
            os._exit(0)  # libFuzzer counts stories, not feeds, and never returns

    limits = [
        f"-artifact_prefix={tempfile.gettempdir()}/",
        f"-seed={args.seed + 1}",
        f"-max_len={2 * plain.STORY_BYTES}",
        "-len_control=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *limits], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
