"""The doors as they are served, on one processor, telling how long they took: what ``admission`` measures."""

import asyncio
import datetime as dt
import gc
import multiprocessing
import os
import resource
import socket
import ssl
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from reviews import ROOT
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.admission_load import application, guarded_pod, objects, policies
from webhook.policy.active import ActivePolicies
from webhook.server import logs
from webhook.server.interpreter import answer_quickly, building, settle
from webhook.server.runner import Servers, https
from webhook.server.tls import serving_context
from webhook.trust import material

NAME: Final = "chaperone-admission.chaperone-system.svc"
TRIVIAL: Final = "nothing"
"""A handler beside the doors that reads its question and answers at once: what the machine makes of it."""
_PRIORITY: Final = 10
"""Real-time priority (sched(7)) while measuring, where that is allowed: others are not what is measured."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server tells of the time since it was asked last."""

    handler_seconds: list[float]
    """From the application being called to its answer being handed over."""
    gc_seconds: float
    """The longest pause for the collection of garbage."""
    reloads: list[float]
    """How long each reload took."""
    processor_seconds: float
    """Of all threads."""
    waited_seconds: float
    """How long the thread of the event loop was ready and others had the processor."""
    lines: int
    """Lines of the log since the start."""
    resident_bytes: int


class Running:
    """A server in a process of its own."""

    def __init__(self, pipe: Any) -> None:
        self.port, ca, self.pod = pipe.recv()
        self.context = ssl.create_default_context(cadata=ca)
        """What a client trusts it by. ``pod`` is one that has its recorder in it."""
        self._pipe = pipe

    def facts(self, *, reload_seconds: float = 0.0, fresh: int = 0) -> Facts:
        """Give what there is to tell, then go on; ``fresh`` policies are compiled anew that often."""
        self._pipe.send((reload_seconds, fresh))
        return self._pipe.recv()


@contextmanager
def server(count: int, *, processor: int) -> Generator[Running]:
    """Serve the doors with so many policies, on one processor."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    with tempfile.NamedTemporaryFile(prefix="chaperone-log-") as log:
        process = context.Process(target=_serve, args=(child, processor, count, log.name), daemon=True)
        process.start()
        try:
            yield Running(parent)
        finally:
            process.terminate()
            process.join()


def come_first(processor: int) -> None:
    """Stay on one processor, before others where that is allowed."""
    os.sched_setaffinity(0, {processor})
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_PRIORITY))
    except PermissionError:
        print("  others on the machine may come first: real-time priority is not allowed here")


def _serve(pipe: Any, processor: int, count: int, log: str) -> None:
    come_first(processor)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(descriptor, 2)
    with tempfile.TemporaryDirectory(prefix="chaperone-journal-") as journal:
        asyncio.run(_Server(pipe, Path(log), Path(journal)).run(count))


class _Server:
    def __init__(self, pipe: Any, log: Path, journal: Path) -> None:
        self._pipe = pipe
        self._log = log
        self._journal = journal
        self._handled: list[float] = []
        self._reloads: list[float] = []
        self._pause = 0.0
        self._began = 0.0
        self._counted = 0.0, 0.0
        self._generation = 1
        self._reloading: asyncio.Task[None] | None = None

    async def run(self, count: int) -> None:
        answer_quickly()
        logs.configure("INFO")
        active = policies(count)
        settle()
        gc.callbacks.append(self._collected)
        app = self._timed(await application(active, self._journal))
        context = serving_context(material.new_serving(ROOT, (NAME,), dt.datetime.now(dt.UTC)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        servers = Servers(https(app, port=port, context=context, drain_seconds=1))
        asyncio.get_running_loop().add_reader(self._pipe.fileno(), self._told, active, count)
        self._pipe.send((port, ROOT.bundle, await guarded_pod()))
        await servers.run()

    def _timed(self, app: ASGIApp) -> ASGIApp:
        handled = self._handled

        async def timed(scope: Scope, receive: Receive, send: Send) -> None:
            began = time.perf_counter()
            if scope["path"] == f"/v1/{TRIVIAL}":
                await _nothing(receive, send)
            else:
                await app(scope, receive, send)
            handled.append(time.perf_counter() - began)

        return timed

    def _collected(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._pause = max(self._pause, time.perf_counter() - self._began)

    def _told(self, active: ActivePolicies, count: int) -> None:
        seconds, fresh = self._pipe.recv()
        self._pipe.send(self._facts())
        if self._reloading is not None:
            self._reloading.cancel()
            self._reloading = None
        if seconds:
            self._reloading = asyncio.create_task(self._reload(active, count, seconds, fresh))

    def _facts(self) -> Facts:
        used = _used()
        facts = Facts(
            handler_seconds=self._handled[:],
            gc_seconds=self._pause,
            reloads=self._reloads[:],
            processor_seconds=used[0] - self._counted[0],
            waited_seconds=used[1] - self._counted[1],
            lines=self._log.read_bytes().count(b'"message":"review"'),
            resident_bytes=_resident(),
        )
        self._handled.clear()
        self._reloads.clear()
        self._pause, self._counted = 0.0, used
        return facts

    async def _reload(self, active: ActivePolicies, count: int, seconds: float, fresh: int) -> None:
        """Compile ``fresh`` of the policies anew, again and again, as when that many changed at once."""
        stored = objects(count)
        while True:
            await asyncio.sleep(seconds)
            self._generation += 1
            stored |= objects(fresh, self._generation)
            began = time.perf_counter()
            await asyncio.to_thread(_take, active, stored)
            self._reloads.append(time.perf_counter() - began)


def _take(active: ActivePolicies, stored: dict[str, bytes]) -> None:
    """Do as webhook.server.policies does."""
    with building() as pace:
        active.take(stored, pace)


async def _nothing(receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    answer = b'{"response":{"allowed":true}}'
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _used() -> tuple[float, float]:
    """Give the processor time of the process, and the wait of its first thread."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    waited = int(Path(f"/proc/self/task/{os.getpid()}/schedstat").read_text().split()[1])
    return usage.ru_utime + usage.ru_stime, waited / 1e9


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
