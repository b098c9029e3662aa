"""Forking children that share nothing but what they are given, and pausing between failing starts."""

import os
import signal
import time
from collections.abc import Callable

from sidecar.processes.log import log_failure

FAILED = 70
"""Exit status of a child that raised (sysexits.h, EX_SOFTWARE)."""
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 15.0


def fork(body: Callable[[], int], what: str) -> int:
    """Run ``body`` in a child that exits with its result; give the child's process id."""
    pid = os.fork()
    if pid:
        return pid
    status = FAILED
    try:
        _reset_signals()
        status = body()
    except BaseException as error:  # noqa: BLE001  the child's last chance to tell; it exits below
        log_failure(f"{what} failed", error)
    finally:
        os._exit(status)


def hear_signals(*stopping: int, stop: Callable[[], object]) -> int:
    """Call ``stop`` at the given signals; give a descriptor that is readable after them and SIGCHLD."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    for number in stopping:
        signal.signal(number, lambda _number, _frame: stop())
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def reap() -> list[tuple[int, int]]:
    """Give process id and exit code (negative: signal) of every child that has ended."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, os.waitstatus_to_exitcode(status)))


class Backoff:
    """How long to wait before something that failed is started again: not at all after the first failure."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before = 0.0

    def succeeded(self) -> None:
        """Forget the failures."""
        self._failures = 0
        self._not_before = 0.0

    def failed(self) -> None:
        """Wait twice as long as after the last failure."""
        if self._failures:
            pause = min(_FIRST_PAUSE * 2.0**self._failures, _LONGEST_PAUSE)
            self._not_before = time.monotonic() + pause
        self._failures += 1

    def seconds_left(self) -> float:
        """Give how long to wait from now; zero when it may start."""
        return max(0.0, self._not_before - time.monotonic())


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
