"""A proxy before a real server that answers wrongly when it is told to."""

import http.client
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """One request, and how to pass it on."""

    method: str
    path: str
    body: bytes
    authorization: str
    forward: Callable[[bytes], "Reply"]
    """Send the request with this body to the real server."""


@dataclass(frozen=True)
class Reply:
    """What the client gets; no status means that the connection is cut."""

    status: int | None
    body: bytes = b"{}"


Fault = Callable[[Call], Reply]


@dataclass
class FaultyProxy:
    """Faults wait in line for the first request whose path they name."""

    url: str
    faults: list[tuple[str, Fault]] = field(default_factory=list[tuple[str, Fault]])
    calls: list[Call] = field(default_factory=list[Call])

    def plan(self, part: str, *faults: Fault) -> None:
        """The next requests with this part in their path meet these faults."""
        self.faults += [(part, fault) for fault in faults]

    def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        for index, (part, fault) in enumerate(self.faults):
            if part in call.path:
                del self.faults[index]
                return fault(call)
        return call.forward(call.body)


def status(code: int) -> Fault:
    """Answer with an HTTP error; the real server hears nothing."""
    return lambda _: Reply(code, b'{"error":{"type":"told_to"},"status":%d}' % code)


def lose_answer(call: Call) -> Reply:
    """Let the real server do it and cut the connection."""
    call.forward(call.body)
    return Reply(None)


@contextmanager
def faulty_proxy(target: str, tls: ssl.SSLContext | None = None) -> Generator[FaultyProxy]:
    """Run a proxy on a free loopback port."""
    place = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))

            def forward(changed: bytes) -> Reply:
                server = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
                headers = {"content-type": self.headers.get("content-type") or "application/json"}
                server.request(self.command, self.path, changed or None, headers)
                answer = server.getresponse()
                reply = Reply(answer.status, answer.read())
                server.close()
                return reply

            call = Call(self.command, self.path, body, self.headers.get("authorization") or "", forward)
            reply = proxy.answer(call)
            if reply.status is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815  names set by http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "http" if tls is None else "https"
        proxy = FaultyProxy(f"{scheme}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
