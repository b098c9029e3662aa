"""Asking the audit API as an API server would, or as somebody who is none."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import urllib3
from audit_pki import Pair
from audit_server import Served

BASE = "/apis/audit.chaperone.dev/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
USER = {"X-Remote-User": "auditor", "X-Remote-Group": "system:authenticated"}


class ApiServer:
    """A client with a certificate, or without."""

    def __init__(self, served: Served, pair: Pair | None, headers: Mapping[str, str] = USER) -> None:
        self._url = served.url
        self._headers = dict(headers)
        self._pool = urllib3.PoolManager(
            ca_certs=str(served.serving.file),
            cert_file=str(pair.certificate) if pair else None,
            key_file=str(pair.key) if pair else None,
            retries=False,
            timeout=30,
        )
        served.clients.append(self)

    def close(self) -> None:
        """Close connections that are kept."""
        self._pool.clear()

    def ask(
        self, path: str, *, accept: str = "application/json", body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Give the answer to a GET, or with a body to a POST."""
        method = "GET" if body is None else "POST"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._pool.request(
            method, f"{self._url}{path}", body=body, headers={"Accept": accept, **self._headers, **named}
        )

    def json(self, path: str, *, accept: str = "application/json", code: int = 200) -> Any:
        """Give the decoded answer to a GET, which must have this status."""
        answer = self.ask(path, accept=accept)
        assert answer.status == code, answer.data
        return json.loads(answer.data)

    def names(self, path: str) -> list[str]:
        """Give the names of the items of a list."""
        return [item["metadata"]["name"] for item in self.json(path)["items"]]

    @contextmanager
    def watch(self, path: str, *, accept: str = "application/json") -> Generator["Watch"]:
        """Follow a watch."""
        answer = self._pool.request(
            "GET",
            f"{self._url}{path}",
            headers={"Accept": accept, **self._headers},
            preload_content=False,
        )
        assert answer.status == 200, answer.read()
        try:
            yield Watch(answer)
        finally:
            answer.close()


class Watch:
    """The events of a watch, read as they come."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._chunks = answer.stream()
        self._rest = b""

    def next(self) -> Any:
        """Wait for the next event."""
        while b"\n" not in self._rest:
            self._rest += next(self._chunks)
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)
