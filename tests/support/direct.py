"""Sessions asked for without kubectl: as many at once as a test wants, in one process.

Clients on the machine of the cluster would otherwise keep the processor from what they ask.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import websocket
from kube import NAMESPACE, Result
from kubernetes import client, config

_PROTOCOL = "v5.channel.k8s.io"
_STDOUT, _STDERR, _ERROR = 1, 2, 3
"""Channels of the protocol."""
_SECONDS = 30
_library = cast("Any", websocket)


class Direct:
    """One user of the cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        loaded = client.Configuration()
        cast("Any", config).load_kube_config(config_file=str(kubeconfig), client_configuration=loaded)
        self._host = str(loaded.host)
        self._tls = {
            "ca_certs": loaded.ssl_ca_cert,
            "certfile": loaded.cert_file,
            "keyfile": loaded.key_file,
        }

    def exec(self, pod: str, *command: str) -> Result:
        """Run a command as ``kubectl exec`` does, once; a refusal is in the result's ``stderr``."""
        query = urlencode([*(("command", word) for word in command), ("stdout", "true"), ("stderr", "true")])
        uri = f"{self._host}/api/v1/namespaces/{NAMESPACE}/pods/{pod}/exec?{query}"
        try:
            socket = _library.create_connection(
                uri.replace("https:", "wss:", 1),
                sslopt=self._tls,
                subprotocols=[_PROTOCOL],
                timeout=_SECONDS,
                http_no_proxy=["*"],
            )
        except _library.WebSocketBadStatusException as refused:
            status: Any = json.loads(refused.resp_body or b"{}")
            return Result(1, b"", str(status.get("message", refused)).encode())
        return _result(list(_messages(socket)))


def _messages(socket: Any) -> Iterator[bytes]:
    """Give what comes until the API server ends it, which it does without saying so."""
    try:
        while message := socket.recv():
            yield message
    except _library.WebSocketConnectionClosedException:
        return
    finally:
        socket.close()


def _result(messages: list[bytes]) -> Result:
    def of(channel: int) -> bytes:
        return b"".join(message[1:] for message in messages if message[:1] == bytes([channel]))

    ended: Any = json.loads(of(_ERROR) or b"{}")
    return Result(0 if ended.get("status") == "Success" else 1, of(_STDOUT), of(_STDERR))
