"""Exec set-up: the time of ``kubectl exec POD -- true``, in turn on both sides."""

import argparse
import subprocess
import time

from benchmarks.pair import Side, pods
from benchmarks.report import compare, milliseconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--runs", type=int, default=60, help="execs on each side (default: 60)")


def once(side: Side) -> float:
    """Give the seconds one exec takes."""
    start = time.perf_counter()
    subprocess.run(side.exec("--", "true"), check=True, capture_output=True)
    return time.perf_counter() - start


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    with pods(args.name) as sides:
        first = once(sides[0])
        times: dict[str, list[float]] = {side.name: [] for side in sides}
        for _ in range(args.runs):
            for side in sides:
                times[side.name].append(once(side))
    figures = {"first_guarded_s": first, **compare("exec set-up", times, 0.95)}
    print(f"  first session after idle: {milliseconds(first)}")
    return figures
