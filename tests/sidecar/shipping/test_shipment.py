"""What the shipper sends and what answers make it do, as transcripts over a real spool."""

from pathlib import Path

import pytest
from recorded import Authority, Made

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from sidecar.contract.wire import (
    Acknowledged,
    ApprovalDecided,
    ApprovalWanted,
    Deferred,
    Frames,
    FromCollector,
    FromRecorder,
    Kill,
    Notice,
    NoticeAcknowledged,
    NoticeKind,
    Open,
    Refused,
    Welcome,
)
from sidecar.shipping.journey import DEFERRED_SECONDS
from sidecar.shipping.layout import SESSIONS, kill_order, wanted_approval
from sidecar.shipping.notices import NoticeSpool
from sidecar.shipping.quarantine import QUARANTINE_BYTES, anything_to_ship
from sidecar.shipping.recovery import recover
from sidecar.shipping.shipment import WINDOW_BYTES, Shipment, Surroundings
from sidecar.shipping.spool import SpoolWriter


class Line:
    """A connection without a network."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 0.0
        self.logged: list[str] = []
        around = Surroundings(
            monotonic=lambda: self.now,
            sleep=lambda _: None,
            unix_ns=lambda: 1,
            randomness=bytes,
            log=self.logged.append,
        )
        self.shipment = Shipment(root, around)

    def sent(self) -> list[FromRecorder]:
        messages = list(self.shipment.outgoing())
        self.shipment.sweep()
        return messages

    def hear(self, *answers: FromCollector) -> None:
        for answer in answers:
            self.shipment.receive(answer)

    def left(self) -> list[str]:
        return sorted(path.name for path in (self.root / SESSIONS).iterdir())


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


@pytest.fixture
def made() -> Made:
    return Authority().session()


def begin(line: Line, made: Made) -> tuple[SpoolWriter, Frame]:
    """Spool a session's start and have it opened."""
    writer, first = made.spool(line.root), made.start()
    writer.append(first)
    assert line.sent() == [Open(made.session, made.token)]
    return writer, first


def test_a_session_goes_from_open_to_removed(line: Line, made: Made) -> None:
    assert line.sent() == []
    assert line.shipment.settled
    writer, first = begin(line, made)
    assert not line.shipment.settled
    assert line.sent() == []
    line.hear(Acknowledged(made.session, 0))
    assert line.sent() == [Frames(made.session, (first,))]
    assert line.sent() == []
    second, third = made.out(b"x"), made.end()
    writer.append(second)
    writer.append(third)
    assert line.sent() == [Frames(made.session, (second, third))]
    line.hear(Acknowledged(made.session, 1))
    assert line.shipment.awaiting
    line.hear(Acknowledged(made.session, 3))
    assert line.sent() == []
    assert line.shipment.settled
    assert line.left() == [made.session]
    writer.close(ended=True)
    assert line.sent() == []
    assert line.left() == []
    assert not anything_to_ship(line.root)


def test_what_the_collector_has_is_not_sent_again(line: Line, made: Made) -> None:
    writer, _ = begin(line, made)
    second = made.out(b"x")
    writer.append(second)
    line.hear(Acknowledged(made.session, 1))
    assert line.sent() == [Frames(made.session, (second,))]


def test_a_repeated_acknowledgement_asks_again(line: Line, made: Made) -> None:
    writer, first = begin(line, made)
    line.hear(Acknowledged(made.session, 0))
    second = made.out(b"x")
    assert line.sent() == [Frames(made.session, (first,))]
    writer.append(second)
    assert line.sent() == [Frames(made.session, (second,))]
    line.hear(Acknowledged(made.session, 0))
    assert line.sent() == [Frames(made.session, (first, second))]


def test_an_acknowledgement_cannot_be_taken_back(line: Line, made: Made) -> None:
    begin(line, made)
    line.hear(Acknowledged(made.session, 1))
    with pytest.raises(CallerError, match="taken back"):
        line.hear(Acknowledged(made.session, 0))


def test_the_window_holds_back_and_sessions_take_turns(line: Line) -> None:
    authority = Authority()
    large, small = sorted((authority.session() for _ in range(2)), key=lambda made: made.session)
    for made, pieces in ((large, [bytes(200_000)] * 60), (small, [b"x"] * 3)):
        writer = made.spool(line.root)
        for frame in made.whole(pieces):
            writer.append(frame)
    assert len(line.sent()) == 2
    line.hear(Acknowledged(large.session, 0), Acknowledged(small.session, 0))
    messages = [message for message in line.sent() if isinstance(message, Frames)]
    assert [message.session for message in messages[:3]] == [large.session, small.session, large.session]
    sizes = [sum(len(frame.payload) for frame in message.frames) for message in messages]
    assert WINDOW_BYTES <= sum(sizes) < WINDOW_BYTES + max(sizes)
    assert line.shipment.full
    assert line.sent() == []
    line.hear(Acknowledged(large.session, messages[0].frames[-1].sequence + 1))
    assert [message.session for message in line.sent() if isinstance(message, Frames)] == [large.session]


