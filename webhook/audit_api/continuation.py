"""Continue tokens: where a list that was cut goes on."""

import base64

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.identifiers import is_session_id
from webhook.audit_api.errors import ApiError, Reason


class Continue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a list goes on: after this session or event, as of this resource version."""

    before: str
    resource_version: str
    at: int = 0
    """The time of an audit event, which its list is sorted by."""


def encode_continue(token: Continue) -> str:
    """Give a token as clients carry it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(token)).decode().rstrip("=")


def decode_continue(text: str) -> Continue:
    """Read a token. Raises ApiError (410, so that clients begin anew) when it is not one of ours."""
    try:
        padded = text + "=" * (-len(text) % 4)
        token = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode()), type=Continue)
    except (ValueError, *UNREADABLE):
        token = None
    if (
        token is None
        or not is_session_id(token.before)
        or not token.resource_version.isdigit()
        or abs(token.at) >> 63
    ):
        raise ApiError(Reason.EXPIRED, "the continue token cannot be read; list again without it")
    return token
