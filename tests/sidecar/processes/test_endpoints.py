"""Descriptors of a session: what is accepted, and reading and writing without waiting."""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from sidecar.contract.events import Channel
from sidecar.contract.handshake import HandshakeError, Header, WindowSize
from sidecar.processes.endpoints import Endpoint, Endpoints, Sink, Source


def header(*, tty: bool = False, stdin: bool = False) -> Header:
    return Header(tty, stdin, WindowSize(24, 80), 0, 1, 0)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe of which the endpoints under test close their own end."""
    yield (ends := os.pipe())
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_source_tells_nothing_from_the_end(pipe: tuple[int, int]) -> None:
    source = Source(Endpoint(pipe[0]))
    assert source.read() is None
    os.write(pipe[1], b"abc")
    assert source.read() == b"abc"
    os.close(pipe[1])
    assert source.read() == b""
    source.close()
    assert (source.number, source.read()) == (None, None)


def test_a_sink_takes_what_fits_and_says_how_much(pipe: tuple[int, int]) -> None:
    sink = Sink(Endpoint(pipe[1]))
    sink.add(b"x" * 100_000)
    taken = sink.write()
    assert taken is not None
    assert 0 < taken < 100_000
    assert sink.waiting
    assert sink.write() == 0
    received = len(os.read(pipe[0], 100_000))
    assert received == taken
    assert sink.write() == 100_000 - taken
    assert not sink.waiting


def test_a_sink_tells_that_nobody_reads(pipe: tuple[int, int]) -> None:
    sink = Sink(Endpoint(pipe[1]))
    os.close(pipe[0])
    sink.add(b"x")
    assert sink.write() is None
    assert not sink.waiting


def test_a_descriptor_in_two_roles_is_closed_with_the_second(pipe: tuple[int, int]) -> None:
    endpoint = Endpoint(pipe[0])
    source, sink = Source(endpoint), Sink(endpoint)
    source.close()
    os.fstat(pipe[0])
    sink.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pipe[0])


def test_pipes_by_channel() -> None:
    pairs = [os.pipe() for _ in range(6)]
    outer_in, outer_out, outer_err, inner_in, inner_out, inner_err = pairs
    numbers = (outer_in[0], outer_out[1], outer_err[1], inner_in[1], inner_out[0], inner_err[0])
    endpoints = Endpoints(header(stdin=True), numbers)
    assert {c: s.number for c, s in endpoints.sources.items()} == {
        Channel.STDIN: outer_in[0],
        Channel.STDOUT: inner_out[0],
        Channel.STDERR: inner_err[0],
    }
    assert {c: s.number for c, s in endpoints.sinks.items()} == {
        Channel.STDIN: inner_in[1],
        Channel.STDOUT: outer_out[1],
        Channel.STDERR: outer_err[1],
    }
    endpoints.close()
    for number in {number for pair in pairs for number in pair} - set(numbers):
        os.close(number)


def test_a_terminal_is_sized() -> None:
    outer, inner = os.openpty(), os.openpty()
    endpoints = Endpoints(header(tty=True), (outer[1], inner[0]))
    endpoints.set_size(WindowSize(50, 132, 1056, 800))
    size = fcntl.ioctl(inner[1], termios.TIOCGWINSZ, b"\0" * 8)
    assert struct.unpack("HHHH", size) == (50, 132, 1056, 800)
    endpoints.close()
    os.close(outer[0])
    os.close(inner[1])


def test_a_slave_is_no_terminal_of_ours() -> None:
    outer, inner = os.openpty(), os.openpty()
    with pytest.raises(HandshakeError, match="not terminals or pipes"):
        Endpoints(header(tty=True), (outer[1], inner[1]))
    for number in (*outer, *inner):
        os.close(number)


def test_only_pipes_inside() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    with pytest.raises(HandshakeError, match="not terminals or pipes"):
        Endpoints(header(), (null, null, null, null))
    os.close(null)
