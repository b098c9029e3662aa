"""The gate before the API: only the API server comes in, and what goes wrong goes out as a Status."""

import logging

import msgspec
from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sidecar.contract.errors import CallerError
from sidecar.contract.names import AUDIT_GROUP
from sidecar.contract.sealing import Identity
from webhook.audit_api.connection import common_names
from webhook.audit_api.errors import ApiError, Reason, status_of
from webhook.audit_api.identity import FrontProxy, identify
from webhook.store.contract import DamagedLedgerError, MissingError, StoreError

HEALTH_PATHS = frozenset(["/healthz", "/livez", "/readyz"])
_IDENTITY = "identity"


class Gate:
    """Lets health checks and the API server through, and tells the application who asks."""

    def __init__(self, app: ASGIApp, front_proxy: FrontProxy) -> None:
        self._app = app
        self._front_proxy = front_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        if scope["type"] == "http" and scope["path"] not in HEALTH_PATHS:
            headers = [
                (name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in scope["headers"]
            ]
            try:
                identity = identify(self._front_proxy.trust(), common_names(scope), headers)
            except ApiError as error:
                await refusal(error)(scope, receive, send)
                return
            scope.setdefault("state", {})[_IDENTITY] = identity
        await self._app(scope, receive, send)


def identity_of(request: Request) -> Identity:
    """Give who asks, as the gate found."""
    return request.scope["state"][_IDENTITY]


def refusal(error: ApiError) -> Response:
    """Give the answer that says why there is no other."""
    headers = {"Retry-After": "1"} if error.reason is Reason.UNAVAILABLE else None
    return json_response(status_of(error, group=AUDIT_GROUP), code=error.reason.code, headers=headers)


def json_response(
    value: object,
    *,
    code: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response:
    """Give an answer in JSON."""
    return Response(msgspec.json.encode(value), code, headers, content_type)


async def refuse(_: Request, error: Exception) -> Response:
    """Answer an error that a handler raised."""
    match error:
        case ApiError():
            return refusal(error)
        case StoreError():
            return refusal(_of_store(error))
        case CallerError():
            return refusal(ApiError(Reason.BAD_REQUEST, str(error)))
        case HTTPException(status_code=404):
            return refusal(ApiError(Reason.NOT_FOUND, "the server could not find the requested resource"))
        case HTTPException(status_code=405):
            return refusal(
                ApiError(
                    Reason.METHOD_NOT_ALLOWED,
                    "this cannot be done to it: the record can be read, legal holds set and released, and"
                    " sessions ended by create sessions/kill",
                )
            )
        case _:
            return refusal(ApiError(Reason.INTERNAL, "an unexpected error; the server's log tells it"))


def _of_store(error: StoreError) -> ApiError:
    """Give the answer for what the store did not do: what is lost is told, the rest may come back."""
    if isinstance(error, MissingError):
        logging.getLogger(__name__).error("the record is damaged: %s", error)
        kind = "ledgers" if isinstance(error, DamagedLedgerError) else ""
        return ApiError(Reason.INTERNAL, str(error), kind=kind)
    logging.getLogger(__name__).warning("the store did not answer: %s", error)
    return ApiError(Reason.UNAVAILABLE, "the store of sessions does not answer; try again")
