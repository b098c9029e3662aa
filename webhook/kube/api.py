"""A thin, typed shell around the kubernetes package's connection handling.

That package finds the configuration, trusts the right CA and renews the service account's token; requests
and replies stay plain JSON, because decoding into its generated models costs milliseconds and memory.
"""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar, cast

import msgspec
import urllib3
from kubernetes import client, config

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import ClusterError, ConfigurationError
from sidecar.contract.names import VERSION

_V = TypeVar("_V")
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
FIELD_MANAGER: Final = "chaperone"
"""Who the API server says has changed a field."""
_JSON: Final = "application/json"
_CONNECT_SECONDS: Final = 10.0
_PIECE_BYTES: Final = 64 * 1024
_SECOND: Final = 1_000_000_000


class Reply(msgspec.Struct, frozen=True):
    """What the API server answered."""

    status: int
    body: bytes

    def decode(self, kind: type[_V]) -> _V:
        """Give the body of a 2xx reply. Raises ClusterError when it is another or cannot be read."""
        if not 200 <= self.status < 300:
            raise ClusterError(f"the API server answered {self.status}")
        try:
            return msgspec.json.decode(self.body, type=kind)
        except UNREADABLE as error:
            raise ClusterError(f"the API server's answer cannot be read: {error}") from None


class Stream:
    """A reply that goes on: lines until either side ends it. Iterating blocks and raises ClusterError."""

    def __init__(self, reply: urllib3.BaseHTTPResponse) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in self._reply.stream(_PIECE_BYTES):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterError(f"the API server's stream broke ({type(error).__name__})") from None
        finally:
            self._reply.close()

    def stop(self) -> None:
        """End it; from any thread, while another waits for the next line."""
        self._reply.shutdown()


class _Loader(Protocol):
    """The two functions used of ``kubernetes.config``, with types."""

    def load_incluster_config(self, client_configuration: client.Configuration) -> None: ...

    def load_kube_config(
        self, *, config_file: str | None, client_configuration: client.Configuration
    ) -> None: ...


class KubeApi:
    """The API server. Methods block; callers on an event loop run them in a thread."""

    def __init__(self, *, connections: int = 4, kubeconfig: Path | None = None) -> None:
        """Connect as the pod's service account; outside a cluster as a kubeconfig says.

        Raises ConfigurationError when there is neither.
        """
        self._configuration = client.Configuration()
        self._configuration.connection_pool_maxsize = connections
        loader = cast("_Loader", config)
        try:
            loader.load_incluster_config(self._configuration)
        except config.ConfigException:
            path = str(kubeconfig) if kubeconfig else None
            try:
                loader.load_kube_config(config_file=path, client_configuration=self._configuration)
            except (config.ConfigException, OSError, ValueError) as error:
                raise ConfigurationError(
                    f"this is no pod with a service account, and no kubeconfig leads to a cluster: {error}"
                ) from None
        self._pool = client.ApiClient(self._configuration).rest_client.pool_manager

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        content_type: str = _JSON,
        seconds: float = 10.0,
    ) -> Reply:
        """Give the reply to a request, whatever its status. Raises ClusterError when there is none."""
        reply = self._send(method, path, body, content_type, urllib3.Timeout(total=seconds), preload=True)
        return Reply(reply.status, reply.data)

    def _send(
        self,
        method: str,
        path: str,
        body: object | None,
        content_type: str,
        timeout: urllib3.Timeout,
        *,
        preload: bool,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": _JSON, "Content-Type": content_type, "User-Agent": f"{FIELD_MANAGER}/{VERSION}"}
        try:
            return self._pool.request(
                method,
                f"{self._configuration.host}{path}",
                body=None if body is None else msgspec.json.encode(body),
                headers=headers | self._authorization(),
                timeout=timeout,
                preload_content=preload,
                retries=urllib3.Retry(connect=1, read=0, redirect=0, other=0),
            )
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"the API server cannot be reached ({type(error).__name__})") from None

    def stream(self, path: str, *, quiet_seconds: float) -> Stream:
        """Open a stream that breaks when nothing comes for so long. Raises ClusterError."""
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=quiet_seconds)
        reply = self._send("GET", path, None, _JSON, timeout, preload=False)
        if reply.status != 200:
            reply.close()
            raise ClusterError(f"the API server answered {reply.status}")
        return Stream(reply)

    def get(self, path: str, kind: type[_V], *, seconds: float = 10.0) -> _V | None:
        """Give an object, or None when there is none. Raises ClusterError."""
        reply = self.request("GET", path, seconds=seconds)
        return None if reply.status == 404 else reply.decode(kind)

    def time(self) -> int | None:
        """Give what time it is there, Unix nanoseconds to the second; None where it does not say.

        Raises ClusterError.
        """
        timeout = urllib3.Timeout(total=_CONNECT_SECONDS)
        reply = self._send("GET", "/version", None, _JSON, timeout, preload=True)
        try:
            moment = parsedate_to_datetime(reply.headers["Date"])
        except (KeyError, ValueError):
            return None
        return int(moment.timestamp()) * _SECOND

    def _authorization(self) -> dict[str, str]:
        token = self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": token} if token else {}

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()
