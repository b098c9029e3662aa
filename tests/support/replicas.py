"""The admission replicas, held still and killed at a moment that a test chooses.

Needs a local cluster, and root.
"""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future

from kube import SYSTEM, Kubectl
from node import container_id, processes

from webhook.kube.api import KubeApi

_STEP_SECONDS = 0.0005
"""How long replicas run between two looks at what they have done."""
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
            self._api.request("DELETE", path, seconds=30)
        self.killed += len(pids)

    def kill_when(self, ask: Callable[[], Future[object]], has_come: Callable[[], bool]) -> bool:
        """Kill all once something has come of a request that has no answer yet; False when it had one before.

        The replicas run for half a millisecond at a time, and are looked at while they stand still.
        """
        pids = self.pids()
        assert len(pids) == 2, pids
        _all(pids, signal.SIGSTOP)
        try:
            asked, deadline = ask(), time.monotonic() + 8
            while not has_come():
                assert time.monotonic() < deadline, "nothing came of the request"
                if asked.done():
                    return False
                _all(pids, signal.SIGCONT)
                time.sleep(_STEP_SECONDS)
                _all(pids, signal.SIGSTOP)
            if asked.done():
                return False
            self.kill(pids)
        finally:
            _all(pids, signal.SIGCONT)
        return True


def _all(pids: dict[str, int], number: signal.Signals) -> None:
    for pid in pids.values():
        _signal(pid, number)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
