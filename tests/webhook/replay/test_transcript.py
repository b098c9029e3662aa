"""A session as lines of text."""

import pytest
from replay_events import START_PIPES, START_TERMINAL, at, stderr, stdout

from webhook.replay.moments import Kind, moments
from webhook.replay.transcript import Line, transcript


def text_of(*chunks: bytes) -> list[str]:
    events = [START_TERMINAL, *map(stdout, chunks)]
    return [line.text for line in transcript(moments(events))]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"no line end", ["no line end"]),
        (b"a\r\n\r\nb\r\n", ["a", "", "b"]),
        (b"\x1b[31mred\x1b[0m\r\n", ["red"]),
        (b"abc\b\b\x1b[KX\r\n", ["aX"]),
        (b"10%\r50%\r100%\r\n", ["100%"]),
        (b"a\tb\r\n", ["a       b"]),
        (b"abcdef\x1b[3D\x1b[2Px\r\n", ["abcx"]),
        (b"abc\x1b[2D\x1b[2@\r\n", ["a  bc"]),
        (b"abc\x1b[1G-\r\n", ["-bc"]),
        (b"ab\x1b[5Cc\r\n", ["ab     c"]),
        (b"secret\x1b[2Kx\r\n", ["      x"]),
        (b"abcd\x1b[2D\x1b[1K\r\n", ["  cd"]),
        (b"\x1b(0q\x1b(B\a\r\n", ["q"]),
        (b"title\x1b]0;hidden\x07 end\r\n", ["title end"]),
    ],
)
def test_lines_as_they_stood(data: bytes, lines: list[str]) -> None:
    assert text_of(data) == lines
    assert text_of(*[data[i : i + 1] for i in range(len(data))]) == lines


def test_streams_have_lines_of_their_own_with_their_times() -> None:
    events = [START_PIPES, stdout(b"par", 1.0), stderr(b"oops\n", 1.5), stdout(b"tial\n", 2.0)]
    assert list(transcript(moments(events))) == [
        Line(at(1.5), Kind.ERROR_OUTPUT, "oops"),
        Line(at(1.0), Kind.OUTPUT, "partial"),
    ]


def test_an_endless_line_is_cut() -> None:
    assert len(text_of(*[b"x" * 60_000] * 4)) > 1


def test_a_far_cursor_costs_little() -> None:
    (line,) = text_of(b"\x1b[9999C" * 1000 + b"x")
    assert len(line) <= 64 * 1024 + 1
