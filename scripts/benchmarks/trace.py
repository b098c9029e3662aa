"""Starting programs: a shell that does nothing else, inside a recorded session and outside, in turn."""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from live_recorder import Authority, LiveRecorder, compile_shim

from benchmarks.report import compare

SCRIPT = "n=0; while [ $n -lt {} ]; do /bin/true; n=$((n+1)); done"
MAKE = "seq {} | xargs -n 1 -P {} /bin/true"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--runs", type=int, default=7, help="runs on each side (default: 7)")
    parser.add_argument("--programs", type=int, default=1000, help="programs a run starts (default: 1000)")
    parser.add_argument(
        "--load", type=int, default=10_000, help="programs of the make-like load (default: 10000)"
    )
    parser.add_argument("--jobs", type=int, default=4, help="of them at a time (default: 4)")


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    with tempfile.TemporaryDirectory(prefix="trace-") as name:
        directory, authority = Path(name), Authority()
        with LiveRecorder(directory, compile_shim(directory / "shim"), authority) as recorder:
            sides: dict[str, Callable[[str], object]] = {
                "guarded": lambda script: recorder.run(authority.grant("sh", "-c", script)),
                "raw": lambda script: subprocess.run(["sh", "-c", script], check=True),
            }
            sides["guarded"]("true")  # loads what sessions need
            single = _compared("one program", sides, SCRIPT.format(args.programs), args.programs, args.runs)
            load = f"{args.load} programs, {args.jobs} at a time"
            loaded = _compared(load, sides, MAKE.format(args.load, args.jobs), 1, 1)
    return single | {f"load_{name}": figure for name, figure in loaded.items()}


def _compared(
    what: str, sides: dict[str, Callable[[str], object]], script: str, parts: int, runs: int
) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, started in sides.items():
            start = time.perf_counter()
            started(script)
            times[name].append((time.perf_counter() - start) / parts)
    return compare(what, times, 0.95)
