"""The real OpenSearch server that tests use, and an empty corner of it for each."""

import json
import os
import secrets
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from devcluster import opensearch
from devcluster.progress import Progress
from devcluster.settings import Settings, load_settings


@contextmanager
def opensearch_url() -> Generator[str]:
    """The server of `scripts/cluster opensearch up`; one that is started here is stopped here."""
    if url := os.environ.get("CHAPERONE_OPENSEARCH_URL"):
        yield url
        return
    name = os.environ.get("CHAPERONE_CLUSTER", "test")
    settings = load_settings(name, os.environ, Path(__file__).parents[2])
    there = opensearch.running(settings) is not None
    server = opensearch.up(settings, None, Progress())
    try:
        yield server.url
    finally:
        if not there:
            opensearch.down(settings, Progress())


class MortalOpenSearch:
    """A real server of its own, to be killed and started again at will; its address stays."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.url = opensearch.up(settings, None, Progress()).url

    def kill(self) -> None:
        opensearch.crash(self._settings)

    def start(self) -> None:
        opensearch.up(self._settings, None, Progress())


@contextmanager
def mortal_opensearch() -> Generator[MortalOpenSearch]:
    """A server that nobody else uses."""
    settings = load_settings(f"mortal-{secrets.token_hex(3)}", os.environ, Path(__file__).parents[2])
    try:
        yield MortalOpenSearch(settings)
    finally:
        opensearch.down(settings, Progress())


def call(url: str, method: str, path: str, body: object = None) -> dict[str, object]:
    """One request to the server, without the code under test."""
    request = urllib.request.Request(f"{url}{path}", method=method)
    request.add_header("content-type", "application/json")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=30) as answer:
        return json.loads(answer.read() or b"{}")


def remove_all(url: str, prefix: str) -> None:
    """Delete everything whose name starts with a prefix, if there is anything."""
    call(url, "DELETE", f"/_data_stream/{prefix}-*")
    call(url, "DELETE", f"/{prefix}-*?allow_no_indices=true")
    if call(url, "GET", f"/_cat/templates/{prefix}-*?format=json"):
        call(url, "DELETE", f"/_index_template/{prefix}-*")


def remove_documents(request: Callable[[str, str, object], object], prefix: str) -> None:
    """Empty everything whose name starts with a prefix; indices and templates stay.

    ``request`` takes method, path and body, and asks the server.
    """
    request("POST", f"/{prefix}-*/_refresh?allow_no_indices=true", None)
    path = f"/{prefix}-*/_delete_by_query?allow_no_indices=true&conflicts=proceed&refresh=true"
    request("POST", path, {"query": {"match_all": {}}})
