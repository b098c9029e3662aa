"""The admission replicas, held still and killed at a moment that a test chooses.

Needs a local cluster, and root.
"""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from kube import SYSTEM, Kubectl
from node import container_id, processes, text

from webhook.kube.api import KubeApi

_STEP_NS = 500_000
"""How long a replica computes between two looks at what it has done."""
_LONGEST_STEP_SECONDS = 0.02
"""How long one is waited for that does not compute, as it waits itself or the machine has no time for it."""
_SELECTOR = ("-n", SYSTEM, "-l", "app.kubernetes.io/component=admission")


class Replicas:
    """The replicas there are. ``admin`` and ``api`` are the same administrator's."""

    def __init__(self, admin: Kubectl, api: KubeApi) -> None:
        self._admin = admin
        self._api = api
        self.killed = 0

    def pids(self) -> dict[str, int]:
        """Give the first process of each replica that runs."""
        found: dict[str, int] = {}
        for item in self._admin.get("pods", *_SELECTOR)["items"]:
            name = item["metadata"]["name"]
            statuses = item.get("status", {}).get("containerStatuses", [])
            if any("running" in status["state"] for status in statuses):
                container = container_id(self._admin, SYSTEM, name, statuses[0]["name"])
                found[name] = processes(container)[0]
        return found

    def kill(self, pids: dict[str, int]) -> None:
        """End replicas the hard way, with their pods and all that is on these pods' disks."""
        for pid in pids.values():
            _signal(pid, signal.SIGKILL)
        for name in pids:
            path = f"/api/v1/namespaces/{SYSTEM}/pods/{name}?gracePeriodSeconds=0"
            self._api.request("DELETE", path, seconds=60)
        self.killed += len(pids)

    def kill_when(self, ask: Callable[[], Future[object]], has_come: Callable[[], bool]) -> bool:
        """Kill all once something has come of a request that has no answer yet; False when it had one before.

        The replicas compute for half a millisecond at a time, and are looked at while they stand still. Where
        that takes too long on a loaded machine, the API server has answered that they did not.
        """
        pids = self.pids()
        assert len(pids) == 2, pids
        _all(pids, signal.SIGSTOP)
        try:
            asked, deadline = ask(), time.monotonic() + 60
            while not has_come():
                assert time.monotonic() < deadline, "nothing came of the request"
                if asked.done():
                    return False
                _step(pids)
            if asked.done():
                return False
            self.kill(pids)
        finally:
            _all(pids, signal.SIGCONT)
        return True


def _step(pids: dict[str, int]) -> None:
    """Let replicas go on until one has computed for a moment, or all wait for something."""
    until, before = time.monotonic() + _LONGEST_STEP_SECONDS, [_computed(pid) for pid in pids.values()]
    _all(pids, signal.SIGCONT)
    while time.monotonic() < until:
        now = [_computed(pid) for pid in pids.values()]
        if any(new - old >= _STEP_NS for new, old in zip(now, before, strict=True)):
            break
        time.sleep(0.0002)
    _all(pids, signal.SIGSTOP)


def _computed(pid: int) -> int:
    """Give the processor time of a process and its threads, nanoseconds (proc(5), schedstat)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int((text(thread) or "0").split()[0]) for thread in threads)


def _all(pids: dict[str, int], number: signal.Signals) -> None:
    for pid in pids.values():
        _signal(pid, number)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
