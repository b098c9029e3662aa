"""The life of a container's own program, told as what happens and what is commanded."""

from collections.abc import Callable

import pytest
from playbook import DAY, START, BrokenMasker, loaded_engine

from sidecar.contract.events import (
    MAX_OWN_FOUND_EVENTS,
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Gap,
    Redacted,
    Resize,
    Tally,
)
from sidecar.contract.handshake import Exited, Resized, WindowSize, finished, go, input_ended
from sidecar.recording.accounts import TALLY_EVERY
from sidecar.recording.application import CONTINUED, SESSION_HOLDS, Application
from sidecar.recording.commands import (
    CloseSink,
    CloseSource,
    Command,
    Deliver,
    Finish,
    Record,
    Renew,
    SetSize,
    Tell,
)
from sidecar.recording.engines import maskers as made_for
from sidecar.recording.inputs import (
    Delivered,
    Failed,
    Input,
    Killed,
    Received,
    RecordRefused,
    ShimGone,
    ShimSaid,
    SinkBroken,
    SourceEnded,
    SpoolFreed,
    SpoolFull,
    Stopping,
    Ticked,
)
from sidecar.recording.masker import Masker
from sidecar.recording.sources import LAST_DELIVERY, QUIET, REST

IN, OUT, ERR = Channel.STDIN, Channel.STDOUT, Channel.STDERR
PAN, MASKED = b"4111111111111111", b"411111******1111"
HALF = b"4111 1122 33"


def application(
    *,
    tty: bool = False,
    stdin: bool = False,
    resumed: bool = False,
    content: bool = False,
    maskers: dict[Channel, Callable[[], Masker]] | None = None,
) -> Application:
    channels = [IN, OUT] if tty else [IN, OUT, ERR] if stdin else [OUT, ERR]
    made = {**made_for(loaded_engine(), channels, tty=tty), **(maskers or {})}
    one = Application(tty=tty, resumed=resumed, content=content, session_lasts=DAY, maskers=made)
    assert one.start(START) == [Record(START), Tell(go())]
    return one


def ends(*channels: Channel) -> list[Input]:
    return [SourceEnded(5, channel) for channel in channels]


def happens(one: Application, *happened: Input) -> list[Command]:
    """Give what is commanded, but for what is recorded."""
    commands = [command for input_ in happened for command in one.handle(input_)]
    return [command for command in commands if not isinstance(command, Record)]


def recorded(one: Application, *happened: Input) -> list[Event]:
    commands = [command for input_ in happened for command in one.handle(input_)]
    return [command.event for command in commands if isinstance(command, Record)]


def test_output_is_masked_and_recorded_is_only_what_was_found() -> None:
    one = application(stdin=True)
    assert one.handle(Received(1, OUT, PAN + b"\n")) == [
        Deliver(OUT, MASKED + b"\n"),
        Record(Found(1, OUT, "pan", "visa", 0, 16)),
    ]
    assert recorded(one, Received(2, IN, PAN)) == []
    assert recorded(one, ShimSaid(3, Exited(4, 0)), *ends(OUT, ERR), Delivered(6, OUT, 17)) == [
        Exit(3, 4),
        End(6, Ending.EXITED, stdin_bytes=16, stdout_bytes=17, findings={"pan/visa": 1}),
    ]


def test_so_many_findings_are_recorded_one_by_one_and_then_counted() -> None:
    one = application()
    lines = (PAN + b"\n") * (MAX_OWN_FOUND_EVENTS + 5)
    found = recorded(one, Received(1, OUT, lines))
    assert found == [event for event in found if isinstance(event, Found)]
    assert len(found) == MAX_OWN_FOUND_EVENTS
    assert one.deadline == 1 + TALLY_EVERY
    assert recorded(one, Ticked(TALLY_EVERY)) == []
    counts = {"pan/visa": MAX_OWN_FOUND_EVENTS + 5}
    assert recorded(one, Ticked(1 + TALLY_EVERY)) == [
        Tally(1 + TALLY_EVERY, stdout_bytes=len(lines), findings=counts)
    ]
    assert one.deadline == DAY


def test_a_program_that_runs_on_gets_another_session() -> None:
    one = application(tty=True, content=True)
    happens(one, ShimSaid(1, Resized(WindowSize(30, 100))), Received(2, OUT, PAN[:9]), Delivered(2, OUT, 6))
    assert one.handle(Ticked(DAY)) == [
        Renew(End(DAY, Ending.CONTINUED, CONTINUED, stdout_bytes=6), WindowSize(30, 100))
    ]
    assert one.deadline == DAY
    rest = MASKED[6:] + b"\r\n"
    assert one.handle(Received(1, OUT, PAN[9:] + b"\r\n")) == [
        Record(Data(1, OUT, rest)),
        Deliver(OUT, rest),
        Record(Found(1, OUT, "pan", "visa", 0, 16)),
    ]
    assert one.handle(Received(2, OUT, PAN + b"\r\n"))[-1] == Record(Found(2, OUT, "pan", "visa", 12, 16))


