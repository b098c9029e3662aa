"""Sessions asked for without kubectl: as many at once as a test wants, in one process.

Clients on the machine of the cluster would otherwise keep the processor from what they ask.
"""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from kube import NAMESPACE, Result
from kubernetes import client, config
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PROTOCOL = Subprotocol("v5.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3
"""Channels of the protocol."""
_SECONDS = 30


class Direct:
    """One user of the cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        loaded = client.Configuration()
        cast("Any", config).load_kube_config(config_file=str(kubeconfig), client_configuration=loaded)
        self._host = str(loaded.host)
        self._context = ssl.create_default_context(cafile=loaded.ssl_ca_cert)
        self._context.load_cert_chain(str(loaded.cert_file), str(loaded.key_file))

    def exec(self, pod: str, *command: str) -> Result:
        """Run a command as ``kubectl exec`` does, once; a refusal is in the result's ``stderr``."""
        query = urlencode([*(("command", word) for word in command), ("stdout", "true"), ("stderr", "true")])
        uri = f"{self._host}/api/v1/namespaces/{NAMESPACE}/pods/{pod}/exec?{query}".replace(
            "https:", "wss:", 1
        )
        try:
            with connect(
                uri, ssl=self._context, subprotocols=[_PROTOCOL], open_timeout=_SECONDS, proxy=None
            ) as socket:
                return _result(list(_messages(socket)))
        except InvalidStatus as refused:
            status: Any = json.loads(refused.response.body or b"{}")
            return Result(1, b"", str(status.get("message", refused)).encode())


def _messages(socket: ClientConnection) -> Iterator[bytes]:
    """Give what comes until the API server ends it, which it does without saying so."""
    try:
        while True:
            message = socket.recv(timeout=_SECONDS)
            assert isinstance(message, bytes)
            yield message
    except ConnectionClosed:
        return


def _result(messages: list[bytes]) -> Result:
    def of(channel: int) -> bytes:
        return b"".join(message[1:] for message in messages if message[:1] == bytes([channel]))

    ended: Any = json.loads(of(_ERROR) or b"{}")
    return Result(0 if ended.get("status") == "Success" else 1, of(_STDOUT), of(_STDERR))
