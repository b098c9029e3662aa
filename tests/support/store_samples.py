"""Sessions, frames, passages and notices to put into a store."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.contract.events import Channel, Data, SessionStart, encode_event
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.identifiers import session_id
from sidecar.contract.sealing import Decision, Identity
from sidecar.contract.wire import Notice, NoticeKind
from webhook.store.contract import Passage, PodNotice, SessionRecord

T0 = 1_790_000_000_000_000_000
"""A moment in Unix nanoseconds."""


def make_session_id(offset_ms: int = 0) -> str:
    return session_id(T0 // 1_000_000 + offset_ms, os.urandom(10))


def make_record(offset_ms: int = 0, **changes: Any) -> SessionRecord:
    """A session without frames, `offset_ms` after T0."""
    session = str(changes.get("session") or make_session_id(offset_ms))
    record = SessionRecord(
        session=session,
        namespace="payments",
        pod="api-7d9c",
        pod_uid="2f1c4a52-8a5e-4f3c-9b1e-0d6f8c1f2a3b",
        container="api",
        node="node-1",
        identity=Identity("agent", "u-1", ("devs", "system:authenticated"), {"example.org/team": ("a", "b")}),
        decision=Decision("allow", "built-in", "record-everything", "r-1", T0),
        argv=("psql", "-c", "select 1"),
        tty=False,
        stdin=False,
        rows=0,
        cols=0,
        profile="pan",
        masking="m1",
        recorder="0.1.0",
        grant_digest=hashlib.sha256(session.encode()).digest(),
        started_at=T0 + offset_ms * 1_000_000,
        clock_skew=0,
        updated_at=T0 + offset_ms * 1_000_000,
        next_sequence=0,
        digest=Chain(session).digest,
    )
    return msgspec.structs.replace(record, **changes)


@dataclass
class Growing:
    """A session under way: gives the next append, and remembers what was made."""

    record: SessionRecord
    made: list[Frame] = field(default_factory=list[Frame])

    @property
    def session(self) -> str:
        return self.record.session

    def grow(self, *payloads: bytes, **changes: Any) -> tuple[SessionRecord, list[Frame]]:
        """The record and frames after these payloads."""
        chain = Chain(self.session, sequence=self.record.next_sequence, digest=self.record.digest)
        frames = [chain.append(payload) for payload in payloads]
        self.made += frames
        fields: dict[str, Any] = {"updated_at": self.record.updated_at + 1, **changes}
        self.record = msgspec.structs.replace(
            self.record, next_sequence=chain.next_sequence, digest=chain.digest, **fields
        )
        return self.record, frames

    def says(self, text: str, *, at: int = 0, channel: Channel = Channel.STDOUT) -> Passage:
        """A passage that begins in the last frame made."""
        return Passage(self.session, self.record.next_sequence - 1, at, channel, text)


def start_payload(record: SessionRecord) -> bytes:
    """The payload of the session's first frame."""
    names = (name for name in SessionStart.__struct_fields__)
    return encode_event(SessionStart(**{name: getattr(record, name) for name in names}))


def data_payload(data: bytes, *, at: int = 1) -> bytes:
    return encode_event(Data(at, Channel.STDOUT, data))


def make_notice(
    offset_ms: int = 0, *, namespace: str = "payments", pod_uid: str = "uid-1", **changes: Any
) -> PodNotice:
    at = T0 + offset_ms * 1_000_000
    fields: dict[str, Any] = {
        "id": make_session_id(offset_ms),
        "at": at,
        "kind": NoticeKind.GRANT_REFUSED,
        "container": "api",
        "reason": "the grant has expired",
        "argv": ("sh",),
        **changes,
    }
    return PodNotice(namespace, "api-7d9c", pod_uid, at, Notice(**fields))