def test_a_refused_session_is_set_apart_and_its_writer_told(line: Line, made: Made) -> None:
    writer, _ = begin(line, made)
    assert not writer.refused()
    line.hear(Refused(made.session, "the grant is for another pod"))
    assert writer.refused()
    assert line.sent() == []
    assert line.shipment.settled
    assert line.left() == [made.session]
    assert not anything_to_ship(line.root)
    assert "refuses" in line.logged[0]


def test_refused_records_are_bounded(line: Line) -> None:
    authority = Authority()
    pieces = [bytes(200_000)] * 8
    for _ in range(5):
        made = authority.session()
        writer = made.spool(line.root)
        for frame in made.whole(pieces):
            writer.append(frame)
        writer.close(ended=True)
        line.sent()
        line.hear(Refused(made.session, "no"))
    assert len(line.left()) == QUARANTINE_BYTES // (8 * 200_000)


def test_a_deferred_session_waits_while_others_go_on(line: Line, made: Made) -> None:
    begin(line, made)
    line.hear(Deferred(made.session, "a key is missing"))
    assert line.sent() == []
    assert not line.shipment.settled
    assert not line.shipment.awaiting
    line.now += DEFERRED_SECONDS
    assert line.sent() == [Open(made.session, made.token)]


def test_forgotten_frames_are_told_and_the_rest_set_apart(line: Line, made: Made) -> None:
    writer = made.spool(line.root)
    for frame in made.whole([bytes(200_000)] * 5):
        writer.append(frame)
    min((line.root / SESSIONS / made.session).glob("*.frames")).unlink()
    line.sent()
    line.hear(Acknowledged(made.session, 0))
    [notice] = line.sent()
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.session) == (NoticeKind.RECORD_GAP, made.session)
    assert writer.refused()


def test_notices_are_sent_once_and_forgotten_when_durable(line: Line) -> None:
    notice = Notice("01hzzzzzzzzzzzzzzzzzzzzzzz", 1, NoticeKind.GRANT_REFUSED)
    NoticeSpool(line.root).add(notice)
    assert line.sent() == [notice]
    assert line.sent() == []
    assert line.shipment.awaiting
    line.hear(NoticeAcknowledged(notice.id))
    assert line.shipment.settled
    assert NoticeSpool(line.root).names() == []


def test_an_interrupted_session_is_completed_by_recovery(line: Line, made: Made) -> None:
    writer, first = begin(line, made)
    writer.close(ended=False)
    line.hear(Acknowledged(made.session, 0))
    assert line.sent() == [Frames(made.session, (first,))]
    line.hear(Acknowledged(made.session, 1))
    [abandoned] = recover(line.root)
    end = made.end()
    abandoned.writer.append(end)
    abandoned.writer.close(ended=True)
    assert line.sent() == [Frames(made.session, (end,))]
    line.hear(Acknowledged(made.session, 2))
    assert line.sent() == []
    assert line.left() == []


def test_strange_answers(line: Line) -> None:
    line.hear(Acknowledged("unknown", 5), Refused("unknown", "why"), Deferred("unknown", "why"))
    line.hear(NoticeAcknowledged("unknown"))
    with pytest.raises(CallerError):
        line.hear(Welcome(1))


def test_an_order_to_end_a_session_is_left_for_its_process(line: Line, made: Made) -> None:
    writer, _ = begin(line, made)
    assert line.shipment.live
    assert writer.kill_order() is None
    line.hear(Kill(made.session, "alice ended this"), Kill("unknown", "whatever"))
    assert writer.kill_order() == "alice ended this"
    writer.append(made.end())
    writer.close(ended=True)
    assert not line.shipment.live
    line.hear(Kill(made.session, "alice ended this again"))
    assert kill_order(line.root / SESSIONS / made.session) == "alice ended this again"


def test_for_a_session_whose_end_nobody_orders_no_connection_stays(line: Line, made: Made) -> None:
    writer, _ = begin(line, made)
    assert line.shipment.live
    writer.be_quiet()
    assert not line.shipment.live


def test_an_approval_is_wanted_on_every_connection_until_it_is_decided(line: Line, made: Made) -> None:
    writer, first = begin(line, made)
    wanted = ApprovalWanted(made.session, 1, 1, "payments/ask", "/bin/rm", ("rm",))
    writer.want_approval(wanted)
    assert line.sent() == []
    line.hear(Acknowledged(made.session, 0))
    assert line.sent() == [Frames(made.session, (first,)), wanted]
    line.hear(Acknowledged(made.session, 1))
    assert line.sent() == []
    again = Line(line.root)
    assert again.sent() == [Open(made.session, made.token)]
    again.hear(Acknowledged(made.session, 1))
    assert again.sent() == [wanted]
    again.hear(ApprovalDecided(made.session, wanted.approval, approved=True))
    assert writer.take_decision() == ApprovalDecided(made.session, wanted.approval, approved=True)
    assert writer.take_decision() is None
    assert wanted_approval(line.root / SESSIONS / made.session) is None
    second = ApprovalWanted(made.session, 1, 2, "payments/other", "/bin/rm", ("rm",))
    writer.want_approval(second)
    assert again.sent() == [second]


def test_a_decision_for_a_session_that_is_gone_is_not_minded(line: Line, made: Made) -> None:
    line.hear(ApprovalDecided(made.session, "program-x-1-1", approved=True))
    assert line.logged == []
