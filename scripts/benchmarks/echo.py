"""Echo: from a key typed at kubectl's terminal until it is shown, in turn on both sides."""

import argparse
import time
from typing import TYPE_CHECKING

from benchmarks.pair import Side, pods
from benchmarks.report import compare

if TYPE_CHECKING:
    import pexpect


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--keys", type=int, default=400, help="keys on each side (default: 400)")


def open_terminal(side: Side) -> "pexpect.spawn[bytes]":
    """Start ``cat`` on a terminal; the inner terminal echoes each key."""
    terminal = side.kubectl.terminal(
        "exec", "-it", "-n", side.namespace, "bench", "--", "sh", "-c", "echo ready; cat > /dev/null"
    )
    terminal.delaybeforesend = None
    terminal.expect_exact("ready\r\n")
    return terminal


def key(terminal: "pexpect.spawn[bytes]", letter: str) -> float:
    """Give the seconds until one key is shown."""
    start = time.perf_counter()
    terminal.send(letter)
    terminal.expect_exact(letter)
    return time.perf_counter() - start


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    with pods(args.name) as sides:
        terminals = {side.name: open_terminal(side) for side in sides}
        times: dict[str, list[float]] = {name: [] for name in terminals}
        for index in range(args.keys):
            for name, terminal in terminals.items():
                times[name].append(key(terminal, "abcdefghijklmnopqrstuvwxyz"[index % 26]))
                time.sleep(0.01)
        for terminal in terminals.values():
            terminal.close(force=True)
    return compare("echo", times, 0.99)
