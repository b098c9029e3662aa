"""Pods, found through the API server."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from webhook.admission.pods import Pod
from webhook.kube.api import KubeApi


class ApiPodLookup:
    """Finds pods by GET over kept-alive connections, each in a thread of a small pool."""

    def __init__(self, api: KubeApi, *, threads: int, seconds: float) -> None:
        self._api = api
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give the pod, or None when there is none. Raises ClusterError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._find, namespace, name)

    def _find(self, namespace: str, name: str) -> Pod | None:
        """Ask the API server's cache (``resourceVersion=0``), then its store when that knows no such pod."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(name, safe='')}"
        cached = self._api.get(f"{path}?resourceVersion=0", Pod, seconds=self._seconds)
        return cached or self._api.get(path, Pod, seconds=self._seconds)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
