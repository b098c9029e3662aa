"""The collector role: the recorders' intake and the aggregated API behind HTTPS, over one store."""

import asyncio
import logging
import platform
import ssl
from collections.abc import Mapping
from typing import Final

from sidecar.contract.errors import ClusterError
from webhook.approvals.spending import Spender
from webhook.approvals.tickets import KubeTickets
from webhook.audit_api.app import audit_app
from webhook.audit_api.server import AuditListener, ClusterFrontProxy
from webhook.collector.changes import Changes
from webhook.collector.proving import Trust
from webhook.collector.route import REVIEWS_AT_ONCE, Collector, router
from webhook.collector.spending import Spending
from webhook.collector.tokens import KubeTokenReviewer
from webhook.kube.api import KubeApi
from webhook.server.health import add_health, bare_app
from webhook.server.logged_journal import LoggedJournal
from webhook.server.runner import Servers, https
from webhook.server.sources import COLLECTOR, source
from webhook.server.tasks import Tasks
from webhook.server.tls import load_certificate, serving_context
from webhook.settings import Settings
from webhook.store import open_store, store_settings
from webhook.trust.reader import CollectorMaterial, Reader
from webhook.trust.secrets import Vault

_log = logging.getLogger(__name__)
_CONNECTIONS: Final = REVIEWS_AT_ONCE + 3
_SPENDING_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_FRONT_PROXY: Final = "extension-apiserver-authentication"


class Held:
    """The material of the moment."""

    def __init__(self, material: CollectorMaterial) -> None:
        self.material = material

    def trust(self) -> Trust:
        """Give what sessions are proven with."""
        return Trust(self.material.roots, self.material.seal_keys)


async def serve_collector(settings: Settings, environment: Mapping[str, str]) -> None:
    """Serve until told to end."""
    store = open_store(store_settings(environment))
    api = KubeApi(connections=_CONNECTIONS)
    reader = Reader(api, settings.namespace)
    held = Held(await _first_material(reader))
    await asyncio.to_thread(store.prepare)
    system = Vault(api, "kube-system")
    front_proxy = ClusterFrontProxy(lambda: system.config(_FRONT_PROXY) or {})
    context = serving_context(held.material.tls)

    def load_serving(target: ssl.SSLContext) -> None:
        load_certificate(target, held.material.tls)

    audit = AuditListener(front_proxy, load_serving)
    changes = Changes()
    tickets = KubeTickets(api, seconds=_SPENDING_SECONDS)
    told_by = source(settings, COLLECTOR, platform.node())
    spending = Spending(Spender(tickets, LoggedJournal(), told_by).spend)
    collector = Collector(store, KubeTokenReviewer(api), held.trust, changes, spending=spending)
    app = bare_app()
    app.include_router(router(collector))
    add_health(app, lambda: None)
    servers = Servers(
        https(
            app,
            port=settings.port,
            context=context,
            drain_seconds=settings.drain_seconds,
            websocket=True,
        ),
        audit.config(audit_app(store, changes, front_proxy), port=settings.audit_port),
    )
    tasks = Tasks(on_failure=servers.stop)

    async def follow_trust() -> None:
        material = await asyncio.to_thread(reader.material)
        if material != held.material:
            held.material = material
            load_certificate(context, material.tls)
            audit.renew()

    tasks.repeat("trust", follow_trust, seconds=settings.trust_seconds)
    tasks.start("front proxy", audit.keep_trust())
    tasks.start("approvals", spending.work())
    try:
        await servers.run()
    finally:
        await tasks.stop()
        await asyncio.to_thread(collector.close)
        await asyncio.to_thread(store.close)
        api.close()


async def _first_material(reader: Reader) -> CollectorMaterial:
    """Give the material once an admission replica has made it."""
    while True:
        try:
            return await asyncio.to_thread(reader.material)
        except ClusterError as error:
            _log.info("waiting: %s", error)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)
