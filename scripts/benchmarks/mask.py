"""The masking engine beside raw Hyperscan and others: ratios of one run, CPU time, best of many."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import mask_peers, mask_quality
from benchmarks.mask_corpora import CORPORA
from benchmarks.report import print_table
from sidecar.masking import Engine, Profile
from sidecar.masking.databases import compile_all, dump, load
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import Sieve, triggers

MEGABYTE = 1 << 20
PEER_SIZE = 65536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--megabytes", type=int, default=2, help="size of each corpus (default: 2)")
    parser.add_argument("--rounds", type=int, default=7, help="runs of which the best counts (default: 7)")
    parser.add_argument("--quality", action="store_true", help="only what is hidden, not how fast")
    mask_quality.add_arguments(parser)
    parser.add_argument("--peers", action="store_true", help="also google-re2, Presidio and Python's re")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure, print, give the figures."""
    if args.quality:
        return {"quality": mask_quality.run(args)}
    return {
        "throughput": _throughput(args.megabytes * MEGABYTE, args.rounds),
        "peers": _peers(args.megabytes * MEGABYTE) if args.peers else {},
        "feed_us": _one_byte(),
        "load": _load(),
        "quality": mask_quality.run(args),
    }


def _best(work: Callable[[], object], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def _throughput(size: int, rounds: int) -> dict[str, dict[str, float]]:
    engine = Engine.load(Profile.STRICT)
    raw = Scanner(compile_database(triggers(Sieve.NUMBERS)[:1]))
    figures: dict[str, dict[str, float]] = {}
    for name, make in CORPORA.items():
        corpus = make(size)
        for piece in (65536, 4096):
            pieces = [corpus[at : at + piece] for at in range(0, len(corpus), piece)]

            def masked(pieces: list[bytes] = pieces) -> None:
                masker = engine.stream()
                for part in pieces:
                    masker.feed(part)

            def scanned(pieces: list[bytes] = pieces) -> None:
                for part in pieces:
                    raw.hits(part)

            ours, bare = _best(masked, rounds), _best(scanned, rounds)
            figures[f"{name} {piece // 1024}K"] = {
                "engine": len(corpus) / ours / 1e6,
                "hyperscan": len(corpus) / bare / 1e6,
                "ratio": bare / ours,
            }
    rows = [
        (name, f"{row['engine']:.0f}", f"{row['hyperscan']:.0f}", f"{row['ratio']:.2f}")
        for name, row in figures.items()
    ]
    print_table(("corpus", "engine MB/s", "raw Hyperscan MB/s", "engine / raw"), rows)
    return figures


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


def _one_byte() -> dict[str, float]:
    engine = Engine.load(Profile.STRICT)
    corpus = CORPORA["text"](200_000)
    feed = engine.stream().feed
    times: list[int] = []
    for at in range(len(corpus)):
        byte = corpus[at : at + 1]
        start = time.perf_counter_ns()
        feed(byte)
        times.append(time.perf_counter_ns() - start)
    times.sort()
    figures = {"p50": times[len(times) // 2] / 1e3, "p99": times[len(times) * 99 // 100] / 1e3}
    print_table(("one byte fed, text", "µs"), [(name, f"{value:.2f}") for name, value in figures.items()])
    return figures


_MEMORY = """
import time
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4
before = rss()
from sidecar.masking import Engine, Profile
engine = Engine.load(Profile.STRICT)
masker = engine.stream()
masker.feed(b"4111 1111 1111 1111\\n")
print(rss() - before)
"""


def _load() -> dict[str, float]:
    content = dump(compile_all())
    first = _best(lambda: load(content), 5)
    memory = subprocess.run(
        [sys.executable, "-c", _MEMORY], check=True, capture_output=True, text=True
    ).stdout
    figures = {"load_ms": first * 1e3, "memory_kib": float(memory)}
    print_table(
        ("engine", ""),
        [("load, ms", f"{first * 1e3:.1f}"), ("memory over bare Python, KiB", memory.strip())],
    )
    return figures
