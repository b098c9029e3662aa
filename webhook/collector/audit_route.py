"""Where admission replicas send audit events."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from sidecar.contract.errors import ClusterError
from webhook.accounts import ADMISSION
from webhook.collector.audit_intake import MAX_BATCH_BYTES, judge, refusal_notice
from webhook.collector.proving import PodIdentity
from webhook.collector.recording import Recording
from webhook.collector.strangers import Strangers
from webhook.collector.tokens import TokenRefusedError, TokenReviewer
from webhook.store.contract import StoreError

AUDIT_EVENTS_PATH: Final = "/v1/audit-events"
_AT_ONCE: Final = 8
_BODY_SECONDS: Final = 30.0
_KNOWN_SECONDS: Final = 60.0
_MOST_KNOWN: Final = 64
_BEARER: Final = "bearer "

_log = logging.getLogger(__name__)


class Taken(msgspec.Struct, frozen=True):
    """The answer to a batch: the rest of it is durable."""

    refused: dict[str, str]
    """Places of events that are not taken, with the reasons."""


class _Refusal(Exception):  # noqa: N818  a refusal is an answer
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class AuditIntake:
    """Takes batches from the admission side of the release namespace, and from nobody else."""

    def __init__(
        self,
        recording: Recording,
        reviewer: TokenReviewer,
        *,
        namespace: str,
        unix_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        strangers: Strangers | None = None,
    ) -> None:
        self._recording = recording
        self._reviewer = reviewer
        self._namespace = namespace
        self._unix_ns = unix_ns
        self._monotonic = monotonic
        self._strangers = strangers
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[bytes, tuple[float, PodIdentity]] = {}

    async def take(self, request: Request) -> Response:
        """Store a batch, then answer what of it was not taken."""
        async with self._places:
            try:
                sender = await self._sender(request)
                batch = judge(await _body(request), sender)
                if batch.events:
                    await self._recording.keep(batch.events)
                for reason in dict.fromkeys(batch.refused.values()):
                    await self._disbelieve(sender, reason)
            except _Refusal as refusal:
                return Response(str(refusal), refusal.status, media_type="text/plain")
            except StoreError as error:
                _log.warning("audit events are not stored: %s", error)
                return Response("nothing can be stored now", 503, media_type="text/plain")
        refused = {str(place): reason for place, reason in batch.refused.items()}
        return Response(msgspec.json.encode(Taken(refused)), media_type="application/json")

    async def _sender(self, request: Request) -> PodIdentity:
        """Give the admission replica that sends. Raises _Refusal."""
        header = request.headers.get("authorization", "")
        token = header[len(_BEARER) :] if header.lower().startswith(_BEARER) else ""
        try:
            sender = await self._reviewed(token)
        except TokenRefusedError as error:
            _log.warning("a sender of audit events is refused: %s", error)
            if self._strangers is not None:
                self._strangers.refuse(str(error), request.client.host if request.client else "")
            raise _Refusal(401, "the token is not valid for the collector") from None
        if (sender.namespace, sender.account) != (self._namespace, ADMISSION):
            reason = "audit events were sent by a pod that is none of the admission side's"
            await self._disbelieve(sender, reason)
            raise _Refusal(403, reason)
        return sender

    async def _reviewed(self, token: str) -> PodIdentity:
        """Give a token's pod; one that was good a moment ago is not reviewed again.

        Raises TokenRefusedError and _Refusal.
        """
        key, now = hashlib.sha256(token.encode()).digest(), self._monotonic()
        until, known = self._known.get(key, (0.0, None))
        if known is not None and now < until:
            return known
        try:
            found = await asyncio.to_thread(self._reviewer.review, token)
        except ClusterError as error:
            _log.warning("a sender of audit events cannot be authenticated now: %s", error)
            raise _Refusal(503, "tokens cannot be reviewed now") from None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = (now + _KNOWN_SECONDS, found)
        return found

    async def _disbelieve(self, sender: PodIdentity, reason: str) -> None:
        _log.warning("audit events of %s/%s: %s", sender.namespace, sender.pod, reason)
        await self._recording.note(refusal_notice(sender, reason, now=self._unix_ns()))


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BATCH_BYTES:
                    raise _Refusal(413, f"a batch is at most {MAX_BATCH_BYTES} bytes")
    except TimeoutError:
        raise _Refusal(408, "the batch did not come in time") from None
    return bytes(body)


def audit_router(intake: AuditIntake) -> APIRouter:
    """Give the route."""
    routes = APIRouter()
    routes.add_api_route(AUDIT_EVENTS_PATH, intake.take, methods=["POST"])
    return routes
