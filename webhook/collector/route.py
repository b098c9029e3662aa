"""Where recorders connect."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from fastapi import Response, WebSocket
from starlette.types import ASGIApp, Receive, Scope, Send

from sidecar.contract.errors import ClusterError
from sidecar.contract.wire import INTAKE_PATH, ApprovalDecided
from webhook.approvals.programs import WaitingProgram
from webhook.collector.changes import Changes
from webhook.collector.connection import Connection
from webhook.collector.finding_alerts import FindingAlerts
from webhook.collector.incidents import notice_event
from webhook.collector.intake import Intake
from webhook.collector.operations import Operation, Outcome
from webhook.collector.orders import Orders
from webhook.collector.proving import PodIdentity, Trust
from webhook.collector.recording import Recording
from webhook.collector.sealing import Sealing
from webhook.collector.spending import Spending
from webhook.collector.strangers import Strangers
from webhook.collector.tokens import TokenRefusedError, TokenReviewer
from webhook.collector.waiting_programs import WaitingPrograms
from webhook.collector.writer import WAITING_BYTES, Budget, Counts, Incident, Listener, Writer
from webhook.store.contract import Store

_log = logging.getLogger(__name__)

REVIEWS_AT_ONCE: Final = 8
_BEATEN_AT_ONCE: Final = 16
_BEAT_PAUSE_SECONDS: Final = 0.05
_BEARER: Final = "bearer "


class Collector:
    """All recorders' connections of one process."""

    def __init__(
        self,
        store: Store,
        reviewer: TokenReviewer,
        trust: Callable[[], Trust],
        changes: Changes,
        unix_ns: Callable[[], int] = time.time_ns,
        *,
        spending: Spending | None = None,
        sealing: Sealing | None = None,
        audit_changes: Changes | None = None,
        listeners: Sequence[Listener] = (),
        counts: Counts | None = None,
        alerts: FindingAlerts | None = None,
        incident: Incident = notice_event,
        programs: WaitingPrograms | None = None,
        strangers: Strangers | None = None,
    ) -> None:
        """Take what connections need; ``trust`` gives what is in force at the moment it is asked.

        ``listeners`` hear of audit events, and ``audit_changes`` is told; ``counts`` counts what is written,
        ``alerts`` tells of findings, ``incident`` gives the audit event of a notice, ``programs`` has
        people asked, without which nobody is, and ``strangers`` counts who is refused.
        """
        self.orders = Orders(self._kill)
        self._writer = Writer(
            store,
            changes,
            unix_ns,
            spending,
            sealing,
            audit_changes=audit_changes,
            listeners=(self.orders.take, *listeners),
            counts=counts,
            alerts=alerts,
            incident=incident,
        )
        self.recording = Recording(self._writer)
        self._reviewer = reviewer
        self._programs = programs or WaitingPrograms(_nobody)
        self._strangers = strangers
        self._trust = trust
        self._unix_ns = unix_ns
        self._budget = Budget(WAITING_BYTES)
        self._reviews = asyncio.Semaphore(REVIEWS_AT_ONCE)
        self._connections: dict[str, Connection] = {}

    async def serve(self, socket: WebSocket) -> None:
        """Authenticate a recorder and take what it ships; a pod has one connection, the latest."""
        pod = await self._authenticate(socket)
        if pod is None:
            return
        await socket.accept()
        intake = Intake(
            pod,
            trust=self._trust,
            unix_ns=self._unix_ns,
            order=self.orders.line,
            ask=self._programs.add,
        )
        connection = Connection(socket, intake, self._writer, self._budget)
        former = self._connections.get(pod.uid)
        if former is not None:
            former.replace()
        self._connections[pod.uid] = connection
        try:
            await connection.run()
        finally:
            if self._connections[pod.uid] is connection:
                del self._connections[pod.uid]

    def _kill(self, session: str, reason: str) -> None:
        for connection in self._connections.values():
            connection.kill(session, reason)

    async def ask_people(self) -> None:
        """Have people asked about programs that wait, for ever."""
        await self._programs.work(self._tell, self._lives)

    def _tell(self, decided: ApprovalDecided) -> None:
        for connection in self._connections.values():
            connection.tell(decided)

    def _lives(self, session: str) -> bool:
        return any(connection.has_open(session) for connection in self._connections.values())

    async def beat(self) -> None:
        """Have it recorded which sessions' recorders are connected: a few at a time.

        Thousands that wait for the store at once would hold memory that nobody gives back.
        """
        for number, (pod, connection) in enumerate(list(self._connections.items()), 1):
            if self._connections.get(pod) is connection:
                connection.beat()
            if number % _BEATEN_AT_ONCE == 0:
                await asyncio.sleep(_BEAT_PAUSE_SECONDS)

    async def perform(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do operations in the store, between those of recorders. Raises StoreError."""
        return await self._writer.perform(operations)

    @property
    def troubled_at(self) -> int:
        """When the store last refused a write, Unix nanoseconds; 0 for never."""
        return self._writer.troubled_at

    def close(self) -> None:
        """Wait until what was begun in the store is done. Blocks."""
        self._writer.close()

    async def _authenticate(self, socket: WebSocket) -> PodIdentity | None:
        header = socket.headers.get("authorization", "")
        token = header[len(_BEARER) :] if header.lower().startswith(_BEARER) else ""
        try:
            async with self._reviews:
                return await asyncio.to_thread(self._reviewer.review, token)
        except TokenRefusedError as error:
            _log.warning("a recorder is refused: %s", error)
            if self._strangers is not None:
                self._strangers.refuse(str(error), socket.client.host if socket.client else "")
            await socket.send_denial_response(Response(status_code=401))
        except ClusterError as error:
            _log.warning("a recorder cannot be authenticated now: %s", error)
            await socket.send_denial_response(Response(status_code=503))
        return None


def _nobody(program: WaitingProgram) -> ApprovalDecided:
    return program.decided(refused="this collector asks nobody")


def with_recorders(app: ASGIApp, collector: Collector) -> ASGIApp:
    """Give an application that serves recorders, and all else as ``app`` does.

    Its routes are not asked for recorders: they keep memory for each connection, and thousands are idle.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"] == INTAKE_PATH:
            await collector.serve(WebSocket(scope, receive, send))
        else:
            await app(scope, receive, send)

    return serve
