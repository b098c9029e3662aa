"""A session's recording out of the store: its events in order, and its asciicast."""

import codecs
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Channel, Data, Event, SessionStart, decode_event
from sidecar.contract.frames import Frame
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import API_VERSION
from webhook.replay.asciicast import CastVersion, CastWriter
from webhook.replay.moments import Moments
from webhook.store.contract import SessionRecord, Store

MAX_EVENTS: Final = 1000
_PAGE: Final = 32
_MAX_LISTED_BYTES: Final = 8 * 1024 * 1024


RecordedEvent = dict[str, Any]
"""An event as recorded (``type``, ``at`` in nanoseconds since the start, ``data`` in base64 …) with

``sequence``, ``digest`` (the hash chain after it, SHA-256 in hexadecimal), and for data ``text``: the data
read as UTF-8, where a character that a chunk cut comes with the chunk that ends it. Where that was asked for,
``payload`` is the event's own bytes in base64, which the hash chain is over.
"""


class RecordedEvents(msgspec.Struct, frozen=True, rename="camel"):
    """A page of events; ``nextStart`` is where the next one begins, absent after the last event."""

    items: list[RecordedEvent]
    next_start: int | msgspec.UnsetType = msgspec.UNSET
    kind: str = "SessionEvents"
    api_version: str = API_VERSION


def frames(store: Store, session: str, *, start: int = 0) -> Iterator[Frame]:
    """Give a session's frames from number ``start``, a few at a time from the store."""
    while page := store.frames(session, start=start, limit=_PAGE):
        yield from page
        start = page[-1].sequence + 1


def event_of(frame: Frame) -> Event:
    """Give a frame's event. Raises ApiError when what the store holds is none."""
    try:
        return decode_event(frame.payload)
    except CallerError:
        raise ApiError(Reason.INTERNAL, f"what is stored as event {frame.sequence} is no event") from None


class EventReader:
    """Reads frames as events with text."""

    def __init__(self) -> None:
        self._decoders = {channel: codecs.getincrementaldecoder("utf-8")("replace") for channel in Channel}

    def read(self, frame: Frame, *, with_payload: bool = False) -> RecordedEvent:
        """Give a frame's event."""
        event = event_of(frame)
        recorded = {"sequence": frame.sequence, "digest": frame.digest.hex(), **msgspec.to_builtins(event)}
        if isinstance(event, Data):
            recorded["text"] = self._decoders[event.channel].decode(event.data)
        if with_payload:
            recorded["payload"] = frame.payload
        return recorded

    def line(self, frame: Frame, *, with_payload: bool = False) -> bytes:
        """Give a frame's event as a line of JSON."""
        return msgspec.json.encode(self.read(frame, with_payload=with_payload)) + b"\n"


def event_page(store: Store, session: str, *, start: int, limit: int) -> RecordedEvents:
    """Give at most ``limit`` events, fewer when they are large."""
    reader = EventReader()
    items: list[RecordedEvent] = []
    size = 0
    for frame in frames(store, session, start=start):
        if len(items) >= min(limit, MAX_EVENTS) or size > _MAX_LISTED_BYTES:
            return RecordedEvents(items, frame.sequence)
        items.append(reader.read(frame))
        size += len(frame.payload)
    return RecordedEvents(items)


def event_lines(
    store: Store, session: str, *, start: int, limit: int | None, with_payload: bool = False
) -> Iterator[bytes]:
    """Give events as JSON lines."""
    reader = EventReader()
    for count, frame in enumerate(frames(store, session, start=start)):
        if limit is not None and count >= limit:
            return
        yield reader.line(frame, with_payload=with_payload)


def cast_lines(
    store: Store, record: SessionRecord, version: CastVersion, *, with_input: bool
) -> Iterator[bytes]:
    """Give a session as an asciicast, as far as it is recorded."""
    start = _start(record)
    writer, stream = CastWriter(start, version, with_input=with_input), Moments(start)
    yield writer.header()
    for frame in frames(store, record.session):
        for moment in stream.feed(event_of(frame)):
            yield writer.line(moment)
    for moment in stream.close():
        yield writer.line(moment)


def _start(record: SessionRecord) -> SessionStart:
    return SessionStart(
        session=record.session,
        started_at=record.started_at,
        namespace=record.namespace,
        pod=record.pod,
        pod_uid=record.pod_uid,
        container=record.container,
        node=record.node,
        argv=record.argv,
        tty=record.tty,
        stdin=record.stdin,
        rows=record.rows,
        cols=record.cols,
        grant_digest=record.grant_digest,
        profile=record.profile,
        masking=record.masking,
        recorder=record.recorder,
        kind=record.kind,
        content=record.content,
    )
