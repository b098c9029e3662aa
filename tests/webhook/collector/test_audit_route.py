"""Batches of audit events of honest and hostile senders at the real route, over a real store."""

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from audit_event_samples import ORIGIN, make_event, make_maker
from msgspec.structs import replace
from starlette.types import ASGIApp
from store_samples import T0

from sidecar.contract.errors import ClusterError
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import NoticeKind
from webhook.collector.audit_intake import MAX_BATCH_BYTES, judge
from webhook.collector.audit_route import AUDIT_EVENTS_PATH, AuditIntake, audit_router
from webhook.collector.changes import Changes
from webhook.collector.incidents import RECORDER_USER
from webhook.collector.proving import PodIdentity
from webhook.collector.recording import Recording
from webhook.collector.strangers import Strangers
from webhook.collector.tokens import TokenRefusedError
from webhook.collector.writer import Writer
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.lines import MAX_EVENT_BYTES, encode_event
from webhook.server.health import bare_app
from webhook.store.audit import AuditQuery
from webhook.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio
SENDERS = {
    "good": PodIdentity("chaperone-system", ORIGIN, "a-1", "chaperone-admission"),
    "recorder": PodIdentity("payments", "api-7d9c", "p-1", "default"),
    "collector": PodIdentity("chaperone-system", "chaperone-collector-1", "c-1", "chaperone-collector"),
    "elsewhere": PodIdentity("payments", ORIGIN, "p-2", "chaperone-admission"),
}


class Reviewer:
    """Knows some tokens, unless the API server is gone."""

    def __init__(self) -> None:
        self.reviews = 0
        self.gone = False

    def review(self, token: str) -> PodIdentity:
        self.reviews += 1
        if self.gone:
            raise ClusterError("the API server cannot be reached")
        if token not in SENDERS:
            raise TokenRefusedError("the token is not valid for the collector")
        return SENDERS[token]


class Desk:
    """The route, its store, and a clock."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self.store.prepare()
        self.reviewer = Reviewer()
        self.now = 0.0
        self.writer = Writer(self.store, Changes(), lambda: T0)
        self.refused: list[AuditEvent] = []
        self.strangers = Strangers(self.refused.extend, make_maker())
        intake = AuditIntake(
            Recording(self.writer),
            self.reviewer,
            namespace="chaperone-system",
            unix_ns=lambda: T0,
            monotonic=lambda: self.now,
            strangers=self.strangers,
        )
        self.app = bare_app()
        self.app.include_router(audit_router(intake))

    async def send(self, body: bytes, token: str = "good") -> tuple[int, bytes]:
        return await post(self.app, body, token)

    def events(self) -> list[AuditEvent]:
        """All that are kept but those of notices."""
        return [
            kept.event
            for kept in self.store.audit_events(AuditQuery())
            if kept.event.actor.username != RECORDER_USER
        ]

    def notices(self) -> list[tuple[str, str]]:
        kept = self.store.notices(namespace=None, since=None, limit=100)
        assert {one.notice.kind for one in kept} <= {NoticeKind.RECORD_REFUSED}
        return [(one.pod, one.notice.reason) for one in kept]


async def post(app: ASGIApp, body: bytes, token: str) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []
    chunks = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": AUDIT_EVENTS_PATH,
        "raw_path": AUDIT_EVENTS_PATH.encode(),
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "scheme": "https",
        "server": ("test", 443),
        "client": ("test", 1),
        "root_path": "",
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.writer.close()
    desk.store.close()


def batch(*events: AuditEvent) -> bytes:
    return b"\n".join(map(encode_event, events))


async def test_what_is_answered_is_stored(desk: Desk) -> None:
    events = [make_event(number) for number in range(3)]
    status, body = await desk.send(batch(*events))
    assert (status, json.loads(body)) == (200, {"refused": {}})
    assert desk.events() == events[::-1]
    assert (await desk.send(batch(*events)))[0] == 200
    assert desk.events() == events[::-1]
    assert (await desk.send(b""))[0] == 200


@pytest.mark.parametrize(
    ("token", "pod"),
    [
        ("recorder", "api-7d9c"),
        ("collector", "chaperone-collector-1"),
        ("elsewhere", ORIGIN),
    ],
)
async def test_only_the_admission_side_may_send_and_others_are_noted_once(
    desk: Desk, token: str, pod: str
) -> None:
    for _ in range(3):
        status, body = await desk.send(batch(make_event()), token)
        assert status == 403
        assert b"none of the admission side" in body
    assert desk.events() == []
    assert desk.notices() == [(pod, "audit events were sent by a pod that is none of the admission side's")]


async def test_a_stranger_is_refused_and_not_asked_what_for(desk: Desk) -> None:
    for token in ("nobody's", "", "x" * 100_000):
        status, body = await desk.send(batch(make_event()), token)
        assert status == 401
        assert token.encode() not in body or not token
    assert desk.events() == []
    assert desk.notices() == []
    await desk.strangers.tell()
    [refused] = desk.refused
    assert refused.details == {"times": "3", "from": "test"}


async def test_a_good_token_is_reviewed_once_a_minute(desk: Desk) -> None:
    for _ in range(5):
        await desk.send(batch(make_event()))
    assert desk.reviewer.reviews == 1
    desk.now = 61.0
    desk.reviewer.gone = True
    status, body = await desk.send(batch(make_event()))
    assert (status, body) == (503, b"tokens cannot be reviewed now")


async def test_events_of_another_pod_and_nonsense_are_refused_one_by_one_and_noted(desk: Desk) -> None:
    good = make_event(1)
    odd = [
        encode_event(make_event(2, origin="chaperone-admission-2")),
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        encode_event(good).replace(b'"decision"', b'"invented"'),
        encode_event(replace(good, id="../../etc/passwd")),
        encode_event(replace(good, at=-1)),
        encode_event(replace(good, at=1 << 62)),
        b'"' + b"x" * MAX_EVENT_BYTES + b'"',
        b"",
    ]
    status, body = await desk.send(b"\n".join([odd[0], encode_event(good), *odd[1:]]))
    assert status == 200
    assert set(json.loads(body)["refused"]) == {str(place) for place in range(11)} - {"1"}
    assert desk.events() == [good]
    reasons = {reason for _, reason in desk.notices()}
    assert "an audit event is of another pod than sends it" in reasons
    assert len(reasons) == 4


async def test_a_batch_without_end_is_cut_off(desk: Desk) -> None:
    status, _ = await desk.send(b"x" * (MAX_BATCH_BYTES + 70_000))
    assert status == 413
    assert desk.events() == []


async def test_what_a_sender_writes_is_kept_as_it_is_and_nothing_more(desk: Desk) -> None:
    evil = make_event(
        argv=('","kind":"record-read', "\n\r\0\x1b[2J"), actor=Identity("a\nb"), reason='"}\n{"'
    )
    assert (await desk.send(batch(evil)))[0] == 200
    assert desk.events() == [evil]


@pytest.mark.parametrize(
    "kind",
    [
        Kind.RECORD_READ,
        Kind.INCIDENT,
        Kind.CANARY,
        Kind.SESSION_FINDING,
        Kind.SESSION_KILLED,
        Kind.SESSION_LOST,
    ],
)
async def test_what_collectors_alone_make_is_not_taken_from_others(kind: Kind) -> None:
    """Above all, nobody but who has the right to it has a session ended."""
    batch = judge(encode_event(make_event(1, kind=kind)), SENDERS["good"])
    assert batch.events == []
    assert "collectors alone" in batch.refused[0]
