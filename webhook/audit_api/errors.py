"""Refusals as the Kubernetes API states them (metav1.Status)."""

from enum import Enum

import msgspec

from sidecar.contract.errors import CallerError


class Reason(Enum):
    """Why, as clients tell apart; each has one HTTP code."""

    BAD_REQUEST = ("BadRequest", 400)
    UNAUTHORIZED = ("Unauthorized", 401)
    FORBIDDEN = ("Forbidden", 403)
    NOT_FOUND = ("NotFound", 404)
    METHOD_NOT_ALLOWED = ("MethodNotAllowed", 405)
    NOT_ACCEPTABLE = ("NotAcceptable", 406)
    CONFLICT = ("Conflict", 409)
    EXPIRED = ("Expired", 410)
    TOO_LARGE = ("RequestEntityTooLarge", 413)
    INVALID = ("Invalid", 422)
    INTERNAL = ("InternalError", 500)
    UNAVAILABLE = ("ServiceUnavailable", 503)

    @property
    def code(self) -> int:
        """The HTTP status code."""
        return self.value[1]


class ApiError(CallerError):
    """A request that is not answered; the message says why and what to do."""

    def __init__(self, reason: Reason, message: str, *, name: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.name = name
        self.kind = kind


class Details(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a refusal is about."""

    name: str = ""
    group: str = ""
    kind: str = ""
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True, rename="camel"):
    """metav1.Status of a failure."""

    message: str
    reason: str
    code: int
    details: Details = Details()
    status: str = "Failure"
    metadata: dict[str, str] = {}
    kind: str = "Status"
    api_version: str = "v1"


def status_of(error: ApiError, *, group: str) -> Status:
    """Give the object that tells a client of an error."""
    return Status(
        message=str(error),
        reason=error.reason.value[0],
        code=error.reason.code,
        details=Details(
            name=error.name,
            group=group if error.kind else "",
            kind=error.kind,
            retry_after_seconds=1 if error.reason is Reason.UNAVAILABLE else 0,
        ),
    )


def unknown_event(name: str) -> ApiError:
    """Give the answer for an audit event that is not there, or not in the namespace asked."""
    message = f'auditevents.audit.chaperone.dev "{name}" not found'
    return ApiError(Reason.NOT_FOUND, message, name=name, kind="auditevents")


def unknown_session(name: str) -> ApiError:
    """Give the answer for a session that is not there, or not in the namespace asked."""
    return ApiError(
        Reason.NOT_FOUND, f'sessions.audit.chaperone.dev "{name}" not found', name=name, kind="sessions"
    )
