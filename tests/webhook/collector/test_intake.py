"""What an honest recorder sends and hears, over the real embedded store."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_desk import CLOCK, Desk
from recorded import SEALED, Authority

from sidecar.contract.events import (
    MAX_DATA_BYTES,
    Channel,
    Data,
    End,
    Ending,
    Exit,
    Found,
    Resize,
)
from sidecar.contract.wire import (
    Acknowledged,
    Frames,
    Open,
)
from webhook.collector.folding import begin
from webhook.store.contract import SEARCHED_BYTES, Phase, Query
from webhook.store.sqlite.store import SqliteStore


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
