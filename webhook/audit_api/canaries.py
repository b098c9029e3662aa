"""``create canaries``: somebody, or the schedule, has tried the controls and says what came back.

Whether it was recorded is not asked but looked up here: the session must be there, of whoever tells, ended,
with a finding, and without the card number. What comes of it is an audit event, no more is kept. A canary
that nobody sends any more is not heard of here: the daily review says when there was none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Channel, Data, decode_event
from sidecar.contract.sealing import Identity
from webhook.audit_api.bodies import body_of, read_object
from webhook.audit_api.canary_objects import CARD_NUMBER, MASKED, Canary, CanaryStatus
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.objects import API_VERSION
from webhook.audit_api.threads import Threads
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Stamp
from webhook.store.contract import Phase, Query, SessionRecord, Store

_MOST_BYTES: Final = 16 * 1024
_TRIES: Final = 30
_PAUSE_SECONDS: Final = 1.0
"""A session is on record seconds after its end; the API server waits a minute for an answer."""
_MOST_FRAMES: Final = 200

Tell = Callable[[Callable[[Stamp], AuditEvent]], Awaitable[None]]
"""Makes an event durable that is made with a stamp of now. Raises StoreError."""


class Canaries:
    """Answers those who tell of canaries."""

    def __init__(
        self,
        store: Store,
        threads: Threads,
        tell: Tell | None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._threads = threads
        self._tell = tell
        self._sleep = sleep

    def mount(self, app: FastAPI) -> None:
        """Add the route."""
        app.add_route(f"/apis/{API_VERSION}/namespaces/{{namespace}}/canaries", self.create, ["POST"])

    async def create(self, request: Request) -> Response:
        """Look the canary's session up, keep what came of it, and tell."""
        canary = parse_canary(await body_of(request, "a Canary", most=_MOST_BYTES))
        if self._tell is None:
            raise ApiError(Reason.METHOD_NOT_ALLOWED, "this server keeps no audit events")
        who, namespace = identity_of(request), request.path_params["namespace"]
        status = await self.recorded(canary, who, namespace)
        await self._tell(lambda stamp: canary_event(stamp, canary, status, who, namespace))
        return json_response(msgspec.structs.replace(canary, status=status), code=201)

    async def recorded(self, canary: Canary, who: Identity, namespace: str) -> CanaryStatus:
        """Give what the record says of a canary, once its session has ended there. Raises StoreError."""
        status = _status(canary, "", "")
        for number in range(_TRIES):
            if number:
                await self._sleep(_PAUSE_SECONDS)
            status, is_final = await self._threads.run(self._looked_up, canary, who, namespace)
            if is_final:
                break
        return status

    def _looked_up(self, canary: Canary, who: Identity, namespace: str) -> tuple[CanaryStatus, bool]:
        """Give what the record says, and whether it can change no more."""
        query = Query(
            namespace=namespace, user=who.username, pod=canary.spec.pod, text=canary.spec.mark, limit=1
        )
        hits = self._store.search(query)
        if not hits:
            return _status(canary, "", "no session of this user in this pod holds the canary's mark"), False
        record = hits[0].record
        why = self._fault(record)
        return _status(canary, record.session, why), record.phase is not Phase.ACTIVE

    def _fault(self, record: SessionRecord) -> str:
        if record.phase is not Phase.COMPLETED:
            return f"the session is {record.phase.value}, not Completed"
        if not any(rule.startswith("pan") for rule in record.findings):
            return "the session's record has no finding"
        shown = b""
        for frame in self._store.frames(record.session, start=0, limit=_MOST_FRAMES):
            if CARD_NUMBER.encode() in frame.payload:
                return "the card number is in the record"
            try:
                event = decode_event(frame.payload)
            except CallerError:
                return f"frame {frame.sequence} of the record cannot be read"
            if isinstance(event, Data) and event.channel is Channel.STDOUT:
                shown += event.data
        return "" if MASKED.encode() in shown else "the recorded output does not show the masked number"


def parse_canary(body: bytes) -> Canary:
    """Read a request's body. Raises ApiError."""
    return read_object(body, "a Canary", Canary)


def canary_event(
    stamp: Stamp, canary: Canary, status: CanaryStatus, who: Identity, namespace: str
) -> AuditEvent:
    """Give the event of a canary."""
    spec = canary.spec
    checks = {"masked": spec.masked, "refused": spec.refused, "recorded": status.recorded}
    missed = [name for name, holds in checks.items() if not holds]
    reason = "; ".join(
        part
        for part in (
            f"not {', not '.join(missed)}" if missed else "masked, refused and recorded",
            spec.said,
            status.why,
        )
        if part
    )
    return AuditEvent(
        id=stamp.id,
        at=stamp.at,
        origin=stamp.origin,
        kind=Kind.CANARY,
        outcome=Outcome.SUCCESS if status.passed else Outcome.FAILURE,
        actor=who,
        where=Where(namespace=namespace, resource="pods/exec", name=spec.pod),
        asked=f"canary in pod {namespace}/{spec.pod}",
        reason=reason,
        session=status.session,
        details={name: "yes" if holds else "no" for name, holds in checks.items()},
    )


def _status(canary: Canary, session: str, why: str) -> CanaryStatus:
    recorded = bool(session) and not why
    passed = canary.spec.masked and canary.spec.refused and recorded
    return CanaryStatus(passed=passed, recorded=recorded, session=session, why=why)
