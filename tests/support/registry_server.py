"""A small registry that speaks the OCI distribution API over files in memory, with token or basic auth."""

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tls_files import TlsFiles

Object = dict[str, Any]
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TOKEN = "a-token-for-pulling"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Registry:
    """What the registry holds, and how it behaves."""

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Type and content, by ``repository:tag`` or ``repository@digest``."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    auth: str = ""
    """``token``, ``basic``, or nobody need sign in."""
    users: dict[str, str] = field(default_factory=dict)
    blobs_at: str = ""
    """Where it sends for blobs, as the start of a URL."""
    realm: str = ""
    """Where it sends for tokens, if not to itself."""
    wait: threading.Event | None = None
    """What it waits for before it answers."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Paths that were asked for, and the kind of authorization."""
    url: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def image(self, name: str, *, architecture: str = "amd64", **run: Any) -> str:
        """Hold an image under ``repository:tag``, with these fields of its configuration; give its digest."""
        config = json.dumps({"os": "linux", "architecture": architecture, "config": run}).encode()
        self.blobs[digest(config)] = config
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": digest(config)}, "layers": []}
        ).encode()
        return self.hold(name, MANIFEST, manifest)

    def index(self, name: str, *images: tuple[str, str]) -> str:
        """Hold an index of digests by ``os/architecture`` under ``repository:tag``; give its digest."""
        listed = [
            {"digest": one, "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True))}
            for platform, one in images
        ]
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
        return self.hold(name, INDEX, data)

    def hold(self, name: str, kind: str, data: bytes) -> str:
        self.manifests[name] = self.manifests[f"{name.rpartition(':')[0]}@{digest(data)}"] = (kind, data)
        return digest(data)


@contextmanager
def serving(
    registry: Registry, tls: TlsFiles | None = None, address: str = "127.0.0.1"
) -> Generator[Registry]:
    """Serve until the end of the block."""
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = _Server((address, 0), handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.url = f"{'https' if tls else 'http'}://{address}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield registry
    finally:
        if registry.wait is not None:
            registry.wait.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asks may hang up."""


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the library calls it
        """Stay silent."""

    def do_GET(self) -> None:
        registry, path = self.registry, urlsplit(self.path).path
        kind = self.headers.get("Authorization", "").partition(" ")[0]
        registry.asked.append((self.path, kind))
        if registry.wait is not None:
            registry.wait.wait(60)
        if path == "/token":
            self._token()
        elif path.startswith("/moved/"):
            self._blob(path.rpartition("/")[2], is_moved=True)
        elif not self._may_read():
            self._challenge()
        elif "/manifests/" in path:
            name, _, version = path.removeprefix("/v2/").partition("/manifests/")
            sign = "@" if ":" in version else ":"
            found = registry.manifests.get(f"{name}{sign}{version}")
            self._send(*((200, found[1], found[0]) if found else (404, b"secret words of the registry", "")))
        else:
            self._blob(path.rpartition("/")[2], is_moved=False)

    def do_CONNECT(self) -> None:
        """Be a proxy that leads nowhere."""
        self.registry.asked.append((self.path, self.headers.get("Proxy-Authorization", "").partition(" ")[0]))
        self._send(502, b"", "")

    def _blob(self, name: str, *, is_moved: bool) -> None:
        if self.registry.blobs_at and not is_moved:
            self._send(307, b"", "", Location=f"{self.registry.blobs_at}/moved/{name}")
            return
        found = self.registry.blobs.get(name)
        self._send(200 if found else 404, found or b"", "application/octet-stream")

    def _may_read(self) -> bool:
        given = self.headers.get("Authorization", "")
        match self.registry.auth:
            case "token":
                return given == f"Bearer {_TOKEN}"
            case "basic":
                return self._is_known(given)
            case _:
                return True

    def _is_known(self, given: str) -> bool:
        user, _, password = base64.b64decode(given.partition(" ")[2]).decode().partition(":")
        return bool(user) and self.registry.users.get(user) == password

    def _challenge(self) -> None:
        realm = self.registry.realm or f"{self.registry.url}/token"
        bearer = f'Bearer realm="{realm}",service="here",scope="repository:shop/till:pull"'
        asked = 'Basic realm="here"' if self.registry.auth == "basic" else bearer
        self._send(401, b"", "", **{"WWW-Authenticate": asked})

    def _token(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        assert query == {"service": ["here"], "scope": ["repository:shop/till:pull"]}
        is_known = not self.registry.users or self._is_known(self.headers.get("Authorization", ""))
        answer = {"token": _TOKEN} if is_known else {"details": "who are you"}
        self._send(200 if is_known else 401, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
