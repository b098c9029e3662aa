"""A session's life, told as transcripts of what happens and what is commanded."""

import signal

import pytest
from playbook import START, BrokenMasker, play

from sidecar.contract.events import Channel, Data, End, Ending, Exit, Found, Resize
from sidecar.contract.grants import Limits
from sidecar.contract.handshake import (
    ExecFailed,
    Exited,
    Resized,
    WindowSize,
    finished,
    go,
    terminate,
)
from sidecar.recording.commands import CloseSink, CloseSource, Deliver, Finish, Record, SetSize, Tell
from sidecar.recording.deadlines import SECOND
from sidecar.recording.inputs import (
    Delivered,
    Failed,
    Killed,
    Received,
    ShimGone,
    ShimSaid,
    SinkBroken,
    SourceEnded,
    SpoolFreed,
    SpoolFull,
    Stopping,
    Ticked,
)
from sidecar.recording.session import OBEDIENCE
from sidecar.recording.sources import CHATTER, LAST_DELIVERY, QUIET

IN, OUT, ERR = Channel.STDIN, Channel.STDOUT, Channel.STDERR
PAN = b"4111111111111111"
MASKED = b"411111******1111"


def test_the_record_begins_before_the_program_does() -> None:
    assert play().commands == [Record(START), Tell(go())]


def test_a_command_runs_to_its_end() -> None:
    played = (
        play(stdin=False)
        .happens(Received(1, OUT, b"hello\n"), Record(Data(1, OUT, b"hello\n")), Deliver(OUT, b"hello\n"))
        .happens(Delivered(2, OUT, 6))
        .happens(Received(3, ERR, b"oh\n"), Record(Data(3, ERR, b"oh\n")), Deliver(ERR, b"oh\n"))
        .happens(Delivered(3, ERR, 3))
        .happens(SourceEnded(4, OUT), CloseSource(OUT), CloseSink(OUT))
        .happens(ShimSaid(5, Exited(7, 0)), Record(Exit(5, 7)))
        .happens(
            SourceEnded(6, ERR),
            CloseSource(ERR),
            CloseSink(ERR),
            Record(End(6, Ending.EXITED, stdout_bytes=6, stderr_bytes=3)),
            Finish(finished()),
        )
    )
    assert played.session.over
    assert played.session.handle(Ticked(7)) == []


def test_output_is_masked_before_it_is_recorded_or_delivered() -> None:
    shown = MASKED + b"\n"
    found = Found(1, OUT, "pan", "visa", 0, 16)
    played = play().happens(
        Received(1, OUT, PAN + b"\n"), Record(Data(1, OUT, shown)), Deliver(OUT, shown), Record(found)
    )
    assert not played.session.over


@pytest.mark.parametrize("cut", range(len(PAN) + 1))
def test_a_number_cut_anywhere_is_masked_alike(cut: int) -> None:
    text = b"x " + PAN + b"\n"
    played = play().goes_on(
        Received(1, OUT, text[: 2 + cut]), Received(2, OUT, text[2 + cut :]), SourceEnded(3, OUT)
    )
    assert played.delivered(OUT) == played.recorded(OUT) == b"x " + MASKED + b"\n"


def test_input_goes_on_as_it_came_and_is_recorded_masked() -> None:
    given = PAN + b"\n"
    play().happens(
        Received(1, IN, given),
        Record(Data(1, IN, MASKED + b"\n")),
        Deliver(IN, given),
        Record(Found(1, IN, "pan", "visa", 0, 16)),
    )


def test_what_is_held_of_the_input_does_not_hold_up_the_program() -> None:
    play().happens(Received(1, IN, PAN[:8]), Record(Data(1, IN, PAN[:6])), Deliver(IN, PAN[:8]))


def test_the_end_of_input_is_passed_on_after_the_input() -> None:
    (
        play()
        .goes_on(Received(1, IN, b"last\n"))
        .happens(SourceEnded(2, IN), CloseSource(IN))
        .happens(Delivered(3, IN, 2))
        .happens(Delivered(4, IN, 3), CloseSink(IN))
    )


def test_a_program_that_takes_no_more_input() -> None:
    played = (
        play()
        .goes_on(Received(1, IN, b"more"))
        .happens(SinkBroken(2, IN), CloseSink(IN), CloseSource(IN))
        .happens(Received(3, OUT, b"done"), Record(Data(3, OUT, b"done")), Deliver(OUT, b"done"))
    )
    assert not played.session.wants(IN)


