"""Sessions at a terminal: what is edited and what runs over the end of a row is masked as it is read.

And it has a size, and is open as long as its program is.
"""

import pytest
from playbook import START, play

from sidecar.contract.events import MAX_FOUND_EVENTS, Channel, Ending, Found, Redacted, Resize
from sidecar.contract.handshake import Exited, Resized, WindowSize
from sidecar.recording.commands import Deliver, Record, SetSize
from sidecar.recording.inputs import Delivered, Received, ShimSaid, SinkBroken, SourceEnded, Ticked
from sidecar.recording.sources import REST

IN, OUT = Channel.STDIN, Channel.STDOUT
PAN = b"4111111111111111"


def test_what_is_typed_wrong_and_erased() -> None:
    played = play(tty=True)
    played.goes_on(Received(1, IN, b"411111112\x7f11111111\r"))
    played.goes_on(Received(2, OUT, b"411111112\b \b11111111\r\n$ "))
    assert played.delivered(IN) == b"411111112\x7f11111111\r"
    assert played.recorded(OUT) == b"411111***\b \b****1111\r\n$ "
    played.goes_on(Delivered(3, OUT, 24), ShimSaid(4, Exited(0, 0)), SourceEnded(5, OUT))
    assert played.recorded(IN) == b"411111***\x7f****1111\r"
    assert played.end().findings == {"pan/visa": 2}


@pytest.mark.parametrize("columns", [START.cols, 100])
def test_the_end_of_a_row_is_where_the_size_says(columns: int) -> None:
    played = play(tty=True)
    if columns != START.cols:
        played.goes_on(ShimSaid(1, Resized(WindowSize(24, columns))))
    row = b"x" * (columns - 10) + PAN[:10]
    played.goes_on(Received(2, OUT, row + b"\r\n" + PAN[10:] + b"\r\n$"))
    assert played.recorded(OUT) == row[:-4] + b"****\r\n**1111\r\n$"


def test_without_a_terminal_a_backspace_is_a_byte() -> None:
    played = play().goes_on(Received(1, OUT, b"411111112\b \b11111111\n"))
    assert played.recorded(OUT) == b"411111112\b \b11111111\n"


def test_the_end_counts_what_is_not_recorded_one_by_one() -> None:
    played = play(tty=True).goes_on(Received(1, OUT, (PAN + b"\r\n") * 5000))
    size = len(played.delivered(OUT))
    played.goes_on(Delivered(2, OUT, size), ShimSaid(3, Exited(0, 0)), SourceEnded(4, OUT))
    assert sum(isinstance(event, Found) for event in played.events()) == MAX_FOUND_EVENTS
    assert played.end().findings == {"pan/visa": 5000}


def test_what_is_typed_unseen_passes_and_is_not_recorded() -> None:
    """Once for each line, however it came; nor is it joined with what is typed before and after it."""
    played = play(tty=True).goes_on(Received(1, IN, b"4111111111"))
    played.happens(
        Received(2, IN, b"111111", unseen=True),
        Record(Redacted(2)),
        Deliver(IN, b"111111"),
    )
    played.happens(Received(3, IN, b"x\r", unseen=True), Deliver(IN, b"x\r"))
    played.happens(Received(4, IN, b"y\n", unseen=True), Record(Redacted(4)), Deliver(IN, b"y\n"))
    played.goes_on(Received(5, IN, b"ls\r"), ShimSaid(6, Exited(0, 0)))
    end = played.goes_on(SourceEnded(7, OUT)).end()
    assert played.recorded(IN) == b"4111111111ls\r"
    assert end.stdin_bytes == len(b"4111111111ls\r")


class TestTerminal:
    """Its size, and when it is open."""

    def test_a_size_is_set_and_recorded_when_it_changed(self) -> None:
        same, other = WindowSize(24, 80), WindowSize(50, 132, 1000, 800)
        (
            play(tty=True)
            .happens(ShimSaid(1, Resized(same)), SetSize(same))
            .happens(ShimSaid(2, Resized(other)), SetSize(other), Record(Resize(2, 50, 132)))
        )

    def test_a_terminal_that_nobody_holds_open_may_be_opened_again(self) -> None:
        played = play(tty=True).happens(SourceEnded(1, OUT))
        assert not played.session.wants(OUT)
        assert played.session.deadline == 1 + REST
        played.goes_on(Ticked(1 + REST))
        assert played.session.wants(OUT)

    def test_it_ends_with_the_program(self) -> None:
        played = play(tty=True).goes_on(SourceEnded(1, OUT), ShimSaid(2, Exited(0, 0)))
        assert played.session.wants(OUT)
        played.goes_on(SourceEnded(3, OUT))
        assert played.end().how is Ending.EXITED

    def test_input_that_the_program_does_not_take_is_dropped(self) -> None:
        played = play(tty=True).goes_on(Received(1, IN, b"x" * 100_000)).happens(SinkBroken(2, IN))
        assert played.session.wants(IN)
