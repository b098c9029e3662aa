"""Documents as they are sent, and the parts of them that are read back. No I/O.

Records and notices are kept whole as MessagePack (``chaperone.record``, ``chaperone.notice``); the other
fields of their documents are for searching and for people, and are never read back.
"""

from collections.abc import Iterable, Iterator

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Channel, Data, Event, Found, SessionStart, decode_event
from sidecar.contract.frames import Frame
from webhook.store.codec import encode
from webhook.store.contract import Passage, Phase, PodNotice, SessionRecord

Document = dict[str, object]

COMMAND = "command"
"""``event.action`` of a command line among the passages."""
_NANOSECONDS = 1_000_000


def session_document(record: SessionRecord) -> Document:
    """Give a session's document."""
    return {
        "@timestamp": record.started_at // _NANOSECONDS,
        **_where(record),
        "event": _session_event(record),
        "process": {
            "command_line": " ".join(record.argv),
            "args": record.argv,
            "args_count": len(record.argv),
            "interactive": record.tty,
            **_known(exit_code=record.exit_code),
        },
        "rule": {"name": record.decision.rule, "ruleset": record.decision.policy},
        "chaperone": _session_fields(record),
    }


def command_document(record: SessionRecord) -> Document:
    """Give the document by which a session's command line is found."""
    return {
        "@timestamp": record.started_at // _NANOSECONDS,
        **_where(record),
        "message": " ".join(record.argv),
        "event": {"kind": "event", "action": COMMAND},
        "chaperone": {"session": record.session, "started_at": record.started_at},
    }


def passage_document(record: SessionRecord, passage: Passage) -> Document:
    """Give a passage's document."""
    return {
        "@timestamp": (record.started_at + passage.at) // _NANOSECONDS,
        **_where(record),
        "message": passage.text,
        "event": {"kind": "event", "action": "passage", "sequence": passage.sequence},
        "chaperone": {
            "session": record.session,
            "started_at": record.started_at,
            "at": passage.at,
            **_known(channel=None if passage.channel is None else passage.channel.value),
        },
    }


def frame_documents(record: SessionRecord, frames: Iterable[Frame]) -> Iterator[tuple[int, Document]]:
    """Give each frame's sequence and document."""
    where = _where(record)
    for frame in frames:
        event = _event(frame.payload)
        at = 0 if event is None or isinstance(event, SessionStart) else event.at
        channel = event.channel.value if isinstance(event, Data | Found) else None
        yield (
            frame.sequence,
            {
                "@timestamp": (record.started_at + at) // _NANOSECONDS,
                **where,
                "event": {
                    "kind": "event",
                    "action": "unknown" if event is None else type(event).__struct_config__.tag,
                    "sequence": frame.sequence,
                },
                "chaperone": {
                    "session": record.session,
                    "at": at,
                    **_known(channel=channel),
                    "size": len(frame.payload),
                    "digest": frame.digest,
                    "payload": frame.payload,
                },
            },
        )


def notice_document(notice: PodNotice) -> Document:
    """Give a notice's document."""
    body = notice.notice
    return {
        "@timestamp": notice.received_at // _NANOSECONDS,
        "container": {"name": body.container},
        "orchestrator": _pod(notice.namespace, notice.pod, notice.pod_uid),
        "message": body.reason,
        "event": {"kind": "event", "category": "process", "action": body.kind.value},
        "process": {"args": body.argv},
        "chaperone": {
            "session": body.session,
            "id": body.id,
            "received_at": notice.received_at,
            "notice": encode(notice),
        },
    }


class _KeptRecord(msgspec.Struct):
    record: bytes


class SessionSource(msgspec.Struct):
    """What is read back of a session."""

    chaperone: _KeptRecord


class _KeptNotice(msgspec.Struct):
    notice: bytes


class NoticeSource(msgspec.Struct):
    """What is read back of a notice."""

    chaperone: _KeptNotice


class _Sequence(msgspec.Struct, frozen=True):
    sequence: int | None = None


class _KeptFrame(msgspec.Struct):
    digest: bytes
    payload: bytes


class FrameSource(msgspec.Struct):
    """What is read back of a frame."""

    event: _Sequence
    chaperone: _KeptFrame

    def frame(self) -> Frame:
        """The frame."""
        return Frame(self.event.sequence or 0, self.chaperone.digest, self.chaperone.payload)


class _KeptPassage(msgspec.Struct):
    session: str
    at: int = 0
    channel: Channel | None = None


class PassageSource(msgspec.Struct):
    """What is read back of a passage or a command line."""

    message: str
    chaperone: _KeptPassage
    event: _Sequence = _Sequence()

    def passage(self) -> Passage | None:
        """The passage, or None for a command line."""
        kept = self.chaperone
        if self.event.sequence is None:
            return None
        return Passage(kept.session, self.event.sequence, kept.at, kept.channel, self.message)


def _session_event(record: SessionRecord) -> Document:
    end = record.ended_at
    return {
        "kind": "event",
        "category": "session",
        "action": record.kind.value,
        "start": record.started_at // _NANOSECONDS,
        **_known(
            end=None if end is None else end // _NANOSECONDS,
            duration=None if end is None else end - record.started_at,
            reason=record.reason or None,
        ),
        "outcome": _outcome(record),
    }


def _outcome(record: SessionRecord) -> str:
    if record.phase is Phase.ACTIVE or record.exit_code is None:
        return "unknown"
    return "success" if record.exit_code == 0 else "failure"


def _session_fields(record: SessionRecord) -> Document:
    return {
        "session": record.session,
        "phase": record.phase.value,
        **_known(
            how=record.how.value if record.how else None,
            approval=record.decision.approval,
            would=record.decision.would,
        ),
        "action": record.decision.action,
        "request": record.decision.request_uid,
        "profile": record.profile,
        "masking": record.masking,
        "recorder": record.recorder,
        "started_at": record.started_at,
        "updated_at": record.updated_at,
        "clock_skew": record.clock_skew,
        "next_sequence": record.next_sequence,
        "bytes": {"stdin": record.stdin_bytes, "stdout": record.stdout_bytes, "stderr": record.stderr_bytes},
        "programs": record.programs,
        "findings": {"total": sum(record.findings.values()), "rules": sorted(record.findings)},
        "record": encode(record),
    }


def _where(record: SessionRecord) -> Document:
    identity = record.identity
    return {
        "container": {"name": record.container},
        "host": {"name": record.node},
        "orchestrator": _pod(record.namespace, record.pod, record.pod_uid),
        "user": {"name": identity.username, "id": identity.uid, "group": {"name": identity.groups}},
    }


def _pod(namespace: str, pod: str, uid: str) -> Document:
    return {
        "type": "kubernetes",
        "namespace": namespace,
        "resource": {"type": "pod", "name": pod, "id": uid},
    }


def _known(**values: object) -> Document:
    return {name: value for name, value in values.items() if value is not None}


def _event(payload: bytes) -> Event | None:
    try:
        return decode_event(payload)
    except CallerError:
        return None
