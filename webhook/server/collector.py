"""The collector role: the recorders' intake and the aggregated API behind HTTPS, over one store."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.types import ASGIApp

from sidecar.contract.errors import ClusterError
from webhook.accounts import COLLECTOR
from webhook.approvals.programs import ProgramDesk
from webhook.approvals.spending import Spender
from webhook.approvals.tickets import KubeTickets
from webhook.audit_api.app import audit_app
from webhook.audit_api.server import AuditListener, ClusterFrontProxy
from webhook.collector.audit_route import AuditIntake, audit_router
from webhook.collector.changes import Changes
from webhook.collector.checkpoints import ConfigMapPlace
from webhook.collector.doubt import Doubt
from webhook.collector.exporting import FileTarget, Target, WebTarget
from webhook.collector.finding_alerts import FindingAlerts
from webhook.collector.incidents import notice_event
from webhook.collector.pods import KubePods
from webhook.collector.proving import Trust
from webhook.collector.retention import Retention
from webhook.collector.route import REVIEWS_AT_ONCE, Collector, with_recorders
from webhook.collector.spending import Spending
from webhook.collector.strangers import TELL_SECONDS, Strangers
from webhook.collector.tokens import KubeTokenReviewer
from webhook.collector.waiting_programs import WaitingPrograms
from webhook.journal.journal import Journal
from webhook.kube.api import KubeApi
from webhook.ledger.keys import LedgerKey
from webhook.metrics.exposition import with_metrics
from webhook.server.delivery import OwnDelivery
from webhook.server.health import add_health, bare_app
from webhook.server.journaling import Journaling
from webhook.server.ledger_keeping import LedgerKeeping
from webhook.server.observing import CollectorObservers
from webhook.server.retention_keeping import RetentionKeeping
from webhook.server.runner import Servers, https
from webhook.server.session_keeping import SessionKeeping
from webhook.server.sources import source
from webhook.server.tasks import Tasks
from webhook.server.telling import Telling
from webhook.server.tls import load_certificate, serving_context
from webhook.settings import Settings
from webhook.store import open_store, store_settings
from webhook.trust.keeper import LEDGER_CONFIG
from webhook.trust.reader import CollectorMaterial, Reader
from webhook.trust.secrets import Vault

_log = logging.getLogger(__name__)
_CONNECTIONS: Final = REVIEWS_AT_ONCE + 4
_SPENDING_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 8.0
"""The next collector may wait for this one's end."""
_FRONT_PROXY: Final = "extension-apiserver-authentication"


class Held:
    """The material of the moment."""

    def __init__(self, material: CollectorMaterial) -> None:
        self.material = material

    def trust(self) -> Trust:
        """Give what sessions are proven with."""
        return Trust(self.material.roots, self.material.seal_keys)

    def load_serving(self, target: ssl.SSLContext) -> None:
        """Put the serving certificate of now into a context."""
        load_certificate(target, self.material.tls)

    def ledger_key(self) -> LedgerKey:
        """What signs for the ledger now."""
        return self.material.ledger_key

    def roots(self) -> tuple[bytes, ...]:
        """The roots trusted now."""
        return self.material.roots


