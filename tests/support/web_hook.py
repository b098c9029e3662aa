"""A real HTTP server that keeps what is posted to it and answers as it is told."""

import json
import ssl
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Hook:
    """The server."""

    port: int = 0
    answers: list[int] = field(default_factory=list[int])
    """Statuses of the next answers, in order; 200 when there are none."""
    slow: float = 0.0
    """Seconds before it answers."""
    bodies: list[bytes] = field(default_factory=list[bytes])
    paths: list[str] = field(default_factory=list[str])
    methods: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    reply: bytes = b"{}"

    def json(self, index: int = -1) -> Any:
        return json.loads(self.bodies[index])


@contextmanager
def hook(certificate: Path | None = None, key: Path | None = None) -> Generator[Hook]:
    """Serve on loopback until the end of the block, with TLS when there is a certificate."""
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.methods.append(self.command)
            told.paths.append(self.path)
            told.bodies.append(body)
            told.headers.append(dict(self.headers))
            time.sleep(told.slow)
            self.send_response(told.answers.pop(0) if told.answers else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told.reply)))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked may have given up
                self.wfile.write(told.reply)

        do_POST = do_PATCH = do_GET = do_PUT = handle_one  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
