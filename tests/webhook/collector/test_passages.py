"""Lines become passages however the frames were cut and whoever continues."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.events import Channel, Data, Program
from webhook.collector.passages import PASSAGE_BYTES, Passages, program_passage
from webhook.store.contract import Passage

SESSION = "01hzzzzzzzzzzzzzzzzzzzzzzz"


def passages(pieces: list[bytes], *, handed_over: bool = False) -> list[Passage]:
    """Give the passages of a stream; ``handed_over`` continues each frame from what the last one left."""
    collected: list[Passage] = []
    taker = Passages(SESSION, ())
    for sequence, piece in enumerate(pieces):
        taker = Passages(SESSION, taker.unfinished) if handed_over else taker
        collected += taker.feed(sequence, Data(sequence * 10, Channel.STDOUT, piece))
    return collected + taker.finish()


def lines(found: list[Passage]) -> list[str]:
    return [line for passage in found for line in passage.text.split("\n")]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def test_a_program_is_a_passage_of_its_own() -> None:
    program = Program(7, 12, 1, 0, "/tmp/ps (deleted)", "/", ("psql", "-c", "drop\x1b[2J\ntable"))
    passage = program_passage(SESSION, 3, program)
    assert passage == Passage(SESSION, 3, 7, None, "/tmp/ps (deleted): psql -c drop\ntable")
    long = Program(7, 12, 1, 0, "/bin/sh", "/", ("sh", "-c", "é" * 5000))
    assert len(program_passage(SESSION, 3, long).text) == PASSAGE_BYTES


STREAM = "first\r\n\x1b[1msecond\x1b[0m Grüße\nthird\n$ ls\b\bps -ef\r\nlast".encode()


def test_every_cut_gives_the_same_lines() -> None:
    whole = lines(passages([STREAM]))
    assert whole == ["first", "second Grüße", "third", "$ ps -ef", "last"]
    for first in range(len(STREAM) + 1):
        for second in range(first, len(STREAM) + 1):
            pieces = [STREAM[:first], STREAM[first:second], STREAM[second:]]
            assert lines(passages(pieces)) == whole


@given(st.lists(st.text("ab \n\r\x1b[m1é", max_size=20), max_size=10), st.lists(st.integers(0, 10_000)))
def test_cuts_and_hand_overs_change_no_line(texts: list[str], places: list[int]) -> None:
    stream = "".join(texts).encode()
    pieces = cut(stream, places)
    assert lines(passages(pieces)) == lines(passages([stream]))
    assert passages(pieces, handed_over=True) == passages(pieces)


def test_a_passage_leads_to_the_frame_it_begins_in() -> None:
    found = passages([b"one\ntw", b"o", b"\nthree\nfour\nfi", b"ve\n"])
    assert [(passage.sequence, passage.at, passage.text) for passage in found] == [
        (0, 0, "one"),
        (0, 0, "two\nthree\nfour"),
        (2, 20, "five"),
    ]


def test_channels_do_not_mix() -> None:
    taker = Passages(SESSION, ())
    assert taker.feed(0, Data(0, Channel.STDOUT, b"out ")) == []
    assert taker.feed(1, Data(1, Channel.STDERR, b"error\n")) == [
        Passage(SESSION, 1, 1, Channel.STDERR, "error")
    ]
    assert taker.feed(2, Data(2, Channel.STDOUT, b"put\n")) == [
        Passage(SESSION, 0, 0, Channel.STDOUT, "out put")
    ]


@pytest.mark.parametrize(
    "stream",
    [b"x" * 50_000, b"word " * 10_000, "é".encode() * 20_000, b"line\n" * 10_000, b"\x1b[1m" * 9_000],
    ids=["no space", "words", "two-byte characters", "lines", "escapes"],
)
def test_long_streams_are_cut_into_bounded_pieces_without_loss(stream: bytes) -> None:
    found = passages([stream[i : i + 1000] for i in range(0, len(stream), 1000)])
    assert all(len(passage.text.encode()) <= PASSAGE_BYTES for passage in found)
    expected = b"" if stream.startswith(b"\x1b") else stream.replace(b"\n", b"").replace(b" ", b"")
    joined = "".join(passage.text for passage in found).replace("\n", "").replace(" ", "")
    assert joined.encode() == expected


def test_what_waits_is_bounded() -> None:
    taker = Passages(SESSION, ())
    for sequence in range(100):
        taker.feed(sequence, Data(0, Channel.STDOUT, b"x" * 999))
        assert sum(len(part.data) for part in taker.unfinished) <= PASSAGE_BYTES
