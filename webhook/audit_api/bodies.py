"""Bodies of requests, read no further than they may be long, and the objects in them."""

from collections.abc import AsyncIterator
from typing import Final, Protocol, TypeVar

import msgspec
from fastapi import Request

from sidecar.contract.decoding import UNREADABLE
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import API_VERSION

MOST_BYTES: Final = 64 * 1024


class _Object(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def api_version(self) -> str: ...


_O = TypeVar("_O", bound=_Object)


async def body_of(request: Request, what: str, *, most: int = MOST_BYTES) -> bytes:
    """Give a request's body, which is ``what``, such as "a Search". Raises ApiError when it is too long."""
    parts = _parts(request, most, f"{what} is at most {most} bytes")
    return b"".join([part async for part in parts])


async def skip_body(request: Request, refusal: str) -> None:
    """Read past a body that nobody looks at. Raises ApiError, with ``refusal``, when it is too long."""
    async for _ in _parts(request, MOST_BYTES, refusal):
        pass


def read_object(body: bytes, what: str, type_: type[_O]) -> _O:
    """Read the object in a body, which is ``what``, such as "a Search". Raises ApiError."""
    kind = what.rpartition(" ")[2]
    try:
        found = msgspec.json.decode(body, type=type_)
    except UNREADABLE as error:
        raise ApiError(Reason.BAD_REQUEST, f"the body is no {kind}: {error}") from None
    if found.kind != kind or found.api_version != API_VERSION:
        raise ApiError(Reason.BAD_REQUEST, f"the body must be {what} of {API_VERSION}")
    return found


async def _parts(request: Request, most: int, refusal: str) -> AsyncIterator[bytes]:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise ApiError(Reason.TOO_LARGE, refusal)
        yield part
