"""The masking engine beside raw Hyperscan and others: ratios of one run, CPU time, best of many.

Raw Hyperscan is measured twice: with one expression for card numbers, as a simple masker would use it, and
with all that the engine looks for in any text (``patterns.Sieve.GATE``: keys and rare bytes, too).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import mask_peers, mask_quality, mask_terminal
from benchmarks.limits import KEY, Limit, print_limits
from benchmarks.mask_corpora import ADVERSARIAL, CORPORA
from benchmarks.mask_limits import quality_limits, speed_limits
from benchmarks.report import print_table
from sidecar.masking import Engine, Profile
from sidecar.masking.cards import length_classes
from sidecar.masking.databases import compile_all, dump
from sidecar.masking.gaps import PLAIN_GAPS, alternatives
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import Sieve, Trigger, triggers
from sidecar.masking.quiet import next_loud

MEGABYTE = 1 << 20
PEER_SIZE = 65536
TERMINAL_SIZE = 16384


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--megabytes", type=int, default=2, help="size of each corpus (default: 2)")
    parser.add_argument("--rounds", type=int, default=7, help="runs of which the best counts (default: 7)")
    parser.add_argument("--speed", action="store_true", help="only how fast, not what is hidden")
    parser.add_argument("--quality", action="store_true", help="only what is hidden, not how fast")
    mask_quality.add_arguments(parser)
    parser.add_argument(
        "--peers", action="store_true", help="also google-re2, Presidio and Python's re, fetched"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, give the figures."""
    figures: dict[str, Any] = {}
    limits: list[Limit] = []
    if not args.quality:
        figures = {
            "throughput": _throughput(args.megabytes * MEGABYTE, args.rounds),
            "peers": _peers(args.megabytes * MEGABYTE) if args.peers else {},
            "feed_us": _one_byte(),
            "terminal": mask_terminal.measure(TERMINAL_SIZE),
            "load": _load(),
        }
        limits += speed_limits(figures)
    if not args.speed:
        figures["quality"] = mask_quality.run(args)
        limits += quality_limits(figures["quality"])
    print_limits(limits)
    return figures | {KEY: limits}


def pan_pattern() -> bytes:
    """What raw Hyperscan looks for: every four-digit beginning in the table, 8 to 15 digits more, the end.

    One expression that tells where candidates end: no verdict, and nothing else of what the engine masks.
    """
    tails: dict[bytes, set[bytes]] = {}
    for prefix in (prefix for known in length_classes().values() for prefix in known):
        tails.setdefault(prefix[:2], set()).add(prefix[2:])
    beginnings = b"|".join(
        head + (b"[0-9]{2}" if len(last) == 100 else b"(?:" + b"|".join(sorted(last)) + b")")
        for head, last in sorted(tails.items())
    )
    return b"[^0-9](?:" + beginnings + b")(?:" + alternatives(*PLAIN_GAPS) + b"?[0-9]){8,15}[^0-9]"


