"""Requests to OpenSearch: typed answers, errors as StoreError, patience while it is overloaded."""

import random
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as Unreachable
from opensearchpy.exceptions import ConnectionTimeout, OpenSearchException, TransportError
from opensearchpy.serializer import Serializer

from sidecar.contract.decoding import UNREADABLE
from webhook.store.contract import StoreError
from webhook.store.opensearch.bulk import OVERLOADED
from webhook.store.settings import OpenSearchSettings

_T = TypeVar("_T")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
CONNECTIONS = 32

JSON_LINES = "application/x-ndjson"


class Client:
    """One cluster. Safe for threads."""

    def __init__(self, settings: OpenSearchSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep
        self._closed = False
        self._transport = _open(settings).transport

    def ask(
        self,
        answer: type[_T],
        method: str,
        path: str,
        body: bytes | object | None = None,
        *,
        accept: Collection[int] = (),
        **params: str | int,
    ) -> _T:
        """Send a request and decode its answer.

        ``body`` is encoded as JSON, bytes as they are (JSON lines). Statuses in ``accept`` are answers
        too. Waits and asks again while OpenSearch is overloaded. Raises StoreError.
        """
        patience = Patience(self._settings.retry_seconds, self._sleep)
        while True:
            try:
                return self._ask_once(answer, method, path, body, accept=accept, params=params)
            except TransportError as error:
                if error.status_code not in OVERLOADED or not patience.wait():
                    raise self._store_error(error) from None
            except OpenSearchException as error:
                raise self._store_error(error) from None

    def patience(self) -> "Patience":
        """Give a new measure of patience with an overloaded cluster."""
        return Patience(self._settings.retry_seconds, self._sleep)

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._transport.close()

    def _ask_once(
        self,
        answer: type[_T],
        method: str,
        path: str,
        body: bytes | object | None,
        *,
        accept: Collection[int],
        params: Mapping[str, str | int],
    ) -> _T:
        if self._closed:
            raise StoreError(f"OpenSearch {self._settings.url}: the store is closed")
        lines = isinstance(body, bytes)
        text: Any = self._transport.perform_request(
            method,
            path,
            params={**params, "ignore": tuple(accept)},
            body=body if lines or body is None else msgspec.json.encode(body),
            headers={"content-type": JSON_LINES if lines else "application/json"},
        )
        try:
            return msgspec.json.decode(text or b"{}", type=answer)
        except UNREADABLE:
            raise StoreError(f"OpenSearch {self._settings.url}: an answer cannot be read") from None

    def _store_error(self, error: OpenSearchException) -> StoreError:
        where = f"OpenSearch {self._settings.url}"
        if isinstance(error, ConnectionTimeout):
            return StoreError(f"{where}: no answer within {self._settings.timeout_seconds:g} s")
        if isinstance(error, Unreachable):
            return StoreError(f"{where}: it cannot be reached ({type(error.info).__name__})")
        if isinstance(error, TransportError):
            return StoreError(f"{where}: {_advice(error.status_code)} ({error.status_code} {error.error})")
        return StoreError(f"{where}: {type(error).__name__}")


class Patience:
    """Pauses that double, until a total of seconds is waited."""

    def __init__(self, seconds: float, sleep: Callable[[float], None]) -> None:
        self._left = seconds
        self._pause = FIRST_PAUSE_SECONDS
        self._sleep = sleep

    def wait(self) -> bool:
        """Pause; False when the patience has ended."""
        if self._left <= 0:
            return False
        pause = min(self._pause * random.uniform(0.5, 1.0), self._left)  # noqa: S311  spreads retries, no secret
        self._left -= pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        self._sleep(pause)
        return True


class _Undecoded(Serializer):
    """Leaves bodies and answers as they are: they are encoded and decoded by type here."""

    mimetype = "application/json"

    def loads(self, s: str) -> Any:
        return s

    def dumps(self, data: Any) -> Any:
        return data


def _open(settings: OpenSearchSettings) -> OpenSearch:
    options: dict[str, Any] = {}
    if settings.username:
        options["http_auth"] = (settings.username, settings.password)
    if settings.certificate_file and settings.key_file:
        options["client_cert"] = str(settings.certificate_file)
        options["client_key"] = str(settings.key_file)
    if settings.ca_file:
        options["ca_certs"] = str(settings.ca_file)
    return OpenSearch(
        hosts=[settings.url],
        verify_certs=True,
        serializer=_Undecoded(),
        timeout=settings.timeout_seconds,
        pool_maxsize=CONNECTIONS,
        max_retries=0,
        **options,
    )


def _advice(status: str | int) -> str:
    advice: dict[str | int, str] = {
        401: "it does not accept the store's user or certificate",
        403: "the store's user lacks a right, or the index is read-only (disk full?)",
        404: "an index is missing; restart the collector to create it",
        429: "it is overloaded",
        503: "it is not available",
    }
    return advice.get(status, "it refused a request")
