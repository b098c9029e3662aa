"""The player against a clock that the test moves."""

import pytest
from replay_events import START_TERMINAL, stdin, stdout

from webhook.replay.moments import moments
from webhook.replay.player import Key, Player

EVENTS = [
    START_TERMINAL,
    stdout(b"one ", 1.0),
    stdin(b"typed", 1.5),
    stdout(b"two ", 2.0),
    stdout(b"three", 12.0),
]


def player(*, speed: float = 1.0, idle_limit: float | None = None, start: float = 0.0) -> Player:
    return Player(moments(EVENTS), now=100.0, speed=speed, idle_limit=idle_limit, start=start)


def test_output_comes_when_it_came() -> None:
    playing = player()
    assert playing.wait() == 1.0
    assert playing.advance(100.9) == ""
    assert playing.advance(101.0) == "one "
    assert playing.wait() == pytest.approx(1.0)
    assert playing.advance(102.5) == "two "
    assert not playing.finished
    assert playing.advance(112.0) == "three"
    assert playing.finished
    assert playing.wait() is None


def test_twice_as_fast() -> None:
    playing = player(speed=2.0)
    assert playing.wait() == 0.5
    assert playing.advance(101.0) == "one two "
    assert playing.wait() == pytest.approx(5.0)


def test_long_pauses_are_cut_short() -> None:
    playing = player(idle_limit=0.5)
    assert playing.advance(100.5) == "one "
    assert playing.advance(101.0) == "two "
    assert playing.advance(101.5) == "three"


def test_a_pause_stops_the_clock() -> None:
    playing = player()
    assert playing.press(Key.PAUSE, 100.5) == ""
    assert playing.wait() is None
    assert playing.advance(200.0) == ""
    playing.press(Key.PAUSE, 200.0)
    assert playing.wait() == pytest.approx(0.5)
    assert playing.advance(200.5) == "one "


def test_steps_show_what_comes_next() -> None:
    playing = player()
    playing.press(Key.PAUSE, 100.0)
    assert playing.press(Key.STEP, 100.1) == "one "
    assert playing.press(Key.STEP, 100.2) == "two "
    assert playing.press(Key.STEP, 100.3) == "three"
    assert playing.finished
    assert playing.press(Key.STEP, 100.4) == ""


def test_a_step_does_nothing_while_playing() -> None:
    playing = player()
    assert playing.press(Key.STEP, 100.5) == ""
    assert playing.advance(101.0) == "one "


def test_quitting_ends_it() -> None:
    playing = player()
    playing.press(Key.QUIT, 100.5)
    assert playing.finished
    assert playing.advance(200.0) == ""


def test_beginning_later_shows_what_was_there_at_once() -> None:
    playing = player(start=5.0)
    assert playing.advance(100.0) == "one two "
    assert playing.wait() == pytest.approx(7.0)


def test_nothing_to_play_is_over_at_once() -> None:
    assert Player([], now=0.0).finished