def _throughput(size: int, rounds: int) -> dict[str, dict[str, float]]:
    print(f"first look at text: {'sidecar/masking/quiet' if next_loud is not None else 'Hyperscan alone'}")
    engine = Engine.load(Profile.STRICT)
    raw = Scanner(compile_database([Trigger(pan_pattern(), "raw", 1)]))
    gate = Scanner(compile_database(triggers(Sieve.GATE)))
    figures: dict[str, dict[str, float]] = {}
    for name, make in CORPORA.items():
        corpus = make(size // 8 if name in ADVERSARIAL else size)
        for piece in (65536, 4096):
            pieces = [corpus[at : at + piece] for at in range(0, len(corpus), piece)]
            ours, bare, same = _best_each(
                rounds, lambda: engine.stream().feed, lambda: raw.hits, lambda: gate.hits, pieces=pieces
            )
            figures[f"{name} {piece // 1024}K"] = {
                "engine": len(corpus) / ours / 1e6,
                "hyperscan": len(corpus) / bare / 1e6,
                "hyperscan_gate": len(corpus) / same / 1e6,
                "ratio": bare / ours,
                "ratio_gate": same / ours,
            }
    rows = [(name, *(_short(value) for value in row.values())) for name, row in figures.items()]
    print_table(("corpus", "engine MB/s", "raw, cards", "raw, all", "engine / cards", "engine / all"), rows)
    return figures


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"


def _best_each(
    rounds: int, *makers: Callable[[], Callable[[bytes], object]], pieces: list[bytes]
) -> list[float]:
    """The best time of each, all of them in turns, so that what else the machine does meets all alike."""
    best = [float("inf")] * len(makers)
    for _ in range(rounds):
        for number, make in enumerate(makers):
            feed = make()
            start = time.process_time()
            for piece in pieces:
                feed(piece)
            best[number] = min(best[number], time.process_time() - start)
    return best


def _peers(size: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("text", "json"):
            path = Path(folder) / name
            path.write_bytes(CORPORA[name](size))
            for kind in ("re2", "presidio", "re"):
                figures[f"{kind} {name}"] = mask_peers.speed(kind, path, PEER_SIZE)
    print_table(("peer, 64K", "MB/s"), [(name, f"{value:.0f}") for name, value in figures.items()])
    return figures


def _one_byte(passes: int = 5) -> dict[str, float]:
    """Every byte of a text fed alone: of all times as they were, and of the best of each byte.

    The second leaves out what the machine did meanwhile and keeps what single bytes cost more than others.
    """
    engine = Engine.load(Profile.STRICT)
    corpus = CORPORA["text"](100_000)
    best = [1 << 60] * len(corpus)
    times: list[int] = []
    for _ in range(passes):
        feed = engine.stream().feed
        for at in range(len(corpus)):
            byte = corpus[at : at + 1]
            start = time.perf_counter_ns()
            feed(byte)
            times.append(time.perf_counter_ns() - start)
            best[at] = min(best[at], times[-1])
    figures: dict[str, float] = {}
    for name, known in (("", sorted(best)), (" with noise", sorted(times))):
        figures["p50" + name] = known[len(known) // 2] / 1e3
        figures["p99" + name] = known[len(known) * 99 // 100] / 1e3
    print_table(("one byte fed, text", "µs"), [(name, f"{value:.2f}") for name, value in figures.items()])
    return figures


# In a process of its own: from the bare interpreter to an engine that has masked something. What is resident
# (proc_pid_smaps(5)) counts pages of libraries' files, too: those the kernel maps around one that is read, as
# many as it has read ahead. They differ by thousands of KiB from machine to machine and hour to hour, and all
# processes of a node share them. What a process has of its own does not differ.
_FRESH = """
import sys, time
def memory():
    sizes = dict(line.split()[:2] for line in list(open("/proc/self/smaps_rollup"))[1:])
    return int(sizes["Anonymous:"]), int(sizes["Rss:"])
before = memory()
from sidecar.masking import Engine, Profile
from sidecar.masking.databases import load
import hyperscan
start = time.perf_counter()
engine = Engine(Profile.STRICT, load(open(sys.argv[1], "rb").read()))
loaded = time.perf_counter() - start
masker = engine.stream()
masker.feed(b"4111 1111 1111 1111\\n")
own, resident = (now - then for now, then in zip(memory(), before))
print(own, resident, loaded * 1e3)
"""


def _load() -> dict[str, float]:
    runs: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "databases"
        path.write_bytes(dump(compile_all()))
        # Modules are compiled beforehand, as in the image: the first run does it.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        argv = [sys.executable, "-c", _FRESH, str(path)]
        for _ in range(6):
            out = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment).stdout
            own, resident, milliseconds = map(float, out.split())
            runs.append((own, resident, milliseconds))
    own, resident, load = map(min, zip(*runs, strict=True))
    figures = {"load_ms": load, "memory_kib": own, "resident_kib": resident}
    rows = [
        ("first load of serialised databases, ms", f"{load:.1f}"),
        ("memory of its own over bare Python, KiB", f"{own:.0f}"),
        ("resident over bare Python, with pages of files, KiB", f"{resident:.0f}"),
    ]
    print_table(("engine", ""), rows)
    return figures
