"""As much of an API server as stands before the audit API: tokens, RBAC by user, and the aggregator.

The aggregator's part is real: TLS to the audit API with the front-proxy client certificate, and the user in
headers. What it refuses, it refuses in the API server's words.
"""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from audit_server import Served

AUDITOR, AGENT, PAYMENTS_ONLY = "auditor", "agent", "payments-auditor"
_SERVICE = "/apis/audit.chaperone.dev"
_PASSED = ("Accept", "Content-Type", "If-None-Match")


class Front(ThreadingHTTPServer):
    """The server; ``trouble`` makes it answer as when the APIService is ``missing`` or ``unavailable``."""

    daemon_threads = True

    def __init__(self, served: Served) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served
        self.trouble = ""
        self.forwarding: set[socket.socket] = set()
        own = served.serving.issue("front")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.upstream = ssl.create_default_context(cafile=str(served.serving.file))
        self.upstream.load_cert_chain(served.proxy.certificate, served.proxy.key)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no error."""

    def kubeconfig(self, folder: Path, user: str = AUDITOR, *, namespace: str = "payments") -> Path:
        """Write the kubeconfig of a user, whose token is the user's name."""
        cluster = {
            "server": f"https://127.0.0.1:{self.server_address[1]}",
            "certificate-authority": str(self.served.serving.file),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": user}}],
            "contexts": [
                {"name": "test", "context": {"cluster": "c", "user": "u", "namespace": namespace}},
                {"name": "billing", "context": {"cluster": "c", "user": "u", "namespace": "billing"}},
            ],
        }
        path = folder / f"kubeconfig-{user}"
        path.write_text(json.dumps(config))
        return path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def front(self) -> Front:
        assert isinstance(self.server, Front)
        return self.server

    def do_GET(self) -> None:
        self._serve(b"")

    def do_DELETE(self) -> None:
        self._serve(self._body())

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""

    def _serve(self, body: bytes) -> None:
        user = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if user not in (AUDITOR, AGENT, PAYMENTS_ONLY):
            self._status(401, "Unauthorized", "Unauthorized")
        elif self.path.startswith(f"{_SERVICE}/") and self._is_forbidden(user):
            what = f'User "{user}" cannot list resource "sessions" in API group "audit.chaperone.dev"'
            self._status(403, "Forbidden", f"sessions.audit.chaperone.dev is forbidden: {what}")
        elif self.path.startswith("/apis/rbac.authorization.k8s.io/"):
            self._status(403, "Forbidden", f'User "{user}" cannot list roles')
        elif self.front.trouble == "missing":
            self._text(404, "404 page not found\n")
        elif self.front.trouble == "unavailable":
            self._text(503, "service unavailable\n")
        else:
            self._forward(user, body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _is_forbidden(self, user: str) -> bool:
        in_payments = "/namespaces/payments/" in self.path
        is_discovery = self.path.count("/") <= 3 and "sessions" not in self.path
        return user == AGENT or (user == PAYMENTS_ONLY and not in_payments and not is_discovery)

    def _forward(self, user: str, body: bytes) -> None:
        upstream = http.client.HTTPSConnection(
            "127.0.0.1", self.front.served.port, context=self.front.upstream, timeout=60
        )
        upstream.connect()
        self.front.forwarding.add(upstream.sock)
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        headers |= {"X-Remote-User": user, "X-Remote-Group": "system:authenticated"}
        try:
            self._copy(upstream, body, headers)
        finally:
            self.close_connection = True
            self.front.forwarding.discard(upstream.sock)
            upstream.close()

    def _copy(self, upstream: http.client.HTTPSConnection, body: bytes, headers: dict[str, str]) -> None:
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Connection", "close")
        self.end_headers()
        while chunk := answer.read1(64 * 1024):
            self.wfile.write(chunk)
            self.wfile.flush()

    def _status(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
        status |= {"message": message, "reason": reason}
        self._answer(code, "application/json", json.dumps({**status, "code": code}).encode())

    def _text(self, code: int, text: str) -> None:
        self._answer(code, "text/plain", text.encode())

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def front(served: Served) -> Generator[Front]:
    """Run the front until the end of the block."""
    server = Front(served)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        for connection in list(server.forwarding):
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        thread.join(20)
        server.server_close()
