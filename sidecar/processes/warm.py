"""The process that has everything loaded and forks one session process per dial-in.

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
from sidecar.processes import claims
from sidecar.processes.children import fork, hear_signals, reap
from sidecar.processes.ration import Ration
from sidecar.processes.recovery import close_interrupted
from sidecar.processes.refusal import refuse
from sidecar.processes.rehearsal import Rehearsal
from sidecar.processes.session import ENDED, REFUSED, DialledIn, Surroundings
from sidecar.processes.session import run as run_session
from sidecar.recording.engines import Engines
from sidecar.settings import Settings

NOTICES_PER_MINUTE: Final = 60
"""Refused dial-ins that are reported; anybody in a container can provoke more."""


def run(settings: Settings, listeners: dict[str, socket.socket], *, lifeline: int, wake: int) -> int:
    """Serve dial-ins until the lifeline ends or nothing happened for long; give an exit code."""
    claims.forget_old(Path(settings.spool), time.time())
    engines = Engines.loaded()
    Rehearsal(engines.named(Profile.STRICT.value)).run()
    gc.collect()
    gc.freeze()
    return _Warm(Surroundings(settings, engines, lifeline, wake), listeners).serve()


class _Warm:
    def __init__(self, surroundings: Surroundings, listeners: dict[str, socket.socket]) -> None:
        self._surroundings = surroundings
        self._settings = surroundings.settings
        self._listeners = {listener.fileno(): (name, listener) for name, listener in listeners.items()}
        self._sessions: set[int] = set()
        self._refusals = Ration(NOTICES_PER_MINUTE)
        self._idle_since = time.monotonic()
        self._signals = hear_signals(stop=lambda: None)

    def serve(self) -> int:
        poll = select.poll()
        for number in (*self._listeners, self._surroundings.lifeline, self._signals):
            poll.register(number, select.POLLIN)
        while self._sessions or self._linger_left() > 0:
            ready = {number for number, _ in poll.poll(self._timeout())}
            if self._signals in ready:
                os.read(self._signals, 4096)
                self._collect()
            if self._surroundings.lifeline in ready:
                return self._finish()
            for number in ready & self._listeners.keys():
                self._accept(*self._listeners[number])
        return 0

    def _linger_left(self) -> float:
        return self._idle_since + self._settings.linger_seconds - time.monotonic()

    def _timeout(self) -> int | None:
        return None if self._sessions else max(0, int(self._linger_left() * 1000) + 1)

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
        if len(self._sessions) >= self._settings.max_sessions:
            refuse(connection, f"{len(self._sessions)} sessions run in this pod already; try again later")
            return
        reports = self._refusals.is_left(time.monotonic())
        dialled = DialledIn(connection, container, time.monotonic_ns(), reports_refusal=reports)
        with connection:
            self._sessions.add(fork(partial(self._be_session, dialled), "a session"))

    def _be_session(self, dialled: DialledIn) -> int:
        os.close(self._signals)
        for _, listener in self._listeners.values():
            listener.close()
        return run_session(self._surroundings, dialled)

    def _be_recovery(self) -> int:
        close_interrupted(self._settings, self._surroundings.wake)
        return 0

    def _collect(self) -> None:
        ended = {pid: code for pid, code in reap() if pid in self._sessions}
        self._sessions -= ended.keys()
        for code in ended.values():
            if code == REFUSED:
                self._refusals.take(time.monotonic())
        if set(ended.values()) - {ENDED, REFUSED}:
            fork(self._be_recovery, "closing interrupted sessions")
        if not self._sessions:
            self._idle_since = time.monotonic()
