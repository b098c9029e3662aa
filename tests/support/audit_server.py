"""The audit API served over real TLS on the loopback, in a thread of its own."""

import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import uvicorn
from audit_event_samples import make_maker
from audit_pki import Authority, Pair
from fastapi import FastAPI

from webhook.audit_api.access import Read
from webhook.audit_api.app import audit_app
from webhook.audit_api.changes import PollingChanges
from webhook.audit_api.exports import Vouch
from webhook.audit_api.killing import Order
from webhook.audit_api.ledgers import Sign
from webhook.audit_api.server import AuditListener, ClusterFrontProxy
from webhook.journal.events import AuditEvent
from webhook.journal.making import Stamp
from webhook.store.contract import Store, StoreError


def trust_data(authority: Authority, *names: str, user_header: str = "X-Remote-User") -> dict[str, str]:
    """The ConfigMap's data, as an API server writes it."""
    listed = ",".join(f'"{name}"' for name in names)
    return {
        "client-ca-file": "unused",
        "requestheader-client-ca-file": authority.pem,
        "requestheader-allowed-names": f"[{listed}]",
        "requestheader-username-headers": f'["{user_header}"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }


class Closable(Protocol):
    """Something with connections."""

    def close(self) -> None: ...


@dataclass
class Served:
    """A running audit API."""

    store: Store
    authority: Authority
    proxy: Pair
    """The API server's client certificate."""
    serving: Authority
    folder: Path
    config_map: dict[str, str]
    """Change it and call ``front_proxy.refresh`` and ``listener.renew``."""
    app: FastAPI
    front_proxy: ClusterFrontProxy
    listener: AuditListener
    reads: list[Read]
    cannot_tell: bool = False
    """Whether audit events of reads cannot be kept."""
    port: int = 0
    clients: list[Closable] = field(default_factory=list[Closable])
    """Their connections are closed before the server ends."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def serve(
    store: Store,
    folder: Path,
    *,
    user_header: str = "X-Remote-User",
    sign: Sign | None = None,
    vouch: Vouch | None = None,
    order: Order | None = None,
) -> Generator[Served]:
    """Serve a store until the end of the block."""
    authority, serving = Authority(folder, "front-proxy"), Authority(folder, "serving")
    config_map = trust_data(authority, "front-proxy-client", user_header=user_header)

    def read() -> Mapping[str, str]:
        return config_map

    own = serving.issue("audit-server")

    def load(context: ssl.SSLContext) -> None:
        context.load_cert_chain(own.certificate, own.key)

    front_proxy = ClusterFrontProxy(read)
    front_proxy.refresh()
    listener = AuditListener(front_proxy, load)
    reads: list[Read] = []

    async def on_read(entry: Read) -> None:
        reads.append(entry)
        if served.cannot_tell:
            raise StoreError("the disk is full")

    maker = make_maker()

    async def tell(make: Callable[[Stamp], AuditEvent]) -> None:
        event = make(maker.stamp())
        store.record([event], received_at=event.at)

    app = audit_app(
        store,
        PollingChanges(0.05),
        front_proxy,
        on_read=on_read,
        sign=sign,
        tell=tell,
        vouch=vouch,
        order=order,
    )
    server = uvicorn.Server(listener.config(app, host="127.0.0.1", port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    proxy = authority.issue("front-proxy-client")
    served = Served(store, authority, proxy, serving, folder, config_map, app, front_proxy, listener, reads)
    served.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        for client in served.clients:
            client.close()
        while server.server_state.connections:
            time.sleep(0.01)
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the server did not stop"
