"""Sessions asked for without kubectl: as many at once as a test wants, in one process.

Clients on the machine of the cluster would otherwise keep the processor from what they ask.
"""

import base64
import json
import os
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode, urlsplit

from kube import NAMESPACE, Result
from kubernetes import client, config

_STDOUT, _STDERR, _ERROR = 1, 2, 3
"""Channels of the protocol ``v5.channel.k8s.io``."""
_SECONDS = 30


class Direct:
    """One user of the cluster."""

    def __init__(self, kubeconfig: Path, *, kubelet: str = "", token: str | None = None) -> None:
        """``kubelet`` is the host and port of one to ask instead of the API server, whoever signed for it.

        With a ``token`` it is somebody else who asks, with an empty one nobody.
        """
        loaded = client.Configuration()
        cast("Any", config).load_kube_config(config_file=str(kubeconfig), client_configuration=loaded)
        self._place = kubelet or urlsplit(str(loaded.host)).netloc
        self._context = ssl.create_default_context(cafile=loaded.ssl_ca_cert)
        if token is None:
            self._context.load_cert_chain(str(loaded.cert_file), str(loaded.key_file))
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        if kubelet:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def exec(self, pod: str, *command: str) -> Result:
        """Run a command as ``kubectl exec`` does, once.

        Of a refusal ``stderr`` has the text, and ``stdout`` the whole ``metav1.Status``.
        """
        query = urlencode([*(("command", word) for word in command), ("stdout", "true"), ("stderr", "true")])
        return self.stream(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/exec?{query}", "v5.channel.k8s.io")

    def stream(self, path: str, protocol: str) -> Result:
        """Give what comes of a stream over a WebSocket, which sends nothing; a refusal as ``exec`` does."""
        headers = {
            **self._headers,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Protocol": protocol,
        }
        connection = self._connection()
        try:
            connection.request("GET", path, headers=headers)
            return _result(connection.getresponse())
        finally:
            connection.close()

    def ask(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Give status and text of an answer. The path goes out as written; what is upgraded has no text."""
        connection = self._connection()
        try:
            connection.request(method, path, headers=self._headers | (headers or {}))
            response = connection.getresponse()
            return (
                response.status,
                "" if response.status == HTTPStatus.SWITCHING_PROTOCOLS else response.read().decode(),
            )
        finally:
            connection.close()

    def _connection(self) -> HTTPSConnection:
        return HTTPSConnection(self._place, context=self._context, timeout=_SECONDS)


def _result(response: HTTPResponse) -> Result:
    with response:
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            body = response.read()
            status: Any = json.loads(body or b"{}")
            return Result(1, body, str(status.get("message", body)).encode())
        messages = list(_messages(cast("BinaryIO", response.fp)))

    def of(channel: int) -> bytes:
        return b"".join(message[1:] for message in messages if message[:1] == bytes([channel]))

    ended: Any = json.loads(of(_ERROR) or b"{}")
    return Result(0 if ended.get("status") == "Success" else 1, of(_STDOUT), of(_STDERR))


def _messages(stream: BinaryIO) -> Iterator[bytes]:
    """Give the messages until the API server ends the stream (RFC 6455, 5.2; servers mask nothing)."""
    while len(head := stream.read(2)) == 2 and head[0] & 15 != 8:
        short = head[1] & 127
        size = {126: 2, 127: 8}.get(short, 0)
        yield stream.read(int.from_bytes(stream.read(size)) if size else short)
