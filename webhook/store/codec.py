"""Records, notices and audit events as both stores keep them: MessagePack, exactly as they were given."""

from typing import TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.journal.events import AuditEvent
from webhook.store.contract import PodNotice, SessionRecord, StoreError

_V = TypeVar("_V", SessionRecord, PodNotice, AuditEvent)

_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(SessionRecord)
_notices = msgspec.msgpack.Decoder(PodNotice)
_events = msgspec.msgpack.Decoder(AuditEvent)


def encode(value: SessionRecord | PodNotice | AuditEvent) -> bytes:
    """Give the bytes to keep."""
    return _encoder.encode(value)


def decode_record(data: bytes) -> SessionRecord:
    """Read what was kept. Raises StoreError."""
    return _decode(_records, data)


def decode_notice(data: bytes) -> PodNotice:
    """Read what was kept. Raises StoreError."""
    return _decode(_notices, data)


def decode_audit_event(data: bytes) -> AuditEvent:
    """Read what was kept. Raises StoreError."""
    return _decode(_events, data)


def _decode(decoder: msgspec.msgpack.Decoder[_V], data: bytes) -> _V:
    try:
        return decoder.decode(data)
    except UNREADABLE:
        raise StoreError("a kept record cannot be read: it is damaged or from a newer version") from None
