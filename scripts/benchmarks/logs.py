"""Throughput of a container's log: how fast its own program gets rid of text, under the shim and without."""

import argparse
import contextlib

from kube import Object, until
from pods import container, pod

from benchmarks.limits import KEY, print_limits, reached
from benchmarks.pair import Side, pods_made
from benchmarks.report import median, print_table
from benchmarks.stream import LINE

_LEAST_RATIO = 0.9
_SCRIPT = f"""
i=0; while [ $i -lt 10000 ]; do echo "{LINE.replace("{n}", "$i")}"; i=$((i+1)); done > /tmp/part
while cat /tmp/part; do :; done | head -c $0 > /tmp/text
wc -l < /tmp/text > /tmp/lines
round=1
while :; do
  until test -e /tmp/go.$round; do sleep 0.1; done
  start=$(date +%s%N)
  cat /tmp/text
  end=$(date +%s%N)
  echo $((end - start)) > /tmp/new; mv /tmp/new /tmp/took.$round
  round=$((round + 1))
done
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--megabytes", type=int, default=50, help="size of the text (default: 50)")
    parser.add_argument("--rounds", type=int, default=5, help="times on each side (default: 5)")


def writers(cluster: str, megabytes: int) -> contextlib.AbstractContextManager[tuple[Side, Side]]:
    """Give both sides, each with a pod ``bench`` whose program waits to be told to write."""
    writer = container(command=["sh", "-c", _SCRIPT], args=[f"{megabytes}000000"])

    def make(side: Side) -> Object:
        annotations = {"chaperone.dev/main-process": "true"} if side.name == "guarded" else {}
        return pod("bench", writer, namespace=side.namespace, annotations=annotations)

    return pods_made(cluster, make)


def _number(side: Side, file: str) -> int | None:
    done = side.kubectl.try_("exec", "-n", side.namespace, "bench", "--", "cat", file)
    return int(done.text) if done.code == 0 and done.text.strip() else None


def once(side: Side, number: int) -> int:
    """Give how long the program took to write its text, in nanoseconds."""
    side.kubectl.run("exec", "-n", side.namespace, "bench", "--", "touch", f"/tmp/go.{number}")
    return until(lambda: _number(side, f"/tmp/took.{number}"), seconds=600, what="the text in the log")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure, print, give the figures."""
    with writers(args.name, args.megabytes) as sides:
        lines = until(lambda: _number(sides[0], "/tmp/lines"), seconds=120, what="the text")
        until(lambda: _number(sides[1], "/tmp/lines"), seconds=120, what="the text")
        took: dict[str, list[int]] = {side.name: [] for side in sides}
        for number in range(1, args.rounds + 2):
            for side in sides:
                nanoseconds = once(side, number)
                if number > 1:  # the first one warms up
                    took[side.name].append(nanoseconds)
    pairs = list(zip(took["guarded"], took["raw"], strict=True))
    figures = {
        f"{name}_mb_per_s": args.megabytes * 1e9 / median([float(value) for value in values])
        for name, values in took.items()
    }
    figures["ratio"] = median([raw / guarded for guarded, raw in pairs])
    figures["us_per_line"] = median([(guarded - raw) / lines / 1000 for guarded, raw in pairs])
    print_table(
        ("log", "guarded", "raw", "ratio", "a line more"),
        [
            (
                "median",
                f"{figures['guarded_mb_per_s']:.1f} MB/s",
                f"{figures['raw_mb_per_s']:.1f} MB/s",
                f"{figures['ratio']:.3f}",
                f"{figures['us_per_line']:.2f} µs",
            )
        ],
    )
    limits = [reached("throughput of a log, guarded to raw", figures["ratio"], at_least=_LEAST_RATIO)]
    print_limits(limits)
    return {**figures, KEY: limits}
