"""Recorders that lie are refused, and it is recorded."""

from collections.abc import Callable

import pytest
from intake_desk import CLOCK, Desk
from recorded import POD, Authority, Made

from sidecar.contract.events import (
    Channel,
    End,
    Ending,
    Exit,
    Found,
    Program,
    Resize,
    Untraced,
)
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.identifiers import session_id
from sidecar.contract.wire import (
    Acknowledged,
    Frames,
    Hello,
    Notice,
    NoticeAcknowledged,
    NoticeKind,
    Open,
    Refused,
    Welcome,
    encode,
)
from webhook.store.contract import Phase
from webhook.store.sqlite.store import SqliteStore


def broken_hash(made: Made) -> Frame:
    frame = made.out(b"x")
    return Frame(frame.sequence, bytes(32), frame.payload)


def changed_payload(made: Made) -> Frame:
    frame = made.out(b"x")
    return Frame(frame.sequence, frame.digest, frame.payload.replace(b"x", b"y"))


def foreign_chain(made: Made) -> Frame:
    return Chain("01hzzzzzzzzzzzzzzzzzzzzzzz", sequence=2).append(made.out(b"x").payload)


def rewound(made: Made) -> Frame:
    return Chain(made.session).append(b"another first frame")


LIES: dict[str, Callable[[Made], Frame]] = {
    "broken hash": broken_hash,
    "changed payload": changed_payload,
    "another session's chain": foreign_chain,
    "rewound sequence": rewound,
    "second start": Made.start,
    "no event": lambda made: made.chain.append(b"no event"),
    "nothing": lambda made: made.chain.append(b""),
    "not UTF-8": lambda made: made.chain.append(b"\x82\xa4type\xa3end\xa2at\x01\xa3how\xa1\xff"),
    "too much data": lambda made: made.out(bytes(256 * 1024 + 1)),
    "before the start": lambda made: made.out(b"", -1),
    "far future": lambda made: made.out(b"", 1 << 62),
    "negative size": lambda made: made.frame(Resize(1, -1, 80)),
    "impossible code": lambda made: made.frame(Exit(1, 256)),
    "long rule": lambda made: made.frame(Found(1, Channel.STDOUT, "r" * 600, "b", 0, 0)),
    "control characters in a rule": lambda made: made.frame(
        Found(1, Channel.STDOUT, "pan\x1b[2J", "visa", 0, 0)
    ),
    "control characters in a reason": lambda made: made.frame(Untraced(1, "no ptrace\x1b]0;root@prod\x07")),
    "a line in an approval": lambda made: made.frame(
        Program(1, 2, 1, 0, "/bin/ls", "/", ("ls",), approvals=("exec-1\nforged",))
    ),
    "a turned rule": lambda made: made.frame(
        Program(1, 2, 1, 0, "/bin/ls", "/", ("ls",), denied="pci/\u202egnp")
    ),
    "a line in a count": lambda made: made.frame(End(1, Ending.EXITED, findings={"pan\nforged": 1})),
    "long reason": lambda made: made.frame(End(1, Ending.EXITED, "r" * 70_000)),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_frame_that_is_not_believed_ends_the_record(
    desk: Desk, authority: Authority, lie: Callable[[Made], Frame]
) -> None:
    made = authority.session()
    desk.open(made)
    good = [made.start(), made.out(b"true\n")]
    desk.send(made, *good)
    *_, answer = desk.send(made, lie(made))
    assert isinstance(answer, Refused)
    record = desk.record(made)
    assert (record.phase, record.reason, record.next_sequence) == (Phase.INTERRUPTED, answer.reason, 2)
    assert desk.store.frames(made.session, start=0, limit=10) == good
    assert desk.refusals() == [(made.session, answer.reason)]
    assert desk.send(made, made.out(b"more")) == []


def test_what_came_before_a_lie_in_the_same_message_is_kept(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    good = [made.start(), made.out(b"true\n")]
    acknowledged, refused = desk.send(made, *good, broken_hash(made))
    assert acknowledged == Acknowledged(made.session, 2)
    assert isinstance(refused, Refused)
    assert desk.store.frames(made.session, start=0, limit=10) == good


def test_frames_after_the_end_are_refused(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    assert desk.send(made, made.start(), made.end()) == [Acknowledged(made.session, 2)]
    *_, answer = desk.send(made, made.out(b"more"))
    assert isinstance(answer, Refused)
    assert desk.record(made).phase is Phase.COMPLETED


@pytest.mark.parametrize(
    "message",
    [
        b"garbage",
        b"",
        b"\x82\xa4type\xa4open\xa7session\xa1\xff",
        encode(Hello("0.1.0", CLOCK)),
        encode(Welcome(1)),
        encode(Open("../../etc/passwd", "grant")),
        encode(Frames("a forged\nline", ())),
        encode(Notice("not an id", 1, NoticeKind.GRANT_REFUSED)),
        encode(Notice("01hzzzzzzzzzzzzzzzzzzzzzzz", -1, NoticeKind.GRANT_REFUSED)),
        encode(Notice("01hzzzzzzzzzzzzzzzzzzzzzzz", 1, NoticeKind.GRANT_REFUSED, reason="r" * 200_000)),
        bytes(1024 * 1024 + 1),
    ],
)
def test_breaking_the_protocol_ends_the_connection_and_is_noted(desk: Desk, message: bytes) -> None:
    assert desk.say(message) == []
    assert desk.intake.violation is not None
    assert desk.refusals() == [("", desk.intake.violation.reason)]
    assert desk.say(Hello("0.1.0", CLOCK)) == []


def test_hello_comes_first(store: SqliteStore, authority: Authority) -> None:
    desk = Desk(store, authority.trust)
    made = authority.session()
    assert desk.open(made) == []
    assert desk.intake.violation is not None


def test_frames_need_an_open_session(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    assert desk.send(made, made.start()) == [
        Refused(made.session, "frames came for a session that is not open")
    ]


def test_notices_are_kept_with_the_proven_pod(desk: Desk) -> None:
    notice = Notice(session_id(5, bytes(10)), 7, NoticeKind.GRANT_REPLAYED, "api", "s", "used", ("sh",))
    assert desk.say(notice, notice) == [NoticeAcknowledged(notice.id)] * 2
    [kept] = desk.store.notices(namespace="payments", since=None, limit=10)
    assert kept.notice == notice
    assert (kept.pod_uid, kept.received_at) == (POD.uid, CLOCK)


def test_one_lie_repeated_is_one_notice(store: SqliteStore, authority: Authority) -> None:
    for _ in range(5):
        Desk(store, authority.trust).greet().say(b"garbage")
    assert len(store.notices(namespace=None, since=None, limit=10)) == 1


def test_a_retired_connection_takes_and_asks_nothing(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    desk.intake.receive(encode(Frames(made.session, (made.start(),))))
    desk.intake.retire()
    assert desk.send(made, made.out(b"x")) == []
    assert desk.store.session(made.session) is None
