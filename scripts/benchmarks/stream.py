"""Throughput: a file of text through ``kubectl exec POD -- cat``, in turn on both sides."""

import argparse
import os
import subprocess
import time

from benchmarks.pair import Side, pods
from benchmarks.report import median, print_table

LINE = "2026-01-01T00:00:00Z INFO request served path=/orders/{n} status=200 duration=12ms user=someone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--megabytes", type=int, default=100, help="size of the text (default: 100)")
    parser.add_argument("--rounds", type=int, default=5, help="transfers on each side (default: 5)")


def prepare(side: Side, megabytes: int) -> None:
    """Write the same text into both pods."""
    script = (
        f'i=0; while [ $i -lt 10000 ]; do echo "{LINE.replace("{n}", "$i")}"; i=$((i+1)); done > /tmp/part; '
    )
    script += f"while cat /tmp/part; do :; done | head -c {megabytes}000000 > /tmp/text"
    subprocess.run(side.exec("--", "sh", "-c", script), check=True, capture_output=True)


def once(side: Side, megabytes: int) -> float:
    """Give the rate of one transfer, set-up included, in MB/s."""
    start = time.perf_counter()
    process = subprocess.Popen(side.exec("--", "cat", "/tmp/text"), stdout=subprocess.PIPE)
    assert process.stdout
    size = 0
    while chunk := os.read(process.stdout.fileno(), 1 << 20):
        size += len(chunk)
    assert process.wait() == 0
    assert size == megabytes * 1_000_000
    return megabytes / (time.perf_counter() - start)


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    with pods(args.name) as sides:
        for side in sides:
            prepare(side, args.megabytes)
            once(side, args.megabytes)
        rates: dict[str, list[float]] = {side.name: [] for side in sides}
        for _ in range(args.rounds):
            for side in sides:
                rates[side.name].append(once(side, args.megabytes))
    figures = {f"{name}_mb_per_s": median(values) for name, values in rates.items()}
    figures["ratio"] = figures["guarded_mb_per_s"] / figures["raw_mb_per_s"]
    pairs = zip(rates["guarded"], rates["raw"], strict=True)
    figures["ratio_of_pairs"] = median([guarded / raw for guarded, raw in pairs])
    print_table(
        ("throughput", "guarded", "raw", "ratio"),
        [
            (
                "median",
                f"{figures['guarded_mb_per_s']:.0f} MB/s",
                f"{figures['raw_mb_per_s']:.0f} MB/s",
                f"{figures['ratio']:.3f}",
            )
        ],
    )
    return figures
