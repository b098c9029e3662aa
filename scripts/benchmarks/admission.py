"""Policies and the doors: a decision, a review, reviews at a rate over HTTPS, and reviews during a reload.

Reviews come at random moments at a fixed average rate, whatever the answers do (open loop), over 25 TLS
connections that stay open. The server has one processor, the client the other. *Wire* is from when a review
was due to its whole answer, *handler* what the server needed for it. Beside the doors stands a handler that
answers at once: whatever it shows is the machine's, the client's and the network's share.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from httpish import Asgi
from policy_samples import question

from benchmarks.admission_client import Make, Seen, closed_loop, open_loop
from benchmarks.admission_load import (
    application,
    guarded_pod,
    judged_review,
    object_review,
    pod_review,
    policies,
    review,
)
from benchmarks.admission_server import TRIVIAL, Facts, Running, come_first, server
from benchmarks.limits import KEY, Limit, print_limits, ratio, seconds
from benchmarks.report import Row, median, percentile, print_table
from webhook.policy.active import ActivePolicies

_FEW, _MANY = 200, 2000
_SLOWEST: Final = 0.005
"""Seconds."""
_GROWTH: Final = 2.0
_EXEC_FEW: Final = "exec, 200 policies"
_EXEC_MANY: Final = "exec, 2000 policies"
_INJECTED: Final = "pod injected, 200 policies"
_JUDGED: Final = "pod judged, 200 policies"
_RELOADS: Final = (
    "exec, all 200 compiled anew each second",
    "exec, one of 2000 compiled anew each 0.2 s",
    "exec, all 2000 compiled anew",
)
_PROMISED: Final = (_EXEC_FEW, _INJECTED, _JUDGED, *_RELOADS)
"""What is answered within ``_SLOWEST``, also while policies are read anew."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--rate", type=int, default=500, help="reviews per second (default: 500)")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement (default: 10)")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure and print."""
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    first, *_, last = sorted(os.sched_getaffinity(0))
    come_first(first)
    figures: dict[str, object] = {"decision": _decisions(), "review": asyncio.run(_reviews())}
    few, many = _Figures(args.rate, args.seconds), _Figures(args.rate, args.seconds)
    with server(_FEW, processor=last) as running:
        few.measure(running, "a handler that does nothing", TRIVIAL, review)
        few.measure(running, _EXEC_FEW, "exec", review)
        few.measure(running, _INJECTED, "injection", pod_review)
        few.measure(running, _JUDGED, "pods", judged_review(running.pod))
        few.measure(running, "change of a Deployment, 200 policies", "objects", object_review)
        few.measure(running, _RELOADS[0], "exec", review, reload=1.0, fresh=_FEW)
        few.limits(running)
    with server(_MANY, processor=last) as running:
        many.measure(running, "a handler that does nothing", TRIVIAL, review)
        many.measure(running, _EXEC_MANY, "exec", review)
        many.measure(running, _RELOADS[1], "exec", review, reload=0.2, fresh=1)
        many.measure(running, _RELOADS[2], "exec", review, reload=0.5, fresh=_MANY)
        many.limits(running)
    rows = few.rows + many.rows
    heads = (
        "wire p50",
        "p99",
        "p99.9",
        "handler p50",
        "p99",
        "p99.9",
        "sent late p99",
        "cpu each",
        "gc",
        "others",
    )
    print_table((f"{args.rate} reviews/s", *heads), rows)
    print_table(("as many as it can", "a second", "resident"), few.most + many.most)
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    figures |= few.figures | many.figures
    limits = _limits(figures, args.rate)
    print_limits(limits)
    return figures | {KEY: limits}


def _limits(figures: dict[str, Any], rate: int) -> list[Limit]:
    """Give what was promised of these figures. Times are those at the rate that was asked for."""
    at = f"handler p99 at {rate}/s:"
    return [
        *(seconds(f"{at} {name}", figures[name]["handler_p99_s"], at_most=_SLOWEST) for name in _PROMISED),
        ratio("a decision, 2000 policies to 200", figures["decision"]["ratio"], below=_GROWTH),
        ratio(
            "handler p50 of an exec, 2000 policies to 200",
            figures[_EXEC_MANY]["handler_p50_s"] / figures[_EXEC_FEW]["handler_p50_s"],
            below=_GROWTH,
        ),
    ]


