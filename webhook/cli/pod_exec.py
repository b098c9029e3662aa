"""A command in a container through the API server, as kubectl exec runs one: over a WebSocket."""

import asyncio
from typing import Final
from urllib.parse import quote, urlencode

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from sidecar.contract.decoding import UNREADABLE
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode

PROTOCOL: Final = Subprotocol("v4.channel.k8s.io")
"""Each message is the number of a channel and bytes: remotecommand of apimachinery."""
_STDIN, _STDOUT, _STDERR, _ERROR = range(4)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to run where."""

    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]


class Ran(msgspec.Struct, frozen=True):
    """What came of it."""

    started: bool
    """Whether it was let in."""
    output: bytes = b""
    errors: bytes = b""
    refusal: str = ""
    """Why it was not let in, as the API server says."""


class _Status(msgspec.Struct, frozen=True):
    message: str = ""


def run_in_pod(cluster: Cluster, asked: Asked, given: bytes, *, seconds: float) -> Ran:
    """Run a command, give it some input, and wait until it ends. Raises CliError."""
    return asyncio.run(_run(cluster, asked, given, seconds))


async def _run(cluster: Cluster, asked: Asked, given: bytes, seconds: float) -> Ran:
    try:
        async with connect(
            _url(cluster.host, asked),
            ssl=cluster.tls(),
            server_hostname=cluster.server_name,
            subprotocols=[PROTOCOL],
            additional_headers=cluster.authorization(),
            compression=None,
            open_timeout=seconds,
        ) as socket:
            return await _converse(socket, given, seconds)
    except InvalidStatus as error:
        return Ran(started=False, refusal=_message(error))
    except (InvalidHandshake, ConnectionClosed, OSError, TimeoutError) as error:
        raise CliError(
            f"the API server {cluster.host} cannot be reached, or did not answer ({type(error).__name__})",
            ExitCode.UNAVAILABLE,
        ) from None


def _url(host: str, asked: Asked) -> str:
    path = ("api", "v1", "namespaces", asked.namespace, "pods", asked.pod, "exec")
    words = [("command", word) for word in asked.command]
    streams = [("stdin", "true"), ("stdout", "true"), ("stderr", "true")]
    container = [("container", asked.container)] if asked.container else []
    query = urlencode([*words, *container, *streams])
    return f"{host.replace('http', 'ws', 1)}/{'/'.join(quote(part, safe='') for part in path)}?{query}"


async def _converse(socket: ClientConnection, given: bytes, seconds: float) -> Ran:
    said = {_STDOUT: b"", _STDERR: b"", _ERROR: b""}
    try:
        async with asyncio.timeout(seconds):
            await socket.send(bytes([_STDIN]) + given)
            while not said[_ERROR]:
                message = await socket.recv()
                data = message.encode() if isinstance(message, str) else message
                if data and data[0] in said:
                    said[data[0]] += data[1:]
    except (ConnectionClosed, TimeoutError):
        pass  # what came is what there is
    return Ran(started=True, output=said[_STDOUT], errors=said[_STDERR])


def _message(error: InvalidStatus) -> str:
    body = bytes(error.response.body or b"")
    try:
        told = msgspec.json.decode(body, type=_Status).message
    except UNREADABLE:
        told = body.decode("utf-8", "replace")
    return told or f"status {error.response.status_code}"
