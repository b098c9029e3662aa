"""The process that has everything loaded and gives each dial-in a session process of its own.

It never reads from a shim and has no threads, so that its children start clean. It ends itself when no
session ran for a while, which gives the memory back.
"""

import gc
import os
import select
import socket
import time
from functools import partial
from pathlib import Path
from typing import Final

from sidecar.masking import Profile
from sidecar.processes import claims, databases
from sidecar.processes.children import fork, hear_signals, reap
from sidecar.processes.ration import Ration
from sidecar.processes.recovery import close_interrupted
from sidecar.processes.refusal import refuse
from sidecar.processes.rehearsal import Rehearsal
from sidecar.processes.session import ENDED, REFUSED, Surroundings
from sidecar.processes.session import run as run_session
from sidecar.processes.spare import READY_AFTER_SECONDS, DialledIn, Spare, await_dial_in
from sidecar.recording.engines import Engines
from sidecar.settings import Settings

NOTICES_PER_MINUTE: Final = 60
"""Refused dial-ins that are reported; anybody in a container can provoke more."""


def run(settings: Settings, listeners: dict[str, socket.socket], *, lifeline: int, wake: int) -> int:
    """Serve dial-ins until the lifeline ends or nothing happened for long; give an exit code."""
    claims.forget_old(Path(settings.spool), time.time())
    engines = Engines(databases.kept())
    rehearsal = Rehearsal(engines.named(Profile.STRICT.value))
    rehearsal.run()
    gc.collect()
    gc.freeze()
    return _Warm(Surroundings(settings, engines, lifeline, wake), rehearsal, listeners).serve()


class _Warm:
    def __init__(
        self, surroundings: Surroundings, rehearsal: Rehearsal, listeners: dict[str, socket.socket]
    ) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._rehearsal = rehearsal
        self._listeners = {listener.fileno(): (name, listener) for name, listener in listeners.items()}
        self._sessions: set[int] = set()
        self._spare: Spare | None = None
        self._refusals = Ration(NOTICES_PER_MINUTE)
        self._busy_at = time.monotonic()
        self._signals = hear_signals(stop=lambda: None)

    def serve(self) -> int:
        poll = select.poll()
        for number in (*self._listeners, self._surroundings.lifeline, self._signals):
            poll.register(number, select.POLLIN)
        while self._sessions or self._quiet_seconds() < self._settings.linger_seconds:
            ready = {number for number, _ in poll.poll(self._timeout())}
            if self._signals in ready:
                os.read(self._signals, 4096)
                self._collect()
            if self._surroundings.lifeline in ready:
                return self._finish()
            for number in ready & self._listeners.keys():
                self._accept(*self._listeners[number])
            if self._spare is None and self._quiet_seconds() > READY_AFTER_SECONDS:
                self._spare = Spare(self._be_spare)
        return 0

    def _quiet_seconds(self) -> float:
        return time.monotonic() - self._busy_at

    def _timeout(self) -> int | None:
        """Give how long to wait at most, in milliseconds: until a spare or the end is due."""
        if self._spare is not None and self._sessions:
            return None
        due = READY_AFTER_SECONDS if self._spare is None else self._settings.linger_seconds
        return max(0, int((due - self._quiet_seconds()) * 1000) + 1)

    def _finish(self) -> int:
        """Wait for the sessions, which see the lifeline's end too."""
        for _, listener in self._listeners.values():
            listener.close()
        while self._sessions:
            select.select([self._signals], [], [])
            os.read(self._signals, 4096)
            self._collect()
        return 0

    def _accept(self, container: str, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:  # the shim gave up first
            return
        self._busy_at = time.monotonic()
        if len(self._sessions) >= self._settings.max_sessions:
            refuse(connection, f"{len(self._sessions)} sessions run in this pod already; try again later")
            return
        reports = self._refusals.is_left(self._busy_at)
        with connection:
            self._begin(DialledIn(connection, container, time.monotonic_ns(), reports_refusal=reports))

    def _begin(self, dialled: DialledIn) -> None:
        spare, self._spare = self._spare, None
        if spare is not None and spare.give(dialled):
            self._sessions.add(spare.pid)
        else:
            self._sessions.add(fork(partial(self._be_session, dialled), "a session"))

    def _be_session(self, dialled: DialledIn) -> int:
        self._close_own()
        return run_session(self._surroundings, dialled)

    def _be_spare(self, parent: socket.socket) -> int:
        self._close_own()
        self._rehearsal.run()
        dialled = await_dial_in(parent, self._surroundings.lifeline)
        parent.close()
        return ENDED if dialled is None else run_session(self._surroundings, dialled)

    def _be_recovery(self) -> int:
        self._close_own()
        close_interrupted(self._settings, self._surroundings.wake)
        return 0

    def _close_own(self) -> None:
        os.close(self._signals)
        for _, listener in self._listeners.values():
            listener.close()
        if self._spare is not None:
            self._spare.forget()

    def _collect(self) -> None:
        codes = dict(reap())
        if self._spare is not None and self._spare.pid in codes:
            self._spare.forget()
            self._spare = None
        ended = [codes[pid] for pid in self._sessions & codes.keys()]
        self._sessions -= codes.keys()
        for code in ended:
            if code == REFUSED:
                self._refusals.take(time.monotonic())
        if set(ended) - {ENDED, REFUSED}:
            fork(self._be_recovery, "closing interrupted sessions")
        self._busy_at = time.monotonic()