class _Figures:
    """Measures one server after another."""

    def __init__(self, rate: int, seconds: int) -> None:
        self._rate, self._seconds = rate, seconds
        self.rows: list[Row] = []
        self.most: list[Row] = []
        self.figures: dict[str, Any] = {}

    def measure(
        self, running: Running, name: str, path: str, make: Make, *, reload: float = 0.0, fresh: int = 0
    ) -> None:
        """Send at the rate; the first second is not counted."""
        open_loop(running, path, make, rate=self._rate, seconds=1)
        lines = running.facts(reload_seconds=reload, fresh=fresh).lines
        seen = open_loop(running, path, make, rate=self._rate, seconds=self._seconds)
        facts = running.facts()
        if path != TRIVIAL and facts.lines - lines != len(seen.latencies):
            raise SystemExit(f"{len(seen.latencies)} reviews left {facts.lines - lines} lines in the log")
        if seen.refused and path in {"injection", "pods"}:
            raise SystemExit(f"{seen.refused} pods were refused, and none was to be")
        self.rows.append(_row(name, seen, facts))
        self.figures[name] = _figures(seen, facts)

    def limits(self, running: Running) -> None:
        """Ask for as many as it can answer."""
        for name, path, make in (
            ("nothing", TRIVIAL, review),
            ("exec", "exec", review),
            ("pod injected", "injection", pod_review),
            ("pod judged", "pods", judged_review(running.pod)),
        ):
            running.facts()
            seen = closed_loop(running, path, make, count=3000)
            rate, resident = len(seen.latencies) / seen.seconds, running.facts().resident_bytes
            self.most.append((name, f"{rate:.0f}", f"{resident / 2**20:.0f} MiB"))
            self.figures[f"most: {name}, {len(self.figures)}"] = {
                "per_second": rate,
                "resident_bytes": resident,
            }


def _row(name: str, seen: Seen, facts: Facts) -> Row:
    shares = (0.5, 0.99, 0.999)
    return (
        name
        + (f" ({len(facts.reloads)} times, {median(facts.reloads):.2f} s each)" if facts.reloads else ""),
        *(_ms(percentile(seen.latencies, share)) for share in shares),
        *(_ms(percentile(facts.handler_seconds, share)) for share in shares),
        _ms(percentile(seen.late, 0.99)),
        _ms(facts.processor_seconds / len(seen.latencies)),
        _ms(facts.gc_seconds),
        f"{facts.waited_seconds / seen.seconds:.0%}",
    )


def _figures(seen: Seen, facts: Facts) -> dict[str, float]:
    return {
        "wire_p50_s": median(seen.latencies),
        "wire_p99_s": percentile(seen.latencies, 0.99),
        "handler_p50_s": median(facts.handler_seconds),
        "handler_p99_s": percentile(facts.handler_seconds, 0.99),
        "late_p99_s": percentile(seen.late, 0.99),
        "cpu_s": facts.processor_seconds / len(seen.latencies),
        "gc_s": facts.gc_seconds,
        "refused": seen.refused,
    }


def _decisions() -> dict[str, float]:
    few, many = _Asked(policies(_FEW)), _Asked(policies(_MANY))
    for _ in range(5):
        few.ask()
        many.ask()
    figures = {
        "p50_200_s": median(few.times),
        "p99_200_s": percentile(few.times, 0.99),
        "p50_2000_s": median(many.times),
        "p99_2000_s": percentile(many.times, 0.99),
    }
    figures["ratio"] = figures["p50_2000_s"] / figures["p50_200_s"]
    rows = [
        (f"{count} policies", _us(figures[f"p50_{count}_s"]), _us(figures[f"p99_{count}_s"]))
        for count in (_FEW, _MANY)
    ]
    print_table(
        ("one decision, processor time", "p50", "p99"), [*rows, ("ratio", f"{figures['ratio']:.2f}", "")]
    )
    return figures


async def _reviews() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="chaperone-journal-") as journal:
        return await _asked(Asgi(await application(policies(_FEW), Path(journal))))


async def _asked(app: Asgi) -> dict[str, float]:
    figures = dict[str, float]()
    rows: list[Row] = []
    for name, path, make in (
        ("exec", "exec", review),
        ("pod injected", "injection", pod_review),
        ("pod judged", "pods", judged_review(await guarded_pod())),
        ("change of a Deployment", "objects", object_review),
    ):
        times: list[float] = []
        for number in range(2000):
            body, began = make(number), time.thread_time()
            await app.post(f"/v1/{path}", body)
            times.append(time.thread_time() - began)
        figures |= {f"{path}_p50_s": median(times), f"{path}_p99_s": percentile(times, 0.99)}
        rows.append((f"{name}, 200 policies", _us(median(times)), _us(percentile(times, 0.99))))
    print_table(("one review without HTTPS, processor time", "p50", "p99"), rows)
    return figures


class _Asked:
    """A set of policies that is asked the same questions again and again, every time anew."""

    def __init__(self, active: ActivePolicies) -> None:
        self._active = active
        self.times: list[float] = []

    def ask(self) -> None:
        for number in range(2000):
            asked = question(
                user=f"agent-{number % 20}",
                groups=["system:authenticated", f"group-{number % 200}"],
                namespace=f"team-{number % 200}",
                argv=("cat", f"/var/log/app-{number}.log"),
                tty=number % 3 == 0,
            )
            began = time.thread_time()
            self._active.decide(asked)
            self.times.append(time.thread_time() - began)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"
