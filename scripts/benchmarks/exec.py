"""Exec set-up: the time of ``kubectl exec POD -- true``, in turn on both sides."""

import argparse
import subprocess
import time

from benchmarks.pair import Side, pods
from benchmarks.report import median, milliseconds, percentile, print_table


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
    figures = {
        "first_guarded_s": first,
        **{f"{name}_p50_s": median(values) for name, values in times.items()},
        **{f"{name}_p95_s": percentile(values, 0.95) for name, values in times.items()},
    }
    figures["ratio_p50"] = figures["guarded_p50_s"] / figures["raw_p50_s"]
    figures["ratio_p95"] = figures["guarded_p95_s"] / figures["raw_p95_s"]
    rows = [
        (
            share,
            milliseconds(figures[f"guarded_{share}_s"]),
            milliseconds(figures[f"raw_{share}_s"]),
            f"{figures[f'ratio_{share}']:.3f}",
        )
        for share in ("p50", "p95")
    ]
    print_table(("exec set-up", "guarded", "raw", "ratio"), rows)
    print(f"  first session after idle: {milliseconds(first)}")
    return figures
