"""What a request asks for: query parameters and media types, read once."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final

import msgspec

from webhook.audit_api.continuation import Continue, decode_continue
from webhook.audit_api.discovery import AGGREGATED_CONTENT_TYPES
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import nearest_moment
from webhook.audit_api.selectors import SESSION_FIELDS, Fields, Selectors, parse_selectors
from webhook.audit_api.table import IncludeObject
from webhook.replay.asciicast import CastVersion

DEFAULT_WATCH_SECONDS: Final = 1800
MAX_WATCH_SECONDS: Final = 3600
_DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


class Form(Enum):
    """How objects are given."""

    OBJECT = auto()
    TABLE = auto()


class ListRequest(msgspec.Struct, frozen=True):
    """The parameters of a list or watch (metav1.ListOptions)."""

    selectors: Selectors
    since: int | None
    """Only what started or happened at or after, Unix nanoseconds; of this API, as is ``until``."""
    until: int | None
    limit: int
    token: Continue | None
    watch: bool
    resource_version: str
    timeout: int
    bookmarks: bool
    initial_events: bool
    include: IncludeObject


def parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give query parameters by name.

    Raises ApiError when one is there twice: the API server authorised one of them, and which is not known.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise ApiError(Reason.BAD_REQUEST, f'the query parameter "{name[:40]}" is there twice')
        found[name] = value
    return found


def list_request(query: Mapping[str, str], fields: Fields = SESSION_FIELDS) -> ListRequest:
    """Read the parameters of a list or watch of objects with these fields. Raises ApiError."""
    token = query.get("continue", "")
    timeout = number(query, "timeoutSeconds", DEFAULT_WATCH_SECONDS)
    return ListRequest(
        selectors=parse_selectors(query.get("fieldSelector", ""), query.get("labelSelector", ""), fields),
        since=_moment(query, "since"),
        until=_moment(query, "until"),
        limit=number(query, "limit", 0),
        token=decode_continue(token) if token else None,
        watch=flag(query, "watch"),
        resource_version=query.get("resourceVersion", ""),
        timeout=min(timeout or DEFAULT_WATCH_SECONDS, MAX_WATCH_SECONDS),
        bookmarks=flag(query, "allowWatchBookmarks"),
        initial_events=flag(query, "sendInitialEvents"),
        include=include_object(query),
    )


def include_object(query: Mapping[str, str]) -> IncludeObject:
    """Read what the rows of a table carry. Raises ApiError."""
    try:
        return IncludeObject(query.get("includeObject") or IncludeObject.METADATA.value)
    except ValueError:
        raise ApiError(Reason.BAD_REQUEST, "includeObject must be None, Metadata or Object") from None


def cast_version(query: Mapping[str, str]) -> CastVersion:
    """Read which asciicast version is wanted; 2 unless told. Raises ApiError."""
    try:
        return CastVersion(number(query, "version", CastVersion.V2.value))
    except ValueError:
        raise ApiError(Reason.BAD_REQUEST, "version must be 2 or 3") from None


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """Read a number that is not negative. Raises ApiError."""
    text = query.get(name, "")
    if not text:
        return default
    if not _DIGITS.fullmatch(text):
        raise ApiError(Reason.BAD_REQUEST, f"{name} must be a number")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    try:
        return nearest_moment(text) if text else None
    except ValueError:
        raise ApiError(Reason.BAD_REQUEST, f"{name} must be a time such as 2026-03-01T00:00:00Z") from None


def flag(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Read a truth value as the API server reads it. Raises ApiError."""
    match query.get(name):
        case None:
            return default
        case "true" | "1" | "True" | "TRUE" | "t" | "T":
            return True
        case "false" | "0" | "False" | "FALSE" | "f" | "F" | "":
            return False
        case _:
            raise ApiError(Reason.BAD_REQUEST, f"{name} must be true or false")


def form_of(accept: str) -> Form:
    """Give the first form of objects that a client accepts and we have. Raises ApiError."""
    for kind, options in _media_types(accept):
        if kind not in {"application/json", "application/*", "*/*"}:
            continue
        if "as" not in options:
            return Form.OBJECT
        if (options["as"], options.get("v"), options.get("g")) == ("Table", "v1", "meta.k8s.io"):
            return Form.TABLE
    raise ApiError(Reason.NOT_ACCEPTABLE, "only application/json is served, as objects or as a Table of v1")


def aggregated_version(accept: str) -> str | None:
    """Give the version of aggregated discovery that a client asks for, None when it asks for none."""
    for kind, options in _media_types(accept):
        if kind == "application/json" and options.get("as") == "APIGroupDiscoveryList":
            version = options.get("v", "")
            if version in AGGREGATED_CONTENT_TYPES:
                return version
        elif kind == "application/json":
            return None
    return None


def accepts(accept: str, wanted: str) -> bool:
    """Tell whether a media type is named."""
    return any(kind == wanted for kind, _ in _media_types(accept))


def _media_types(accept: str) -> list[tuple[str, dict[str, str]]]:
    return [_media_type(part) for part in (accept or "*/*").split(",")]


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    kind, *options = [part.strip() for part in text.split(";")]
    pairs = [option.partition("=") for option in options]
    return kind.lower(), {name: value for name, _, value in pairs}