async def serve_collector(settings: Settings, environment: Mapping[str, str]) -> None:
    """Serve until told to end."""
    journaling = Journaling(settings, COLLECTOR, drain_seconds=_DRAIN_SECONDS)
    observers = CollectorObservers(
        settings, journaling.journal, journaling.maker, depth=lambda: journaling.disk.size
    )
    store = open_store(store_settings(environment))
    api = KubeApi(connections=_CONNECTIONS)
    reader = Reader(api, settings.namespace)
    held = Held(await _first_material(reader))
    await asyncio.to_thread(store.prepare)
    system = Vault(api, "kube-system")
    front_proxy = ClusterFrontProxy(lambda: system.config(_FRONT_PROXY) or {})
    context = serving_context(held.material.tls)
    audit = AuditListener(front_proxy, held.load_serving)
    changes, audit_changes = Changes(), Changes()
    spending, programs = _approvals(settings, api, journaling.journal)
    ledger = LedgerKeeping(
        store,
        ConfigMapPlace(Vault(api, settings.namespace), LEDGER_CONFIG),
        seconds=settings.checkpoint_seconds,
        key=held.ledger_key,
        roots=held.roots,
        alarm=journaling.alarm,
        targets=_targets(settings),
        recovered=journaling.recovered,
    )
    reviewer, strangers = KubeTokenReviewer(api), Strangers(journaling.note_all, journaling.maker)
    collector = Collector(
        store,
        reviewer,
        held.trust,
        changes,
        spending=spending,
        sealing=ledger.sealing,
        audit_changes=audit_changes,
        listeners=(ledger.event_sealing.hear, observers.hear),
        counts=observers.stored,
        alerts=FindingAlerts(journaling.note_all, journaling.maker.stamp),
        incident=lambda notice: journaling.journal.shown(notice_event(notice)),
        programs=programs,
        strangers=strangers,
    )
    sessions = SessionKeeping(
        store,
        collector,
        KubePods(api),
        journaling.maker,
        shown=journaling.journal.shown,
        lost_after_seconds=settings.lost_after_seconds,
    )
    intake = AuditIntake(collector.recording, reviewer, namespace=settings.namespace, strangers=strangers)
    telling = Telling(collector.recording, journaling.maker, journaling.journal.shown)
    retention = Retention(store, ledger.book, journaling.maker, settings.retention)
    removing = RetentionKeeping(
        retention,
        telling.keep,
        doubt=Doubt(time.time_ns, lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME), api.time),
        alarm=journaling.alarm,
        recovered=journaling.recovered,
    )
    servers = Servers(
        https(
            with_metrics(_app(collector, intake), observers.registry),
            port=settings.port,
            context=context,
            drain_seconds=settings.drain_seconds,
            websocket=True,
        ),
        audit.config(
            audit_app(
                store,
                changes,
                front_proxy,
                on_read=telling.read,
                audit_changes=audit_changes,
                sign=ledger.sign,
                tell=telling.tell,
                vouch=ledger.vouch,
                order=sessions.order,
            ),
            port=settings.audit_port,
        ),
    )
    tasks = Tasks(on_failure=servers.stop)

    ledger.start(tasks)
    sessions.start(tasks)
    tasks.repeat("refused connections", strangers.tell, seconds=TELL_SECONDS)
    tasks.repeat("trust", _following(held, reader, context, audit), seconds=settings.trust_seconds)
    removing.start(tasks, seconds=settings.retention.every_seconds)
    tasks.start("front proxy", audit.keep_trust())
    tasks.start("approvals", spending.work())
    tasks.start("approvals of programs", collector.ask_people())
    observers.start(tasks, store)
    journaling.start(tasks, OwnDelivery(collector.recording), role="collector")
    try:
        await servers.run()
    finally:
        await observers.stop()
        await strangers.tell()
        await journaling.finish()
        await tasks.stop()
        journaling.close()
        await asyncio.to_thread(collector.close)
        await asyncio.to_thread(store.close)
        api.close()


def _following(
    held: Held, reader: Reader, context: ssl.SSLContext, audit: AuditListener
) -> Callable[[], Awaitable[None]]:
    """Give what looks whether the material is another, and serves with it then."""

    async def follow() -> None:
        material = await asyncio.to_thread(reader.material)
        if material != held.material:
            held.material = material
            load_certificate(context, material.tls)
            audit.renew()

    return follow


def _targets(settings: Settings) -> list[Target]:
    """Give where checkpoints are exported to."""
    directory, webhook = settings.checkpoint_directory, settings.checkpoint_webhook
    return [*([FileTarget(directory)] if directory else []), *([WebTarget(webhook)] if webhook else [])]


def _app(collector: Collector, intake: AuditIntake) -> ASGIApp:
    app = bare_app()
    app.include_router(audit_router(intake))
    add_health(app, lambda: None)
    return with_recorders(app, collector)


def _approvals(settings: Settings, api: KubeApi, journal: Journal) -> tuple[Spending, WaitingPrograms]:
    """Give what uses up approvals of sessions, and what asks for those of programs inside."""
    tickets, tells = KubeTickets(api, seconds=_SPENDING_SECONDS), source(settings, COLLECTOR)
    desk = ProgramDesk(tickets, journal, tells, time.time)
    return Spending(Spender(tickets, journal, tells).spend), WaitingPrograms(desk.ask)


async def _first_material(reader: Reader) -> CollectorMaterial:
    """Give the material once an admission replica has made it."""
    while True:
        try:
            return await asyncio.to_thread(reader.material)
        except ClusterError as error:
            _log.info("waiting: %s", error)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)
