"""The audit API as the commands ask it, with every refusal told in words that help."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, TypeVar

import msgspec
import urllib3

from sidecar.contract.events import Event
from sidecar.contract.frames import Frame
from sidecar.contract.identifiers import is_session_id
from webhook.audit_api.canary_objects import Canary
from webhook.audit_api.event_objects import AuditEvent, EventSearch, EventSearchHit, EventSearchSpec
from webhook.audit_api.objects import (
    API_VERSION,
    ListMeta,
    Search,
    SearchHit,
    SearchSpec,
    Session,
    SessionKill,
    SessionKillSpec,
)
from webhook.cli.answers import decoded, decoded_by
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.refusals import Asked, not_found, refused

_PAGE = 500
_ABBREVIATED_AMONG = 5000
_NAMED = 10
_CHUNK_BYTES = 64 * 1024
_FOLLOW_TRIES = 30
_FOLLOW_PAUSE_SECONDS = 2.0
_T = TypeVar("_T")
_LINES = "application/x-ndjson"


class _Page(msgspec.Struct, frozen=True):
    metadata: ListMeta
    items: list[msgspec.Raw]


class _RecordedFrame(msgspec.Struct, frozen=True):
    sequence: int
    digest: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})*$")]
    payload: bytes


class Item(msgspec.Struct, frozen=True):
    """A session, and the object exactly as the API gave it."""

    session: Session
    raw: msgspec.Raw


class CanaryAnswer(msgspec.Struct, frozen=True):
    """What came of a canary, and the Canary exactly as the API gave it."""

    canary: Canary
    raw: msgspec.Raw


class EventSearchAnswer(msgspec.Struct, frozen=True):
    """Which audit events a text was found in, and the EventSearch exactly as the API gave it."""

    hits: list[EventSearchHit]
    raw: msgspec.Raw


class SearchAnswer(msgspec.Struct, frozen=True):
    """Where a text was found, and the Search exactly as the API gave it."""

    hits: list[SearchHit]
    raw: msgspec.Raw


class Audit:
    """The record of one cluster. Every method raises CliError."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def sessions(
        self, namespace: str | None, parameters: Mapping[str, str], *, limit: int | None
    ) -> Iterator[Item]:
        """Give sessions of a namespace, or of all, newest first."""
        for raw in self._pages("sessions", namespace, parameters, limit=limit):
            yield Item(decoded(bytes(raw), Session), raw)

    def events_with(
        self, namespace: str | None, parameters: Mapping[str, str], *, limit: int | None
    ) -> Iterator[tuple[AuditEvent, msgspec.Raw]]:
        """Give audit events of a namespace, or of all and of none, newest first; as objects and as given."""
        for raw in self._pages("auditevents", namespace, parameters, limit=limit):
            yield decoded(bytes(raw), AuditEvent), raw

    def _pages(
        self, resource: str, namespace: str | None, parameters: Mapping[str, str], *, limit: int | None
    ) -> Iterator[msgspec.Raw]:
        left, token = limit, ""
        while left is None or left > 0:
            page_size = _PAGE if left is None else min(left, _PAGE)
            asked = Asked("list", resource, namespace)
            options = {**parameters, "limit": str(page_size), **({"continue": token} if token else {})}
            page = decoded(self._get(asked, (resource,), options), _Page)
            yield from page.items
            token = page.metadata.continue_
            left = None if left is None else left - len(page.items)
            if not token:
                return

    def find(self, name: str, namespace: str, *, elsewhere: bool) -> Item:
        """Give the session of an id, or of the start or end of one when only one has it.

        ``elsewhere`` looks in all namespaces when there is none in this one and the user may.
        """
        try:
            return self._find(name, namespace)
        except CliError as error:
            if not elsewhere or error.code is not ExitCode.NOT_FOUND:
                raise
            return self._find_elsewhere(name, error)

    def _find_elsewhere(self, name: str, missing: CliError) -> Item:
        try:
            return self._find(name, None)
        except CliError as error:
            if error.code in (ExitCode.NOT_FOUND, ExitCode.FORBIDDEN):
                raise missing from None
            raise

    def _find(self, name: str, namespace: str | None) -> Item:
        if is_session_id(name):
            return self._by_id(name, namespace)
        if not name.isalnum():
            raise not_found(namespace, name)
        listed = self.sessions(namespace, {}, limit=_ABBREVIATED_AMONG)
        found = [item for item in listed if _abbreviates(name, item.session.metadata.name)]
        if len(found) > 1:
            raise _ambiguous(name, found)
        if not found:
            raise not_found(namespace, name)
        return found[0]

    def _by_id(self, name: str, namespace: str | None) -> Item:
        if namespace is None:
            listed = self.sessions(None, {"fieldSelector": f"metadata.name={name}"}, limit=1)
            found = next(listed, None)
            if found is None:
                raise not_found(None, name)
            return found
        body = self._get(Asked("get", "sessions", namespace, name), ("sessions", name), {})
        return Item(decoded(body, Session), msgspec.Raw(body))

    def events(self, session: Session) -> Iterator[Event]:
        """Give all events of a session, as far as it is recorded."""
        decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
        for line in self._lines(session, "events", {}, _LINES):
            yield decoded_by(decoder, line)

    def frames(
        self, session: Session, *, start: int = 0, limit: int | None = None, follow: bool = False
    ) -> Iterator[Frame]:
        """Give the frames of a session from number ``start``, with the bytes its hash chain is over.

        With ``follow`` also those that come for a while, until the session ends.
        """
        asked = {"payload": "true", "start": str(start)}
        asked |= {"limit": str(limit)} if limit is not None else {}
        asked |= {"follow": "true"} if follow else {}
        decoder = msgspec.json.Decoder(_RecordedFrame)
        for line in self._lines(session, "events", asked, _LINES):
            frame = decoded_by(decoder, line)
            yield Frame(frame.sequence, bytes.fromhex(frame.digest), frame.payload)

    def follow(
        self, session: Session, *, start: int, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[Frame]:
        """Give the frames of a session from number ``start`` as they come, until it ends.

        A collector that is restarted meanwhile is waited for.
        """
        failures = 0
        while True:
            try:
                over = self._phase(session) != "Active"
                for frame in self.frames(session, start=start, follow=True):
                    yield frame
                    start, failures = frame.sequence + 1, 0
            except CliError as error:
                failures += 1
                if error.code is not ExitCode.UNAVAILABLE or failures > _FOLLOW_TRIES:
                    raise
                sleep(_FOLLOW_PAUSE_SECONDS)
            else:
                failures = 0
                if over:
                    return

    def kill(self, session: Session, reason: str) -> None:
        """Order a session to be ended."""
        place = session.metadata
        asked = Asked("create", "sessions/kill", place.namespace, place.name)
        self._created(asked, ("sessions", place.name, "kill"), SessionKill(SessionKillSpec(reason)))

    def _phase(self, session: Session) -> str:
        return self._by_id(session.metadata.name, session.metadata.namespace).session.status.phase

    def cast(self, session: Session, parameters: Mapping[str, str]) -> Iterator[bytes]:
        """Give a session as the lines of an asciicast."""
        return self._lines(session, "cast", parameters, "application/x-asciicast, */*")

    def search(self, namespace: str | None, spec: SearchSpec) -> SearchAnswer:
        """Give where a text is found."""
        asked = Asked("create", "searches", namespace)
        content = self._created(asked, ("searches",), Search(spec))
        status = decoded(content, Search).status
        hits = [] if isinstance(status, msgspec.UnsetType) else status.hits
        return SearchAnswer(hits, msgspec.Raw(content))

    def search_events(self, namespace: str | None, spec: EventSearchSpec) -> EventSearchAnswer:
        """Give which audit events a text is found in."""
        asked = Asked("create", "eventsearches", namespace)
        content = self._created(asked, ("eventsearches",), EventSearch(spec))
        status = decoded(content, EventSearch).status
        hits = [] if isinstance(status, msgspec.UnsetType) else status.hits
        return EventSearchAnswer(hits, msgspec.Raw(content))

    def tell_canary(self, namespace: str, canary: Canary) -> CanaryAnswer:
        """Tell of a canary, and give what the record says of it."""
        asked = Asked("create", "canaries", namespace)
        content = self._created(asked, ("canaries",), canary)
        return CanaryAnswer(decoded(content, Canary), msgspec.Raw(content))

    def _get(self, asked: Asked, path: tuple[str, ...], parameters: Mapping[str, str]) -> bytes:
        with self._cluster.request(_path(asked, path), parameters) as answer:
            return _content(answer, asked)

    def _created(self, asked: Asked, path: tuple[str, ...], content: msgspec.Struct) -> bytes:
        """Post an object, and give the one that is answered."""
        body = msgspec.json.encode(content)
        with self._cluster.request(_path(asked, path), {}, body=body) as answer:
            return _content(answer, asked)

    def _lines(
        self, session: Session, subresource: str, parameters: Mapping[str, str], accept: str
    ) -> Iterator[bytes]:
        name = session.metadata.name
        asked = Asked("get", f"sessions/{subresource}", session.metadata.namespace, name)
        path = _path(asked, ("sessions", name, subresource))
        with self._cluster.request(path, parameters, accept=accept) as answer:
            if answer.status != 200:
                raise refused(answer.status, answer.read(), asked)
            chunks = _as_they_come(answer) if "follow" in parameters else answer.stream(_CHUNK_BYTES)
            yield from _split(chunks)


def _path(asked: Asked, rest: tuple[str, ...]) -> tuple[str, ...]:
    where = ("namespaces", asked.namespace) if asked.namespace else ()
    return ("apis", *API_VERSION.split("/"), *where, *rest)


def _content(answer: urllib3.BaseHTTPResponse, asked: Asked) -> bytes:
    body = answer.read()
    if answer.status not in (200, 201):
        raise refused(answer.status, body, asked)
    return body


def _as_they_come(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read1(_CHUNK_BYTES):
        yield chunk


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _ambiguous(name: str, found: list[Item]) -> CliError:
    places = [item.session.metadata for item in found[:_NAMED]]
    more = [f"and {len(found) - _NAMED} more"] if len(found) > _NAMED else []
    lines = "\n  ".join([*(f"{place.namespace}/{place.name}" for place in places), *more])
    return CliError(f'"{name}" is short for {len(found)} sessions:\n  {lines}', ExitCode.USAGE)


def _abbreviates(text: str, name: str) -> bool:
    return name.startswith(text.lower()) or name.endswith(text.lower())
