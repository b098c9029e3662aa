"""Questions over HTTP: where they may go, how much is read, and for how long. Blocks.

A name is resolved once, and the connection made to the very address that was checked.
"""

import socket
import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import msgspec
import urllib3

from sidecar.contract.names import VERSION
from webhook.registry.errors import ImageError
from webhook.registry.terms import Terms, check_address, check_url, is_listed

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES: Final = 64 * 1024
_AGENT: Final = f"chaperone/{VERSION}"


class Fetched(msgspec.Struct, frozen=True):
    """What was answered. ``headers`` are by lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Fetched({self.status}, …)"


class Visit(Protocol):
    """Questions that belong together."""

    def get(self, url: str, *, headers: Mapping[str, str], most_bytes: int) -> Fetched:
        """Give what is answered, whatever its status. Raises ImageError when nothing is."""
        ...


class HttpVisit:
    """Questions that share their connections, until ``seconds`` are over."""

    def __init__(self, terms: Terms, context: ssl.SSLContext, *, seconds: float) -> None:
        self._terms = terms
        self._context = context
        self._until = time.monotonic() + seconds
        self._pools: dict[str, urllib3.HTTPConnectionPool] = {}
        self._proxy: urllib3.ProxyManager | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            pool.close()
        if self._proxy is not None:
            self._proxy.clear()

    def get(self, url: str, *, headers: Mapping[str, str], most_bytes: int) -> Fetched:
        """Give what is answered; credentials do not follow to another host. Raises ImageError."""
        place = _split(url)
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._get(place, headers, most_bytes)
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not target:
                return answer
            before, place = place, _split(urljoin(place.geturl(), target))
            if (before.scheme, before.netloc) != (place.scheme, place.netloc):
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise ImageError("the registry sends elsewhere again and again")

    def _get(self, place: SplitResult, headers: Mapping[str, str], most_bytes: int) -> Fetched:
        check_url(place, self._terms)
        own = {"User-Agent": _AGENT, "Accept-Encoding": "identity", "Host": place.netloc}
        path = place._replace(scheme="", netloc="", fragment="").geturl() or "/"
        left = self._left()
        try:
            pool, target = self._pool(place, path)
            answer = pool.urlopen(
                "GET",
                target,
                headers={**own, **headers},
                timeout=urllib3.Timeout(connect=left, read=left),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                body = self._read(answer, most_bytes)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ImageError(f"{place.netloc} cannot be reached ({_kind(error)})") from None
        return Fetched(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)

    def _read(self, answer: urllib3.BaseHTTPResponse, most_bytes: int) -> bytes:
        body = bytearray()
        while piece := answer.read1(_PIECE_BYTES):
            body += piece
            if len(body) > most_bytes:
                raise ImageError("the registry's answer is too long")
            self._left()
        return bytes(body)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise ImageError("the registry took too long")
        return left

    def _pool(self, place: SplitResult, path: str) -> tuple[urllib3.HTTPConnectionPool, str]:
        """Give the connections to a host, and what to ask for over them."""
        host, port = place.hostname or "", place.port or (443 if place.scheme == "https" else 80)
        if self._terms.proxy and not is_listed(place.netloc, self._terms.internal):
            pool = self._proxied(host, port, place.scheme)
            return pool, path if place.scheme == "https" else place.geturl()
        key = f"{place.scheme}://{host}:{port}"
        if key not in self._pools:
            address = self._address(place.netloc, host, port)
            self._pools[key] = (
                urllib3.HTTPSConnectionPool(
                    address, port, ssl_context=self._context, server_hostname=host, assert_hostname=host
                )
                if place.scheme == "https"
                else urllib3.HTTPConnectionPool(address, port)
            )
        return self._pools[key], path

    def _proxied(self, host: str, port: int, scheme: str) -> urllib3.HTTPConnectionPool:
        """Give connections by the proxy, which finds the address."""
        if _is_address(host):
            check_address(host, host, self._terms)
        if self._proxy is None:
            proxy = urlsplit(self._terms.proxy)
            who = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
            headers = urllib3.make_headers(proxy_basic_auth=who) if proxy.username else None
            self._proxy = urllib3.ProxyManager(
                self._terms.proxy, proxy_headers=headers, ssl_context=self._context
            )
        return self._proxy.connection_from_host(host, port, scheme)

    def _address(self, netloc: str, host: str, port: int) -> str:
        """Give the address of a host, all of whose addresses may be asked."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        for address in addresses:
            check_address(netloc, address, self._terms)
        return addresses[0]


def _split(url: str) -> SplitResult:
    try:
        place = urlsplit(url)
        _ = place.port
    except ValueError:
        raise ImageError("the registry sends to an address that cannot be read") from None
    return place


def _is_address(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return False
    return True


def _kind(error: Exception) -> str:
    """Name what went wrong, without what the other side said."""
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__
