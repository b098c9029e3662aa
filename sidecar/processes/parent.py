"""The process that waits: it listens, and starts what is needed when it is needed.

It runs in every guarded pod for the pod's whole life, so it imports next to nothing and never parses what
a container sends. While the warm process or the shipper lives, it leaves their descriptors alone.
"""

import os
import select
import signal
import socket
import sys
import time

from sidecar.processes.children import Backoff, fork, hear_signals, reap
from sidecar.processes.installation import install, remove_sockets
from sidecar.processes.log import log
from sidecar.processes.refusal import refuse_all
from sidecar.settings import Settings

_SETTLED_SECONDS = 10.0
_SESSIONS_END_WITHIN = 8.0
_SHIPPER_ENDS_WITHIN = 1.0


def run(settings: Settings) -> int:
    """Be the recorder until a signal stops it; give the exit code."""
    listeners = install(settings)
    parent = _Parent(settings, listeners)
    log(f"listening for {', '.join(settings.containers)}")
    parent.serve()
    parent.stop()
    return 0


class _Job:
    """Something the parent keeps running while it is needed."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.backoff = Backoff()
        self._started = 0.0

    @property
    def may_start(self) -> bool:
        return self.pid is None and self.backoff.seconds_left() == 0

    def started(self, pid: int) -> None:
        self.pid = pid
        self._started = time.monotonic()

    def ended(self, code: int) -> None:
        self.pid = None
        if code == 0 or time.monotonic() - self._started > _SETTLED_SECONDS:
            self.backoff.succeeded()
        if code != 0:
            self.backoff.failed()


class _Parent:
    def __init__(self, settings: Settings, listeners: dict[str, socket.socket]) -> None:
        self._settings = settings
        self._listeners = listeners
        self._by_number = {listener.fileno(): listener for listener in listeners.values()}
        self._life: int | None
        """Closed, and then None, to end the sessions."""
        self._lifeline, self._life = os.pipe()
        self._wake_reader, self._wake_writer = os.pipe()
        self._stopping = False
        self._warm = _Job()
        self._shipper = _Job()
        self._recovery = _Job()
        self._recovery_due = True
        self._farewell = _Job()
        self._started = time.time_ns()
        self._signals = hear_signals(signal.SIGTERM, signal.SIGINT, stop=self._stop_soon)

    def _stop_soon(self) -> None:
        self._stopping = True

    def serve(self) -> None:
        """Wait and start things until told to stop."""
        while not self._stopping:
            self._recover()
            ready = self._wait(self._watched(), self._pause())
            self._collect()
            dialled = [self._by_number[number] for number in ready if number in self._by_number]
            if dialled:
                self._dialled(dialled)
            if self._wake_reader in ready and self._shipper.may_start:
                self._start_shipper()

    def stop(self) -> None:
        """End the sessions, then give the shipper time to empty the spool."""
        log("stopping")
        deadline = time.monotonic() + self._settings.drain_seconds
        remove_sockets(self._settings)
        self._end_sessions()
        self._await([self._warm, self._recovery], min(deadline, time.monotonic() + _SESSIONS_END_WITHIN))
        if not self._anything_spooled():
            deadline = min(deadline, time.monotonic() + self._settings.farewell_seconds)
        self._farewell.started(fork(self._be_farewell, "telling that the recorder stops"))
        self._await([self._farewell], deadline)
        self._finish_shipping(deadline)

    def _end_sessions(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            os.close(life)

    def _watched(self) -> list[int]:
        watched = [self._signals]
        if self._warm.pid is None:
            watched += self._by_number
        if self._shipper.may_start:
            watched.append(self._wake_reader)
        return watched

    def _pause(self) -> float | None:
        """How long to wait at most: until something that failed may start again."""
        waiting = [job.backoff.seconds_left() for job in (self._shipper, self._recovery) if job.pid is None]
        return min((seconds for seconds in waiting if seconds), default=None)

    def _wait(self, numbers: list[int], seconds: float | None) -> set[int]:
        poll = select.poll()
        for number in numbers:
            poll.register(number, select.POLLIN)
        ready = {number for number, _ in poll.poll(None if seconds is None else int(seconds * 1000) + 1)}
        if self._signals in ready:
            os.read(self._signals, 4096)
        return ready

    def _collect(self) -> None:
        for pid, code in reap():
            if pid == self._warm.pid:
                self._warm.ended(code)
                self._recovery_due |= code != 0
            elif pid == self._shipper.pid:
                self._shipper.ended(code)
                if code != 0:
                    os.write(self._wake_writer, b"\0")  # what woke it was lost with it
            elif pid == self._recovery.pid:
                self._recovery.ended(code)
                self._recovery_due |= code != 0
            elif pid == self._farewell.pid:
                self._farewell.ended(code)
            else:  # a session whose warm process died before it
                self._recovery_due |= code != 0

    def _dialled(self, listeners: list[socket.socket]) -> None:
        if self._warm.may_start:
            self._warm.started(fork(self._be_warm, "the process that forks sessions"))
            return
        if self._warm.pid is None:
            for listener in listeners:
                refuse_all(listener, "the recorder cannot start; see the log of container chaperone-recorder")

    def _be_warm(self) -> int:
        self._close_own(self._wake_reader)
        from sidecar.processes.warm import run as run_warm  # noqa: PLC0415  heavy, and only the child wants it

        return run_warm(self._settings, self._listeners, lifeline=self._lifeline, wake=self._wake_writer)

    def _start_shipper(self) -> None:
        self._shipper.started(fork(self._be_shipper, "the shipper"))

    def _be_shipper(self) -> int:
        self._close_own(self._lifeline, self._wake_writer)
        for listener in self._listeners.values():
            listener.close()
        if self._life is not None:  # nobody works here any more when it stops, and it has little time
            _yield_to_all()
        os.set_inheritable(self._wake_reader, True)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until it can obey by shipping the rest
        environment = {**os.environ, "CHAPERONE_WAKE_FD": str(self._wake_reader)}
        if self._warm.pid is None:  # it has notices to ship, or what an earlier run left
            environment.setdefault("CHAPERONE_SHIPPER_LINGER_SECONDS", "1")
        os.execve(sys.executable, [sys.executable, "-m", "sidecar.shipping"], environment)  # noqa: S606  no shell wanted

    def _recover(self) -> None:
        """Close what dead processes left open, find what an earlier run left unshipped, tell of the start."""
        if self._recovery_due and self._recovery.may_start:
            self._recovery_due = False
            self._recovery.started(fork(self._be_recovery, "closing interrupted sessions"))

    def _be_recovery(self) -> int:
        self._close_own(self._wake_reader)
        from sidecar.processes.life import tell_start  # noqa: PLC0415  heavy
        from sidecar.processes.recovery import close_interrupted  # noqa: PLC0415  heavy

        close_interrupted(self._settings, self._wake_writer)
        tell_start(self._settings, self._started, self._wake_writer)
        return 0

    def _anything_spooled(self) -> bool:
        spool = self._settings.spool
        kept = (f"{spool}/sessions", f"{spool}/notices")
        return any(os.path.isdir(path) and os.listdir(path) for path in kept)  # noqa: PTH112, PTH208  as in settings

    def _be_farewell(self) -> int:
        from sidecar.processes.life import tell_stop  # noqa: PLC0415  heavy

        tell_stop(self._settings, self._wake_writer)
        return 0

    def _close_own(self, *others: int) -> None:
        for number in (self._life, self._signals, *others):
            if number is not None:
                os.close(number)

    def _await(self, jobs: list[_Job], deadline: float) -> None:
        """Wait until the jobs have ended; kill them at the deadline."""
        while any(job.pid for job in jobs):
            left = deadline - time.monotonic()
            for job in jobs:
                if left <= 0 and job.pid is not None:
                    os.kill(job.pid, signal.SIGKILL)
            self._wait([self._signals], max(left, 0.1))
            self._collect()

    def _finish_shipping(self, deadline: float) -> None:
        """Have a living shipper finish; then one that does not yield to others ships what is left.

        On a busy node the living one gets nothing done, or it looked just before the last word.
        """
        self._finish_shipper(min(deadline, time.monotonic() + _SHIPPER_ENDS_WITHIN))
        if self._anything_spooled() and time.monotonic() < deadline:
            self._start_shipper()
            self._finish_shipper(deadline)

    def _finish_shipper(self, deadline: float) -> None:
        if self._shipper.pid is not None:
            os.kill(self._shipper.pid, signal.SIGTERM)
            self._await([self._shipper], deadline)


def _yield_to_all() -> None:
    """Run when nothing else wants the processor (SCHED_IDLE, sched(7)).

    The shipper may lag behind, whoever types may not wait for it. It does not starve: when the spool is full
    sessions wait for it.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