def test_a_source_is_left_alone_until_its_sink_has_taken_enough() -> None:
    played = play().goes_on(Received(1, OUT, b"x" * 200_000))
    assert not played.session.wants(OUT)
    assert played.session.wants(ERR)
    played.goes_on(Delivered(2, OUT, 150_000))
    assert played.session.wants(OUT)


def test_long_output_is_recorded_in_parts() -> None:
    played = play().goes_on(Received(1, OUT, b"x" * 600_000))
    assert [len(event.data) for event in played.events() if isinstance(event, Data)] == [
        262_144,
        262_144,
        75_712,
    ]


def test_a_missing_program_ends_with_the_exit_that_follows() -> None:
    play().happens(ShimSaid(1, ExecFailed(2))).happens(ShimSaid(2, Exited(127, 0)), Record(Exit(2, 127)))


class TestDraining:
    """Output of something the main program left behind."""

    def test_silence_ends_it(self) -> None:
        played = play(stdin=False).goes_on(ShimSaid(1, Exited(0, 0)), Received(5, OUT, b"late"))
        played.goes_on(Delivered(6, OUT, 4), Ticked(4 + QUIET))
        assert not played.session.over
        assert played.session.deadline == 1 + QUIET
        played.happens(
            Ticked(5 + QUIET),
            Record(End(5 + QUIET, Ending.EXITED, stdout_bytes=4)),
            Finish(finished()),
        )

    def test_a_client_that_does_not_take_it_is_no_silence(self) -> None:
        played = play(stdin=False).goes_on(
            Received(1, OUT, b"x" * 100_000),
            ShimSaid(2, Exited(0, 0)),
            SourceEnded(3, ERR),
            Ticked(3 * QUIET),
        )
        assert not played.session.over
        played.goes_on(Delivered(4 * QUIET, OUT, 90_000))
        assert played.session.wants(OUT)
        assert played.session.deadline == 5 * QUIET
        played.goes_on(Ticked(5 * QUIET))
        assert not played.session.over
        played.goes_on(Delivered(5 * QUIET, OUT, 10_000))
        assert played.end().stdout_bytes == 100_000

    def test_chatter_ends_once_all_is_read_that_was_there(self) -> None:
        played = play(stdin=False).goes_on(ShimSaid(0, Exited(0, 0)), SourceEnded(1, ERR))
        for step in range(1, 30):
            at = step * QUIET // 2
            played.goes_on(Received(at, OUT, b"x" * 100_000), Delivered(at, OUT, 100_000))
        assert played.end().at >= CHATTER
        assert played.end().stdout_bytes == 100_000 * (2 * CHATTER // QUIET)

    def test_what_was_held_comes_last(self) -> None:
        played = play(stdin=False).goes_on(Received(1, OUT, PAN), Delivered(2, OUT, 6))
        played.goes_on(ShimSaid(3, Exited(0, 0)), SourceEnded(4, ERR), SourceEnded(5, OUT))
        assert played.delivered(OUT) == MASKED
        assert not played.session.over
        played.goes_on(Delivered(6, OUT, 10))
        assert played.end().findings == {"pan/visa": 1}


class TestLimits:
    """Sessions ended by the limits of their grant."""

    def test_idle(self) -> None:
        reason = "nothing was typed or shown for 10 s, so this session was ended"
        played = play(limits=Limits(idle_seconds=10, total_seconds=0)).goes_on(Received(SECOND, IN, b"a"))
        assert played.session.deadline == 11 * SECOND
        played.happens(Ticked(11 * SECOND), Tell(terminate(signal.SIGTERM, reason)))
        played.goes_on(Received(12 * SECOND, OUT, b"bye"), Delivered(12 * SECOND, OUT, 3))
        played.goes_on(ShimSaid(12 * SECOND, Exited(143, 15)))
        played.goes_on(SourceEnded(12 * SECOND, OUT), SourceEnded(12 * SECOND, ERR))
        assert played.recorded(OUT) == b"bye"
        assert (played.end().how, played.end().reason) == (Ending.IDLE, reason)

    def test_total(self) -> None:
        played = play(tty=True, limits=Limits(idle_seconds=10, total_seconds=20))
        for second in range(0, 20, 5):
            played.goes_on(Received(second * SECOND, OUT, b"."), Delivered(second * SECOND, OUT, 1))
        played.happens(
            Ticked(20 * SECOND),
            Tell(terminate(signal.SIGHUP, "the limit of 20 s is reached, so this session was ended")),
        )

    def test_output(self) -> None:
        played = play(limits=Limits(idle_seconds=0, total_seconds=0, output_bytes=5))
        played.goes_on(Received(1, OUT, b"abc"), Received(2, ERR, b"def"))
        assert (played.delivered(OUT), played.delivered(ERR)) == (b"abc", b"de")
        assert not played.session.wants(OUT)
        played.goes_on(Delivered(3, OUT, 3), Delivered(3, ERR, 2), ShimSaid(4, Exited(143, 15)))
        assert played.end().how is Ending.TOO_MUCH

    def test_findings_on_all_channels_together(self) -> None:
        played = play(limits=Limits(idle_seconds=0, total_seconds=0, findings=3))
        played.goes_on(Received(1, IN, PAN + b"\n"), Received(2, OUT, PAN + b"\n"))
        assert played.session.wants(OUT)
        played.goes_on(Received(3, ERR, b"%b\n%b\n" % (PAN, PAN)))
        assert played.commands[-1] == Tell(
            terminate(
                signal.SIGTERM, "card data was found 3 times, which is the limit, so this session was ended"
            )
        )
        assert not any(played.session.wants(channel) for channel in (IN, OUT, ERR))
        played.goes_on(ShimSaid(4, Exited(143, 15)))
        for channel in (OUT, ERR):
            played.goes_on(Delivered(5, channel, len(played.delivered(channel))))
        assert played.end().how is Ending.TOO_MANY_FINDINGS
        assert sum(played.end().findings.values()) == 4

    def test_a_finding_after_the_exit_leaves_the_record_whole(self) -> None:
        played = play(stdin=False, limits=Limits(idle_seconds=0, total_seconds=0, findings=1))
        played.goes_on(Received(1, OUT, PAN), Received(1, ERR, PAN), ShimSaid(2, Exited(0, 0)))
        played.goes_on(SourceEnded(3, OUT), SourceEnded(3, ERR))
        for channel in (OUT, ERR):
            played.goes_on(Delivered(4, channel, len(played.delivered(channel))))
        assert played.end().how is Ending.EXITED
        assert [event for event in played.events() if isinstance(event, End)] == [played.end()]

    def test_output_that_is_found_too_long_only_at_the_end(self) -> None:
        limits = Limits(idle_seconds=0, total_seconds=0, output_bytes=15)
        played = play(stdin=False, limits=limits)
        played.goes_on(Received(1, OUT, PAN), Received(1, ERR, PAN), ShimSaid(2, Exited(0, 0)))
        played.goes_on(Ticked(2 + QUIET))
        assert played.end().how is Ending.TOO_MUCH
        assert [event for event in played.events() if isinstance(event, End)] == [played.end()]

    def test_a_client_that_takes_nothing_after_the_exit(self) -> None:
        played = play(stdin=False, limits=Limits(idle_seconds=10, total_seconds=0))
        played.goes_on(Received(1, OUT, b"x"), ShimSaid(2, Exited(0, 0)))
        played.goes_on(SourceEnded(3, OUT), SourceEnded(3, ERR), Ticked(11 * SECOND))
        assert played.end().how is Ending.IDLE

    def test_an_order_to_end_it(self) -> None:
        played = play(tty=True)
        played.goes_on(Received(1, OUT, b"x"), Delivered(1, OUT, 1))
        played.happens(Killed(2, "alice ended this"), Tell(terminate(signal.SIGHUP, "alice ended this")))
        played.goes_on(Killed(4, "again"))
        assert not played.session.wants(OUT)
        played.goes_on(ShimSaid(5, Exited(129, 1)))
        assert (played.end().how, played.end().reason) == (Ending.KILLED, "alice ended this")

    def test_a_shim_that_does_not_obey(self) -> None:
        played = play(limits=Limits(idle_seconds=1, total_seconds=0)).goes_on(Ticked(SECOND))
        assert played.session.deadline == SECOND + OBEDIENCE
        played.goes_on(Ticked(SECOND + OBEDIENCE))
        assert played.commands[-1] == Finish(None)
        assert played.end().how is Ending.IDLE


class TestSpool:
    """Sessions and the room that is left in the spool."""

    def test_nothing_is_read_until_there_is_room(self) -> None:
        played = play().goes_on(SpoolFull(1))
        assert not any(played.session.wants(channel) for channel in Channel)
        played.goes_on(SpoolFreed(2))
        assert all(played.session.wants(channel) for channel in Channel)

    def test_patience_ends(self) -> None:
        played = play().goes_on(SpoolFull(SECOND))
        assert played.session.deadline == 61 * SECOND
        played.goes_on(Ticked(61 * SECOND), ShimSaid(62 * SECOND, Exited(143, 15)))
        assert played.end().how is Ending.SPOOL_FULL

    def test_a_size_is_recorded_once_there_is_room(self) -> None:
        size = WindowSize(50, 132)
        (
            play(tty=True)
            .goes_on(SpoolFull(1))
            .happens(ShimSaid(2, Resized(size)), SetSize(size))
            .happens(SpoolFreed(3), Record(Resize(3, 50, 132)))
        )

    def test_waiting_for_room_is_not_idling(self) -> None:
        played = play(limits=Limits(idle_seconds=10, total_seconds=0)).goes_on(
            SpoolFull(1), Ticked(30 * SECOND)
        )
        played.goes_on(SpoolFreed(31 * SECOND))
        assert played.session.deadline == 41 * SECOND


class TestFailure:
    """A recorder that goes wrong lets nothing through."""

    def test_a_masker_fails(self) -> None:
        played = play(maskers={OUT: BrokenMasker})
        with pytest.raises(RuntimeError):
            played.goes_on(Received(1, OUT, b"secret"))

    def test_nothing_passes_afterwards(self) -> None:
        played = play(maskers={OUT: BrokenMasker}).goes_on(Received(1, ERR, PAN[:10]))
        played.goes_on(Failed(2))
        assert not any(played.session.wants(channel) for channel in Channel)
        played.goes_on(Received(3, OUT, b"secret"), Delivered(3, ERR, 6), ShimSaid(4, Exited(143, 15)))
        assert played.delivered(OUT) == b""
        assert played.delivered(ERR) == PAN[:6]
        assert played.end().how is Ending.RECORDER_FAILED

    def test_it_fails_while_it_ends(self) -> None:
        played = play().goes_on(ShimSaid(1, Exited(0, 0)), Failed(2))
        assert played.end().how is Ending.RECORDER_FAILED

    def test_it_stops(self) -> None:
        played = play().goes_on(Stopping(1))
        assert played.commands[-1] == Tell(
            terminate(signal.SIGTERM, "the recorder is stopping, so this session was ended")
        )
        played.goes_on(ShimSaid(2, Exited(143, 15)), SourceEnded(3, OUT), SourceEnded(3, ERR))
        assert played.end().how is Ending.RECORDER_STOPPED

    def test_it_stops_while_a_client_is_slow(self) -> None:
        played = play().goes_on(Received(1, OUT, b"x"), ShimSaid(2, Exited(0, 0)), Stopping(3))
        played.goes_on(Ticked(3 + LAST_DELIVERY))
        assert played.session.over


class TestClient:
    """Clients and containers that vanish."""

    def test_nobody_reads_the_output(self) -> None:
        played = play().goes_on(Received(1, OUT, b"x"), SinkBroken(2, OUT))
        assert played.commands[-1] == Tell(
            terminate(signal.SIGTERM, "the client is gone, so this session was ended")
        )
        played.goes_on(ShimSaid(3, Exited(143, 15)))
        assert played.end().how is Ending.CLIENT_GONE
        assert played.commands[-1] == Finish(finished())

    def test_nobody_reads_what_is_left_after_the_exit(self) -> None:
        played = play().goes_on(Received(1, OUT, b"x"), ShimSaid(2, Exited(0, 0)), SinkBroken(3, OUT))
        assert played.end().how is Ending.CLIENT_GONE

    def test_the_terminal_hangs_up(self) -> None:
        played = play(tty=True).goes_on(SourceEnded(1, IN), ShimSaid(2, Exited(129, 1)))
        assert played.end().how is Ending.CLIENT_GONE

    def test_the_container_is_killed(self) -> None:
        played = play().goes_on(Received(1, OUT, b"x"), Delivered(1, OUT, 1), ShimGone(2))
        assert played.session.wants(OUT)
        played.goes_on(Received(3, OUT, b"y"), Delivered(3, OUT, 1), SourceEnded(4, OUT), SourceEnded(4, ERR))
        assert played.commands[-1] == Finish(None)
        assert (played.end().how, played.end().stdout_bytes) == (Ending.CLIENT_GONE, 2)

    def test_the_container_is_killed_and_nobody_reads(self) -> None:
        played = play().goes_on(Received(1, OUT, b"x"), ShimGone(2), Ticked(2 + LAST_DELIVERY))
        assert played.session.over
