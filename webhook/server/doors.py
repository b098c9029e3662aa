"""The doors behind HTTP: AdmissionReviews in, AdmissionReviews out; what is malformed gets a 400."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from fastapi import FastAPI, Request, Response

from sidecar.contract.errors import CallerError
from webhook.admission import review
from webhook.admission.review import Answer, MalformedReviewError
from webhook.policy.decision import Decision
from webhook.server.health import add_health, bare_app
from webhook.server.logs import FIELDS

_log = logging.getLogger(__name__)
_ADVICE = frozenset({"Remedy", "ApprovalRequest", "ApproveCommand", "WaitCommand", "BreakGlassCommand"})
"""Causes that say what to do, not why."""


class Door(Protocol):
    """Judges the reviews of one kind."""

    async def review(self, request: review.Request) -> Answer:
        """Give the answer. Raises MalformedReviewError."""
        ...


def doors_app(doors: Mapping[str, Door], ready: Callable[[], str | None]) -> FastAPI:
    """Give the application that serves each door at ``/v1/<name>``."""
    app = bare_app()
    for name, door in doors.items():
        app.add_api_route(f"/v1/{name}", _endpoint(name, door), methods=["POST"])
    add_health(app, ready)
    return app


def _endpoint(name: str, door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(http: Request) -> Response:
        try:
            request = review.decode_review(await _body(http))
            answer = await door.review(request)
        except CallerError as error:
            _log.warning("malformed review", extra={FIELDS: {"door": name, "error": str(error)}})
            return Response(str(error), 400, media_type="text/plain")
        _log_answer(name, request, answer)
        return Response(review.encode_answer(request.uid, answer), media_type="application/json")

    return endpoint


async def _body(http: Request) -> bytes:
    body = bytearray()
    async for chunk in http.stream():
        body += chunk
        if len(body) > review.MAX_REVIEW_BYTES:
            raise MalformedReviewError("the body is larger than any AdmissionReview")
    return bytes(body)


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
        "rules": [cause.reason for cause in answer.denial.causes if cause.reason not in _ADVICE]
        if answer.denial
        else [],
        **_decided(answer.decision),
    }
    _log.info("review", extra={FIELDS: fields})
