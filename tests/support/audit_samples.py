"""Recorded sessions of every kind, put into a store as the collector would put them."""

from dataclasses import dataclass
from typing import Any

import msgspec
from store_samples import Growing, make_record, start_payload

from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Program,
    Resize,
    Untraced,
    encode_event,
)
from sidecar.contract.sealing import Identity
from webhook.store.contract import Passage, Phase, SessionRecord, Store

SECOND = 1_000_000_000
MASKED = b"4012 88** **** 1881"


@dataclass(frozen=True)
class Sample:
    """A session's own fields and what happened in it."""

    fields: dict[str, Any]
    events: tuple[Event, ...]
    says: str = ""


def output(data: bytes, at: float = 0.1) -> Data:
    return Data(int(at * SECOND), Channel.STDOUT, data)


def error_output(data: bytes, at: float = 0.1) -> Data:
    return Data(int(at * SECOND), Channel.STDERR, data)


def typed(data: bytes, at: float = 0.1) -> Data:
    return Data(int(at * SECOND), Channel.STDIN, data)


SHELL = Sample(
    {"argv": ("bash",), "tty": True, "stdin": True, "rows": 24, "cols": 80, "pod": "shop-5d9f"},
    (
        output(b"\x1b]0;root@shop\x07\x1b[01;32mroot@shop\x1b[0m:/# ", 0.2),
        typed(b"cat cardz\x7fs\r", 1.0),
        output(b"cat cardz\b\x1b[Ks\r\n", 1.1),
        Found(int(1.2 * SECOND), Channel.STDOUT, "pan", "visa", 40, 19),
        output(b"alice " + MASKED + b"\r\ncaf\xc3", 1.2),
        output(b"\xa9 \xe2\x82\xac5\r\nroot@shop:/# ", 1.3),
        Resize(2 * SECOND, 40, 120),
        output(b"exit\r\n", 30.0),
        Exit(30 * SECOND, 0),
        End(30 * SECOND, Ending.EXITED, stdin_bytes=11, stdout_bytes=90, findings={"pan/visa": 1}),
    ),
    "alice 4012 88** **** 1881\ncafé €5",
)
FAILING = Sample(
    {"argv": ("sh", "-c", "echo no such order >&2; exit 7")},
    (
        Program(
            SECOND // 100,
            12,
            1,
            1000,
            "/usr/bin/dash",
            "/srv",
            ("sh", "-c", "echo no such order >&2; exit 7"),
        ),
        Program(SECOND // 50, 13, 12, 1000, "/tmp/\x1b[2J (deleted)", "/srv", ("ls", "a b"), truncated=True),
        error_output(b"no such order\n", 0.05),
        Exit(SECOND // 10, 7),
        End(SECOND // 10, Ending.EXITED, stderr_bytes=14, programs=2),
    ),
    "no such order",
)
HOSTILE = Sample(
    {
        "argv": ("sh", "-c", "\x1b]0;owned\x07\nforged row \u202e\x9b2J"),
        "identity": Identity(
            "system:serviceaccount:payments:agent-\x1b[31mred", "", ("system:authenticated",)
        ),
    },
    (
        Untraced(0, "ptrace fails with EPERM"),
        output(b'before\x1b]52;c;ZXZpbA==\x07\x1b[6n\x1bP$q"p\x1b\\after\n', 0.1),
        Exit(SECOND, 0),
        End(SECOND, Ending.EXITED, stdout_bytes=60),
    ),
)
INTERRUPTED = Sample({"argv": ("tail", "-f", "/var/log/app.log"), "node": "node-2"}, (output(b"a line\n"),))
ACTIVE = Sample(
    {"argv": ("python3", "-m", "http.server"), "tty": True, "rows": 50, "cols": 132},
    (output(b"Serving HTTP\r\n"),),
)


def keep(store: Store, sample: Sample, *, offset_ms: int, namespace: str = "payments") -> SessionRecord:
    """Store a sample that started ``offset_ms`` after T0."""
    growing = Growing(make_record(offset_ms, namespace=namespace, **sample.fields))
    store.create(growing.record)
    payloads = [start_payload(growing.record), *map(encode_event, sample.events)]
    record, frames = growing.grow(*payloads, **_outcome(growing.record, sample))
    passage = Passage(record.session, 1, SECOND // 10, Channel.STDOUT, sample.says)
    store.append(record, frames, [passage] if sample.says else [])
    return record


def _outcome(record: SessionRecord, sample: Sample) -> dict[str, Any]:
    changes: dict[str, Any] = {"updated_at": record.updated_at + SECOND}
    for event in sample.events:
        if isinstance(event, Exit):
            changes["exit_code"] = event.code
        if isinstance(event, End):
            changes |= {"phase": Phase.COMPLETED, "ended_at": record.started_at + event.at, "how": event.how}
            changes |= {
                name: getattr(event, name) for name in ("stdin_bytes", "stdout_bytes", "stderr_bytes")
            }
            changes["findings"] = event.findings
            changes["programs"] = event.programs
        if isinstance(event, Untraced):
            changes["untraced"] = event.reason
    if sample is INTERRUPTED:
        reason = "the recorder stopped answering"
        changes |= {"phase": Phase.INTERRUPTED, "ended_at": record.started_at + SECOND, "reason": reason}
        changes["how"] = Ending.INTERRUPTED
    return changes


def change(store: Store, record: SessionRecord, **changes: Any) -> SessionRecord:
    """Store another state of a session: one more event, and these fields."""
    growing = Growing(record)
    changed, frames = growing.grow(encode_event(output(b"more\n", 5.0)), **changes)
    store.append(changed, frames, [])
    return msgspec.structs.replace(changed)


def keep_all(store: Store) -> dict[str, SessionRecord]:
    """Store one session of each kind, and one of another namespace; by the names below."""
    samples = {
        "shell": SHELL,
        "failing": FAILING,
        "hostile": HOSTILE,
        "interrupted": INTERRUPTED,
        "active": ACTIVE,
    }
    kept = {
        name: keep(store, sample, offset_ms=60_000 * index)
        for index, (name, sample) in enumerate(samples.items())
    }
    return kept | {"elsewhere": keep(store, FAILING, offset_ms=600_000, namespace="billing")}
