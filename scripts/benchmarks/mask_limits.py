"""What the figures of the masking engine must keep to."""

from typing import Any, Final

from benchmarks.limits import Limit, amount, reached, seconds
from benchmarks.mask_lookalikes import LOOKALIKES

RATIOS: Final = {"text 64K": 0.8, "text 4K": 0.5, "json 4K": 0.15}
"""Of what raw Hyperscan does with one expression for card numbers, on the same text in the same pieces."""
PEERS: Final = {"re2": 1.2, "presidio": 15.0}
"""How many times as fast as others, on text in pieces of 64 KB."""
FEED_US: Final = {"p50": 1.0, "p99": 3.0}
LOAD_MS: Final = 5.0
MEMORY_KIB: Final = 6 * 1024


def speed_limits(figures: dict[str, Any]) -> list[Limit]:
    """Give the limits of speed and size; those of others only where they were measured."""
    throughput, peers = figures["throughput"], figures["peers"]
    limits = [
        reached(f"engine / raw Hyperscan, {name}", throughput[name]["ratio"], at_least=least)
        for name, least in RATIOS.items()
    ]
    limits += [
        reached(
            f"engine / {name}, text 64K",
            throughput["text 64K"]["engine"] / peers[f"{name} text"],
            at_least=least,
        )
        for name, least in PEERS.items()
        if f"{name} text" in peers
    ]
    limits += [
        amount(f"one byte fed, {name}", figures["feed_us"][name], "µs", at_most=most)
        for name, most in FEED_US.items()
    ]
    load = figures["load"]
    limits.append(seconds("first load of serialised databases", load["load_ms"] / 1e3, at_most=LOAD_MS / 1e3))
    limits.append(amount("memory of its own over bare Python", load["memory_kib"], "KiB", at_most=MEMORY_KIB))
    return limits


def quality_limits(quality: dict[str, Any]) -> list[Limit]:
    """Give the limits of what is masked: every card, and nothing that can be told from one.

    A set that could not be fetched is not shown to be masked.
    """
    limits: list[Limit] = []
    for name, row in quality.get("sets", {}).items():
        if row["valid"]:
            limits.append(_none(f"cards of {name} missed", row["valid"] - row["masked"]))
        else:
            limits.append(reached(f"cards of {name}, not fetched", 0, at_least=1))
    written = quality.get("written", {})
    if written:
        missed = sum(row["missed"] for way, row in written.items() if way != "brands")
        limits.append(_none("generated cards missed", missed))
    for name, row in quality.get("lookalikes", {}).items():
        if not LOOKALIKES[name].reason:
            limits.append(_none(f"{name} masked", sum(row.values())))
    return limits


def _none(what: str, count: int) -> Limit:
    return amount(what, count, "", at_most=0)
