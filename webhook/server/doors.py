"""The doors behind HTTP: AdmissionReviews in, AdmissionReviews out.

What is no review, or none for its door, gets a 400; one whose object the door cannot read gets a refusal.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from sidecar.contract.errors import CallerError
from webhook.admission import review
from webhook.admission.denials import unreadable
from webhook.admission.fitting import check_fit
from webhook.admission.review import Answer
from webhook.admission.telling import ADVICE
from webhook.policy.decision import Decision
from webhook.server.bodies import Bodies, BodyError, GoneError
from webhook.server.health import add_health, bare_app
from webhook.server.logs import FIELDS

_log = logging.getLogger(__name__)
_MAX_BODIES_BYTES: Final = 6 * review.MAX_REVIEW_BYTES
_BODY_SECONDS: Final = 10.0
"""How long a body may take; an API server waits no longer for its answer."""
_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; charset=utf-8"


class Door(Protocol):
    """Judges the reviews of one kind."""

    async def review(self, request: review.Request) -> Answer:
        """Give the answer. Raises MalformedReviewError."""
        ...


class Notes(Protocol):
    """Makes answers known before they are given."""

    def note(self, name: str, request: review.Request, answer: Answer) -> Answer:
        """Give the answer to give: the same, or a refusal when this one cannot be made known."""
        ...

    def malformed(self) -> None:
        """Count a review that could not be read."""
        ...


def doors_app(
    doors: Mapping[str, Door], ready: Callable[[], str | None], *, notes: Notes | None = None
) -> ASGIApp:
    """Give the application that serves each door at ``/v1/<name>``, and health beside them.

    Reviews do not pass through FastAPI, which takes longer over a request than a door does.
    """
    others = bare_app()
    add_health(others, ready)
    bodies = Bodies(each=review.MAX_REVIEW_BYTES, together=_MAX_BODIES_BYTES, seconds=_BODY_SECONDS)
    endpoints = {f"/v1/{name}": _endpoint(name, door, bodies, notes) for name, door in doors.items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoints.get(scope["path"]) if scope["type"] == "http" else None
        await (others if endpoint is None else endpoint)(scope, receive, send)

    return app


def _endpoint(name: str, door: Door, bodies: Bodies, notes: Notes | None) -> ASGIApp:
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _respond(send, 405, _TEXT, b"reviews are posted")
            return
        if not _is_json(scope):
            await _respond(send, 415, _TEXT, b"reviews are application/json, and not compressed")
            return
        with bodies.room() as room:
            try:
                request = review.decode_review(await room.read(receive))
                check_fit(name, request)
                answer = await _judged(door, request)
            except CallerError as error:
                if notes is not None:
                    notes.malformed()
                _log.warning("malformed review", extra={FIELDS: {"door": name, "error": str(error)}})
                await _respond(
                    send, error.status if isinstance(error, BodyError) else 400, _TEXT, str(error).encode()
                )
                return
            except GoneError:
                return
            if notes is not None:
                answer = notes.note(name, request, answer)
            _log_answer(name, request, answer)
            await _respond(send, 200, _JSON, review.encode_answer(request.uid, answer))

    return endpoint


def _is_json(scope: Scope) -> bool:
    """Tell whether the body is said to be what API servers send."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == _JSON and headers.get(b"content-encoding", b"identity") == b"identity"


async def _judged(door: Door, request: review.Request) -> Answer:
    """Give the door's answer, a refusal where it cannot read the object.

    No error of HTTP: where a webhook may fail, an API server would take that for a yes.
    """
    try:
        return await door.review(request)
    except (CallerError, RecursionError) as error:
        return unreadable(error)


async def _respond(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _decided(decision: Decision | None) -> dict[str, str]:
    """Give what policies said, as fields of the log."""
    if decision is None:
        return {}
    fields = {"action": decision.action.value, "policy": decision.policy, "rule": decision.rule}
    if decision.break_glass:
        fields["break_glass"] = "true"
    if decision.would is not None:
        would = decision.would
        fields["would"] = f"{would.action.value} by {would.policy}/{would.rule}"
    return fields


def _log_answer(name: str, request: review.Request, answer: Answer) -> None:
    fields = {
        "door": name,
        "request": request.uid,
        "namespace": request.namespace,
        "name": request.name,
        "user": request.user_info.username,
        "allowed": answer.allowed,
        "rules": [cause.reason for cause in answer.denial.causes if cause.reason not in ADVICE]
        if answer.denial
        else [],
        **_decided(answer.decision),
    }
    _log.info("review", extra={FIELDS: fields})
