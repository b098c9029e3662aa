"""Policies and the doors: a decision, a review, the injection of a pod, and reviews during a reload.

Reviews come at a fixed rate, whatever the answers do (open loop), over kept-alive connections without TLS;
the server has one core. Times are from when a review was due to its whole answer.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable

from httpish import Asgi
from policy_samples import question

from benchmarks.admission_load import application, pod_review, policies, processor_seconds, review, server
from benchmarks.report import median, percentile, print_table
from webhook.policy.active import ActivePolicies

_CONNECTIONS = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--rate", type=int, default=500, help="reviews per second (default: 500)")
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement (default: 10)")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure and print."""
    figures: dict[str, object] = {"decision": _decisions(), "review": asyncio.run(_reviews())}
    rows: list[tuple[str, ...]] = []
    for name, count, path, make, reload_seconds in (
        ("exec, 200 policies", 200, "exec", review, 0.0),
        ("exec, 2000 policies", 2000, "exec", review, 0.0),
        ("pod injection, 200 policies", 200, "pods", pod_review, 0.0),
        ("exec, 200 policies, all reloaded each second", 200, "exec", review, 1.0),
    ):
        with server(count, reload_seconds=reload_seconds) as (port, pid):
            before = processor_seconds(pid)
            times = asyncio.run(_load(port, path, make, args.rate, args.seconds))
            cpu = (processor_seconds(pid) - before) / (args.rate * (args.seconds + 1))
        figures[name] = {"p50_s": median(times), "p99_s": percentile(times, 0.99), "cpu_s": cpu}
        shares = [_ms(percentile(times, share)) for share in (0.5, 0.99, 0.999)]
        rows.append((name, *shares, _ms(max(times)), _ms(cpu)))
    print_table((f"{args.rate} reviews/s", "p50", "p99", "p99.9", "most", "processor each"), rows)
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    return figures


def _decisions() -> dict[str, float]:
    few, many = _Asked(policies(200)), _Asked(policies(2000))
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
        for count in (200, 2000)
    ]
    print_table(
        ("one decision, processor time", "p50", "p99"), [*rows, ("ratio", f"{figures['ratio']:.2f}", "")]
    )
    return figures


async def _reviews() -> dict[str, float]:
    app, figures = Asgi(await application(policies(200))), dict[str, float]()
    rows: list[tuple[str, ...]] = []
    for name, path, make in (("exec", "exec", review), ("pod injection", "pods", pod_review)):
        times: list[float] = []
        for number in range(2000):
            body, began = make(number), time.thread_time()
            await app.post(f"/v1/{path}", body)
            times.append(time.thread_time() - began)
        figures |= {f"{path}_p50_s": median(times), f"{path}_p99_s": percentile(times, 0.99)}
        rows.append((f"{name}, 200 policies", _us(median(times)), _us(percentile(times, 0.99))))
    print_table(("one review, processor time", "p50", "p99"), rows)
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


async def _load(port: int, path: str, make: Callable[[int], bytes], rate: int, seconds: int) -> list[float]:
    """Give the times of all reviews, the first second left out."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    times: list[float] = []
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(_work(port, path, waiting, times)) for _ in range(_CONNECTIONS)]
        began = time.perf_counter()
        for number in range(rate * (seconds + 1)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            waiting.put_nowait((due, make(number)))
        await waiting.join()
        for worker in workers:
            worker.cancel()
    return times[rate:]


async def _work(
    port: int, path: str, waiting: "asyncio.Queue[tuple[float, bytes]]", times: list[float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        due, body = await waiting.get()
        head = f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status = await reader.readuntil(b"\r\n\r\n")
        length = int(status.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - due)
        waiting.task_done()


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"