def test_so_does_one_that_shows_much_with_content() -> None:
    one = application(content=True)
    text = b"a line\n" * (SESSION_HOLDS // 7 + 1)
    [end] = [command.end for command in one.handle(Received(1, OUT, text)) if isinstance(command, Renew)]
    assert end.stdout_bytes == len(text)
    assert one.handle(Delivered(2, OUT, len(text))) == []
    silent = application()
    assert not any(isinstance(command, Renew) for command in silent.handle(Received(1, OUT, text)))


def test_with_content_both_directions_are_recorded_before_they_are_delivered() -> None:
    one = application(stdin=True, content=True)
    assert one.handle(Received(1, IN, b"in\n")) == [Record(Data(1, IN, b"in\n")), Deliver(IN, b"in\n")]
    assert one.handle(Received(2, OUT, PAN + b"\n"))[:2] == [
        Record(Data(2, OUT, MASKED + b"\n")),
        Deliver(OUT, MASKED + b"\n"),
    ]
    typed = recorded(one, Received(3, IN, PAN + b"\n"))
    assert b"".join(event.data for event in typed if isinstance(event, Data)) == MASKED + b"\n"


def test_the_rest_of_a_number_that_was_typed_before_is_not_recorded() -> None:
    one = application(stdin=True, content=True, resumed=True)
    assert one.handle(Received(1, IN, b"111111111")) == [
        Record(Data(1, IN, b"*********")),
        Deliver(IN, b"111111111"),
    ]
    assert recorded(one, Received(2, IN, b"\nls 12\n")) == [Data(2, IN, b"\nls 12\n")]


def test_what_is_typed_unseen_is_not_recorded() -> None:
    one = application(tty=True, content=True)
    assert one.handle(Received(1, IN, b"sec", unseen=True)) == [Record(Redacted(1)), Deliver(IN, b"sec")]
    assert one.handle(Received(2, IN, b"ret\r", unseen=True)) == [Deliver(IN, b"ret\r")]
    assert recorded(one, ShimSaid(3, Resized(WindowSize(30, 100)))) == [Resize(3, 30, 100)]
    assert recorded(one, ShimSaid(4, Resized(WindowSize(30, 100)))) == []


def test_with_content_it_waits_while_there_is_no_room() -> None:
    one = application(tty=True, content=True)
    happens(one, SpoolFull(1), ShimSaid(2, Resized(WindowSize(30, 100))))
    assert one.blocked
    assert not one.wants(IN)
    assert not one.wants(OUT)
    assert recorded(one, SpoolFreed(9)) == [Resize(9, 30, 100)]
    assert one.wants(IN)
    assert one.wants(OUT)
    assert not one.over


@pytest.mark.parametrize("content", [False, True])
def test_a_record_that_is_not_believed_stops_what_depends_on_it(content: bool) -> None:
    one = application(content=content)
    happens(one, RecordRefused(1), SpoolFreed(2))
    assert one.wants(OUT) is not content
    assert not one.over


def test_without_content_nothing_waits_for_room() -> None:
    one = application()
    happens(one, SpoolFull(1))
    assert one.wants(OUT)


@pytest.mark.parametrize(
    ("why", "how"),
    [
        (Stopping(2), Ending.RECORDER_STOPPED),
        (Failed(2), Ending.RECORDER_FAILED),
        (ShimGone(2), Ending.CLIENT_GONE),
    ],
)
def test_the_record_says_how_it_ends(why: Input, how: Ending) -> None:
    end = recorded(application(), why, *ends(OUT, ERR))[-1]
    assert isinstance(end, End)
    assert end.how is how


def test_it_ends_once_all_is_delivered() -> None:
    one = application()
    happens(one, Received(1, OUT, b"x\n"), ShimSaid(2, Exited(3, 0)))
    assert happens(one, *ends(OUT, ERR)) == [CloseSource(OUT), CloseSource(ERR), CloseSink(ERR)]
    assert happens(one, Delivered(6, OUT, 2)) == [CloseSink(OUT), Finish(finished())]
    assert one.over


def test_what_stays_open_is_awaited_no_longer_than_it_is_silent() -> None:
    one = application()
    happens(one, ShimSaid(2, Exited(3, 0)))
    assert one.deadline == 2 + QUIET
    assert happens(one, Ticked(2 + QUIET)) == [Finish(finished())]


def test_the_shim_hears_when_there_is_no_more_input() -> None:
    one = application(stdin=True)
    assert happens(one, Received(1, IN, b"in")) == [Deliver(IN, b"in")]
    assert happens(one, SourceEnded(2, IN)) == [CloseSource(IN)]
    assert happens(one, Delivered(3, IN, 2)) == [CloseSink(IN), Tell(input_ended())]


def test_the_shim_hears_when_nobody_reads_input() -> None:
    one = application(stdin=True)
    assert happens(one, SinkBroken(1, IN)) == [CloseSink(IN), CloseSource(IN), Tell(input_ended())]
    assert not one.wants(IN)


def test_a_program_goes_on_where_nobody_takes_its_output() -> None:
    one = application()
    assert happens(one, SinkBroken(1, OUT)) == [CloseSink(OUT)]
    assert happens(one, Received(2, OUT, b"x\n"), SinkBroken(3, OUT)) == []
    assert one.wants(OUT)
    assert not one.over


@pytest.mark.parametrize("why", [Stopping(2), Failed(2)])
def test_half_a_number_is_not_shown_when_the_recorder_goes(why: Input) -> None:
    one = application()
    assert happens(one, Received(1, OUT, HALF), Delivered(1, OUT, 7)) == [Deliver(OUT, b"4111 11")]
    assert happens(one, why) == [Finish(None)]


def test_a_recorder_that_stops_delivers_what_is_masked() -> None:
    one = application()
    happens(one, Received(1, OUT, b"x\n"))
    assert happens(one, Stopping(2)) == []
    assert not one.wants(OUT)
    assert happens(one, Delivered(3, OUT, 2)) == [Finish(None)]


def test_a_recorder_that_stops_waits_for_nobody_for_long() -> None:
    one = application()
    happens(one, Received(1, OUT, b"x\n"), Stopping(2))
    assert one.deadline == 2 + LAST_DELIVERY
    assert happens(one, Ticked(2 + LAST_DELIVERY)) == [Finish(None)]


def test_an_end_that_was_told_is_answered_though_the_recorder_stops() -> None:
    one = application()
    happens(one, ShimSaid(1, Exited(0, 0)), Stopping(2))
    assert happens(one, *ends(OUT, ERR))[-1] == Finish(finished())


def test_nobody_is_answered_once_the_shim_is_gone() -> None:
    one = application()
    happens(one, ShimGone(1))
    assert happens(one, *ends(OUT, ERR))[-1] == Finish(None)
    assert happens(one, Received(9, OUT, b"late")) == []


def test_nothing_but_its_own_end_ends_it() -> None:
    one = application()
    assert happens(one, Killed(1, "somebody ordered it"), Ticked(DAY - 1)) == []
    assert one.deadline == DAY
    assert not one.over


def test_a_terminal_rests_while_no_program_holds_it_open() -> None:
    one = application(tty=True)
    assert happens(one, SourceEnded(1, OUT)) == []
    assert not one.wants(OUT)
    assert one.deadline == 1 + REST
    happens(one, Ticked(1 + REST))
    assert one.wants(OUT)
    size = WindowSize(30, 100)
    assert happens(one, ShimSaid(2, Resized(size))) == [SetSize(size)]
    assert happens(one, SourceEnded(3, IN)) == [CloseSource(IN)]


def test_what_another_recorder_began_is_left_out() -> None:
    one = application(resumed=True)
    given = happens(one, Received(1, OUT, b"1111 1111\nnext " + PAN + b"\n"))
    (deliver,) = given
    assert isinstance(deliver, Deliver)
    assert deliver.data == (
        b"\nchaperone: output is missing here: the recorder was restarted\n**** " + MASKED + b"\n"
    )


def test_the_record_says_where_output_is_missing() -> None:
    one = application(resumed=True)
    assert recorded(one, Received(1, OUT, b"1111 ")) == []
    assert recorded(one, Received(2, OUT, b"1111\nnext\n")) == [Gap(2, OUT, 9)]
    late = 4 + LAST_DELIVERY
    assert recorded(one, Received(3, ERR, b"the rest"), Stopping(4), Ticked(late))[0] == Gap(late, ERR, 8)


def test_errors_of_a_masker_are_raised() -> None:
    with pytest.raises(RuntimeError):
        happens(application(maskers={OUT: BrokenMasker}), Received(1, OUT, b"x"))
