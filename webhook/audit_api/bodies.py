"""Bodies of requests, read no further than they may be long."""

from typing import Final

from fastapi import Request

from webhook.audit_api.errors import ApiError, Reason

MOST_BYTES: Final = 64 * 1024


async def body_of(request: Request, what: str, *, most: int = MOST_BYTES) -> bytes:
    """Give a request's body, which is ``what``, such as "a Search". Raises ApiError when it is too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise ApiError(Reason.TOO_LARGE, f"{what} is at most {most} bytes")
    return bytes(body)
