"""What a recorder sends and what it hears, over the real embedded store."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import NOW, POD, SEALED, Authority, Made

from sidecar.contract.events import (
    MAX_DATA_BYTES,
    MAX_FOUND_EVENTS,
    MAX_PROGRAM_ARGV_BYTES,
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
)
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.identifiers import session_id
from sidecar.contract.wire import (
    Acknowledged,
    Deferred,
    Frames,
    FromCollector,
    FromRecorder,
    Hello,
    Notice,
    NoticeAcknowledged,
    NoticeKind,
    Open,
    Refused,
    Welcome,
    encode,
)
from webhook.collector.changes import Stamps
from webhook.collector.folding import begin
from webhook.collector.intake import Intake
from webhook.collector.operations import perform
from webhook.collector.proving import PodIdentity, Trust
from webhook.store.contract import SEARCHED_BYTES, SEARCHED_PROGRAMS, Passage, Phase, Query, SessionRecord
from webhook.store.sqlite.store import SqliteStore

CLOCK = NOW * 10**9
OTHER_POD = PodIdentity("payments", "db-0", "11111111-8a5e-4f3c-9b1e-0d6f8c1f2a3b")


class Desk:
    """One connection and the store behind it."""

    def __init__(self, store: SqliteStore, trust: Trust, pod: PodIdentity = POD) -> None:
        self.store = store
        self.intake = Intake(pod, trust=lambda: trust, unix_ns=lambda: CLOCK)
        self._stamps = Stamps(lambda: CLOCK)

    def say(self, *messages: FromRecorder | bytes) -> list[FromCollector]:
        """Send messages that arrive together; give the answers."""
        for message in messages:
            self.intake.receive(message if isinstance(message, bytes) else encode(message))
        while operations := self.intake.take_operations():
            self.intake.apply(perform(self.store, operations, self._stamps))
        return self.intake.take_answers()

    def greet(self) -> "Desk":
        assert self.say(Hello("0.1.0", CLOCK + 5)) == [Welcome(CLOCK)]
        return self

    def open(self, made: Made) -> list[FromCollector]:
        return self.say(Open(made.session, made.token))

    def send(self, made: Made, *frames: Frame) -> list[FromCollector]:
        return self.say(Frames(made.session, frames))

    def record(self, made: Made) -> SessionRecord:
        found = self.store.session(made.session)
        assert found is not None
        return found

    def refusals(self) -> list[tuple[str, str]]:
        notices = self.store.notices(namespace=None, since=None, limit=100)
        assert all(kept.notice.kind is NoticeKind.RECORD_REFUSED for kept in notices)
        return sorted((kept.notice.session, kept.notice.reason) for kept in notices)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.db")
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def desk(store: SqliteStore, authority: Authority) -> Desk:
    return Desk(store, authority.trust).greet()


def test_a_session_is_taken_and_known_with_who_asked(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    assert desk.open(made) == [Acknowledged(made.session, 0)]
    frames = [
        made.start(),
        made.frame(Resize(1, 24, 80)),
        made.frame(Data(2, Channel.STDIN, b"ls\r")),
        made.out(b"a\r\nb\r\n", 3),
        made.frame(Found(4, Channel.STDOUT, "pan", "visa", 17, 16)),
        made.frame(Found(4, Channel.STDOUT, "pan", "visa", 40, 16)),
        made.frame(Data(5, Channel.STDERR, b"no newline")),
        made.frame(Exit(6, 7)),
        made.frame(End(7, Ending.EXITED, "bye", stdout_bytes=12345)),
    ]
    assert desk.send(made, *frames[:4]) == [Acknowledged(made.session, 4)]
    assert desk.record(made).phase is Phase.ACTIVE
    assert desk.send(made, *frames[4:]) == [Acknowledged(made.session, 9)]
    record = desk.record(made)
    assert desk.store.frames(made.session, start=0, limit=100) == frames
    assert (record.identity.username, record.decision.rule) == ("agent", "record")
    assert (record.phase, record.how, record.reason) == (Phase.COMPLETED, Ending.EXITED, "bye")
    assert (record.exit_code, record.ended_at, record.clock_skew) == (7, CLOCK + 7, 5)
    assert (record.stdin_bytes, record.stdout_bytes, record.stderr_bytes) == (3, 6, 10)
    assert (record.rows, record.cols, record.findings) == (24, 80, {"pan/visa": 2})
    assert (record.next_sequence, record.digest) == (9, frames[-1].digest)
    [hit] = desk.store.search(Query(text='"no newline"'))
    assert hit.passage is not None
    assert (hit.passage.sequence, hit.passage.at) == (6, 5)
    assert desk.refusals() == []


def test_search_sees_the_beginning_of_a_long_channel_and_all_of_the_others(
    desk: Desk, authority: Authority
) -> None:
    made = authority.session()
    desk.open(made)
    filler = b"\n" * MAX_DATA_BYTES
    desk.send(made, made.start(), made.out(b"early\n"))
    for _ in range(SEARCHED_BYTES // len(filler)):
        desk.send(made, made.out(filler))
    desk.send(made, made.out(b"late\n"), made.frame(Data(9, Channel.STDERR, b"beside\n")))
    assert [len(desk.store.search(Query(text=word))) for word in ("early", "late", "beside")] == [1, 0, 1]
    assert not desk.record(made).searchable
    assert desk.store.frames(made.session, start=0, limit=100)[-2].payload.endswith(b"late\n")


def test_messages_that_arrive_together_are_stored_together(desk: Desk, authority: Authority) -> None:
    one, two = authority.session(), authority.session()
    desk.say(Open(one.session, one.token), Open(two.session, two.token))
    messages = [Frames(made.session, (made.start(), made.out(b"x"))) for made in (one, two)]
    more = [Frames(made.session, (made.out(b"y"), made.out(b"z"))) for made in (one, two)]
    answers = desk.say(*messages, *more)
    assert sorted(answers, key=str) == sorted(
        [Acknowledged(one.session, 4), Acknowledged(two.session, 4)], key=str
    )


def test_another_connection_continues_where_the_store_stands(
    store: SqliteStore, authority: Authority, desk: Desk
) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), made.out(b"half a li"))
    later = Desk(store, authority.trust).greet()
    assert later.open(made) == [Acknowledged(made.session, 2)]
    assert later.send(made, made.out(b"ne\n"), made.end()) == [Acknowledged(made.session, 4)]
    [hit] = store.search(Query(text='"half a line"'))
    assert hit.passage is not None
    assert hit.passage.sequence == 1
    assert later.open(made) == [Acknowledged(made.session, 4)]


def test_a_session_that_was_made_without_a_frame_is_begun_again(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.store.create(begin(made.start_event(), SEALED, clock_skew=0))
    assert desk.open(made) == [Acknowledged(made.session, 0)]
    assert desk.send(made, *made.whole([b"x"])) == [Acknowledged(made.session, 4)]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_repeats_and_gaps_are_harmless(tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("store") / "store.db")
    store.prepare()
    authority = Authority()
    desk = Desk(store, authority.trust).greet()
    made = authority.session()
    frames = list(made.whole(b"line %d\n" % number for number in range(12)))
    desk.open(made)
    expected = 0
    for _ in range(draw.draw(st.integers(0, 12))):
        start = draw.draw(st.integers(0, len(frames)))
        sent = frames[start : start + draw.draw(st.integers(0, 6))]
        answers = desk.send(made, *sent)
        if start <= expected < start + len(sent):
            expected = start + len(sent)
            assert answers == [Acknowledged(made.session, expected)]
        else:
            assert answers in ([], [Acknowledged(made.session, expected)])
        if expected == len(frames):
            break
    assert store.frames(made.session, start=0, limit=100) == frames[:expected]
    assert desk.refusals() == []
    store.close()


def test_a_gap_is_asked_for_once(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    frames = list(made.whole([b"a", b"b", b"c"]))
    assert desk.send(made, *frames[:2]) == [Acknowledged(made.session, 2)]
    assert desk.send(made, *frames[3:4]) == [Acknowledged(made.session, 2)]
    assert desk.send(made, *frames[4:]) == []
    assert desk.send(made, *frames[2:]) == [Acknowledged(made.session, len(frames))]


def test_an_expired_grant_and_a_key_that_expired_since_are_fine(desk: Desk, authority: Authority) -> None:
    name = session_id(NOW * 1000, os.urandom(10))
    made = Made(name, authority.token(session=name, until=NOW + 1), POD, Chain(name))
    assert desk.open(made) == [Acknowledged(name, 0)]
    assert desk.send(made, made.start()) == [Acknowledged(name, 1)]


FORGERIES: dict[str, Callable[[Made], str]] = {
    "another root": lambda made: Authority().token(session=made.session),
    "changed": lambda made: made.token[:-6] + "AAAAAA",
    "text": lambda _: "no grant at all",
    "not ASCII": lambda _: "ü" * 10,
    "none": lambda _: "",
    "too long": lambda _: "A" * 200_000,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_grant_opens_nothing(desk: Desk, authority: Authority, forge: Callable[[Made], str]) -> None:
    made = authority.session()
    [answer] = desk.say(Open(made.session, forge(made)))
    assert isinstance(answer, Refused)
    assert desk.refusals() == [(made.session, answer.reason)]
    assert desk.send(made, made.start()) == []
    assert desk.store.session(made.session) is None


def test_a_key_certified_for_later_does_not_count(desk: Desk, authority: Authority) -> None:
    name = session_id(NOW * 1000, os.urandom(10))
    [answer] = desk.say(Open(name, authority.token(session=name, until=NOW - 1)))
    assert isinstance(answer, Refused)


def test_a_pod_cannot_write_for_another(store: SqliteStore, authority: Authority) -> None:
    desk = Desk(store, authority.trust, OTHER_POD).greet()
    made = authority.session()
    assert desk.open(made) == [Refused(made.session, "the grant is for another pod")]
    [kept] = store.notices(namespace=None, since=None, limit=10)
    assert (kept.pod, kept.pod_uid) == (OTHER_POD.pod, OTHER_POD.uid)


def test_a_grant_of_another_session_opens_nothing(desk: Desk, authority: Authority) -> None:
    one, two = authority.session(), authority.session()
    answers = desk.say(Open(one.session, two.token))
    assert answers == [Refused(one.session, "the grant is for another session")]


def test_a_second_grant_for_a_known_session_is_refused(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start())
    again = Made(made.session, authority.token(session=made.session), POD, Chain(made.session))
    assert desk.open(again) == [Refused(made.session, "the session is known under another grant")]


def test_a_missing_seal_key_only_delays(store: SqliteStore, authority: Authority) -> None:
    made = authority.session()
    without = Desk(store, Trust(authority.trust.roots, (os.urandom(32),))).greet()
    [answer] = without.open(made)
    assert isinstance(answer, Deferred)
    assert store.notices(namespace=None, since=None, limit=10) == []
    assert Desk(store, authority.trust).greet().open(made) == [Acknowledged(made.session, 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"session": "01hzzzzzzzzzzzzzzzzzzzzzzz"},
        {"pod_uid": OTHER_POD.uid},
        {"namespace": "kube-system"},
        {"pod": "other"},
        {"container": "sidecar"},
        {"tty": True},
        {"profile": "none"},
        {"grant_digest": bytes(32)},
        {"rows": -1},
        {"cols": 70_000},
        {"started_at": -1},
        {"node": "n" * 1000},
        {"argv": ("x" * 600_000,)},
        {"started_at": 1 << 62},
    ],
    ids=str,
)
def test_a_start_must_tell_what_the_grant_allows(
    desk: Desk, authority: Authority, change: dict[str, object]
) -> None:
    made = authority.session()
    desk.open(made)
    lie = made.frame(msgspec.structs.replace(made.start_event(), **change))
    [answer] = desk.send(made, lie)
    assert isinstance(answer, Refused)
    assert desk.store.session(made.session) is None
    assert desk.refusals() == [(made.session, answer.reason)]


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


def test_findings_beyond_those_recorded_one_by_one_are_counted_at_the_end(
    desk: Desk, authority: Authority
) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    few = made.frame(Found(1, Channel.STDOUT, "cvv", "", 0, 3))
    many = [made.frame(Found(1, Channel.STDOUT, "pan", "visa", 17 * n, 16)) for n in range(MAX_FOUND_EVENTS)]
    claimed = {"pan/visa": 10_000, "cvv/": 0, "track2/visa": 3}
    desk.send(made, start, few, *many, made.frame(End(2, Ending.EXITED, findings=claimed)))
    assert desk.record(made).findings == {"pan/visa": 10_000, "cvv/": 1, "track2/visa": 3}


def test_the_end_adds_no_finding_of_which_there_is_no_record(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    found = made.frame(Found(1, Channel.STDOUT, "pan", "visa", 0, 16))
    desk.send(made, start, found, made.frame(End(2, Ending.EXITED, findings={"pan/visa": 9})))
    assert desk.record(made).findings == {"pan/visa": 1}


def program(*argv: str, at: int = 1, uid: int = 0) -> Program:
    return Program(at, 12, 1, uid, "/usr/bin/psql", "/", argv or ("psql",))


def test_programs_are_counted_and_found(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    ran = [made.start(), made.frame(program("psql", "-l")), made.frame(program("pg_dump", "orders", at=5))]
    desk.send(made, *ran, made.frame(End(6, Ending.EXITED, programs=9)))
    assert (desk.record(made).programs, desk.record(made).untraced) == (2, "")
    [hit] = desk.store.search(Query(text="pg_dump orders"))
    assert hit.passage is not None
    assert (hit.passage.sequence, hit.passage.at, hit.passage.channel) == (2, 5, None)
    assert hit.passage.text == "/usr/bin/psql: pg_dump orders"


def test_programs_are_counted_as_they_are_recorded_and_some_thousands_searched(
    desk: Desk, authority: Authority
) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), *(made.frame(program()) for _ in range(SEARCHED_PROGRAMS + 1)))
    desk.send(made, made.frame(End(2, Ending.EXITED, programs=30_000)))
    assert desk.record(made).programs == SEARCHED_PROGRAMS + 1
    assert not desk.record(made).searchable
    assert len(desk.store.search(Query(text="psql", limit=10_000))) == SEARCHED_PROGRAMS


def test_a_session_that_is_not_traced_is_known_as_such(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), made.frame(Untraced(1, "ptrace fails with EPERM")), made.end())
    assert desk.record(made).untraced == "ptrace fails with EPERM"


@pytest.mark.parametrize(
    "event", [program("x" * (MAX_PROGRAM_ARGV_BYTES + 1)), program(uid=-1), Untraced(1, "x" * 600)]
)
def test_an_impossible_program_is_not_believed(desk: Desk, authority: Authority, event: Event) -> None:
    made = authority.session()
    desk.open(made)
    *_, answer = desk.send(made, made.start(), made.frame(event))
    assert isinstance(answer, Refused)
    assert "impossible value" in answer.reason


def test_kinds_of_findings_are_bounded(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    findings = [made.frame(Found(1, Channel.STDOUT, "pan", f"b{n}", 0, 1)) for n in range(300)]
    *_, answer = desk.send(made, start, *findings)
    assert answer == Refused(made.session, "the session has too many kinds of findings")
    assert len(desk.record(made).findings) == 256


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


class DiedError(Exception):
    """The collector dies."""


class MortalStore(SqliteStore):
    """Dies once, before or after a given write."""

    def __init__(self, path: Path, life: int, *, after: bool) -> None:
        super().__init__(path)
        self.life = life
        self._after = after

    def create(self, record: SessionRecord) -> SessionRecord:
        self._age(not self._after)
        kept = super().create(record)
        self._age(self._after)
        return kept

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        self._age(not self._after)
        super().append(record, frames, passages)
        self._age(self._after)

    def _age(self, counts: bool) -> None:
        self.life -= counts
        if counts and self.life == 0:
            raise DiedError


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("life", range(1, 8))
def test_dying_at_any_write_loses_and_doubles_nothing(
    tmp_path: Path, authority: Authority, life: int, after: bool
) -> None:
    store = MortalStore(tmp_path / "store.db", life, after=after)
    store.prepare()
    made = authority.session()
    frames = list(made.whole([b"one wo", b"rd and another\nli", b"ne\n", b"la", b"st"]))
    durable = 0
    while durable < len(frames):
        desk = Desk(store, authority.trust).greet()
        try:
            [answer] = desk.open(made)
            while isinstance(answer, Acknowledged) and answer.next_sequence < len(frames):
                assert answer.next_sequence >= durable
                durable = answer.next_sequence
                [answer] = desk.send(made, *frames[durable : durable + 2])
        except DiedError:
            continue
        assert answer == Acknowledged(made.session, len(frames))
        durable = len(frames)
    assert store.life <= 0 or life > 5
    assert store.frames(made.session, start=0, limit=100) == frames
    for text in ('"one word"', "another", "line", "last"):
        assert len(store.search(Query(text=text))) == 1
    assert store.notices(namespace=None, since=None, limit=10) == []
    store.close()


TEXT = st.text(max_size=20)
NUMBER = st.integers(-(1 << 63), (1 << 64) - 1)
CHANNEL = st.sampled_from(Channel)
EVENT = st.one_of(
    st.builds(Data, NUMBER | st.just(1), CHANNEL, st.binary(max_size=300)),
    st.builds(Resize, NUMBER | st.just(1), NUMBER | st.just(24), NUMBER | st.just(80)),
    st.builds(Found, st.just(1), CHANNEL, TEXT, TEXT, NUMBER | st.just(1), NUMBER | st.just(1)),
    st.builds(Exit, st.just(1), NUMBER | st.just(7), NUMBER | st.just(0)),
    st.builds(End, st.just(1), st.sampled_from(Ending), TEXT, NUMBER, NUMBER, NUMBER),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_recorder_brings_the_intake_down(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("store") / "store.db")
    store.prepare()
    authority = Authority()
    desk = Desk(store, authority.trust).greet()
    sessions = [authority.session() for _ in range(2)]
    for made in sessions:
        desk.open(made)
        desk.send(made, made.start())
    for _ in range(draw.draw(st.integers(1, 8))):
        made = draw.draw(st.sampled_from(sessions))
        honest = made.frame(draw.draw(EVENT))
        odd = Frame(draw.draw(NUMBER), draw.draw(st.binary(max_size=40)), draw.draw(st.binary(max_size=40)))
        frames = draw.draw(st.lists(st.sampled_from([honest, odd]), max_size=3))
        message = bytearray(encode(Frames(made.session, tuple(frames))))
        if draw.draw(st.booleans()):
            message[draw.draw(st.integers(0, len(message) - 1))] ^= draw.draw(st.integers(1, 255))
        for answer in desk.say(bytes(message)):
            assert isinstance(answer, Acknowledged | Refused)
    for made in sessions:
        record = desk.record(made)
        chain = Chain(made.session)
        for frame in store.frames(made.session, start=0, limit=100):
            chain.accept(frame)
        assert (chain.next_sequence, chain.digest) == (record.next_sequence, record.digest)
    store.close()
