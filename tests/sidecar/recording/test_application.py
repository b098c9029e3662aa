"""The life of a container's own program, told as what happens and what is commanded."""

from collections.abc import Callable

import pytest
from playbook import BrokenMasker, loaded_engine

from sidecar.contract.events import Channel
from sidecar.contract.handshake import Exited, Resized, WindowSize, finished, go, input_ended
from sidecar.recording.application import Application
from sidecar.recording.commands import CloseSink, CloseSource, Command, Deliver, Finish, SetSize, Tell
from sidecar.recording.engines import maskers as made_for
from sidecar.recording.inputs import (
    Delivered,
    Failed,
    Input,
    Killed,
    Received,
    ShimGone,
    ShimSaid,
    SinkBroken,
    SourceEnded,
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
    maskers: dict[Channel, Callable[[], Masker]] | None = None,
) -> Application:
    channels = [IN, OUT] if tty else [IN, OUT, ERR] if stdin else [OUT, ERR]
    made = {**made_for(loaded_engine(), channels, tty=tty), **(maskers or {})}
    one = Application(tty=tty, columns=80, resumed=resumed, maskers=made)
    assert one.start() == [Tell(go())]
    return one


def ends(*channels: Channel) -> list[Input]:
    return [SourceEnded(5, channel) for channel in channels]


def happens(one: Application, *happened: Input) -> list[Command]:
    return [command for input_ in happened for command in one.handle(input_)]


def test_output_is_masked_and_nothing_is_recorded() -> None:
    assert happens(application(), Received(1, OUT, PAN + b"\n")) == [Deliver(OUT, MASKED + b"\n")]


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
    assert happens(one, Killed(1, "somebody ordered it"), Ticked(10**18)) == []
    assert one.deadline is None
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
        b"\nchaperone: output is missing here: the recorder was restarted\nnext " + MASKED + b"\n"
    )


def test_errors_of_a_masker_are_raised() -> None:
    with pytest.raises(RuntimeError):
        happens(application(maskers={OUT: BrokenMasker}), Received(1, OUT, b"x"))
