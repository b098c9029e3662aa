"""Hellos, proper and not, over a real socket."""

import os
import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.contract.handshake import HEADER, MAGIC, HandshakeError, listening
from sidecar.processes.greeting import receive

PATIENCE_S = 0.05


def hello(argv: list[bytes], *, flags: int = 0, grant: bytes = b"grant") -> bytes:
    body = grant + b"".join(argument + b"\0" for argument in argv)
    return HEADER.pack(MAGIC, flags, 24, 80, 0, 0, len(grant), len(argv), len(body), 0) + body


@contextmanager
def sent(packets: list[bytes], descriptors: int) -> Generator[socket.socket]:
    """Give the receiving end of a socket that holds these packets and no more, descriptors with the first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        null = os.open(os.devnull, os.O_RDONLY)
        socket.send_fds(ours, packets[:1], [null] * descriptors)
        os.close(null)
        for packet in packets[1:]:
            ours.send(packet)
        ours.shutdown(socket.SHUT_WR)
        yield theirs
        assert ours.recv(2) == listening()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50).filter(lambda a: b"\0" not in a), min_size=1), st.binary(max_size=300))
def test_a_hello_arrives_whole(argv: list[bytes], grant: bytes) -> None:
    with sent([hello(argv, grant=grant)], 4) as theirs:
        greeting = receive(theirs, 10)
    for number in greeting.descriptors:
        os.close(number)
    assert (greeting.hello.argv, greeting.hello.grant) == (tuple(argv), grant)
    assert len(greeting.descriptors) == 4


def test_a_long_hello_comes_in_packets() -> None:
    whole = hello([b"x" * 100_000, b"y" * 50_000])
    with sent([whole[at : at + 60_000] for at in range(0, len(whole), 60_000)], 4) as theirs:
        greeting = receive(theirs, 10)
    for number in greeting.descriptors:
        os.close(number)
    assert [len(argument) for argument in greeting.hello.argv] == [100_000, 50_000]


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def refused(packets: list[bytes], descriptors: int, reason: str) -> None:
    before = open_descriptors()
    with sent(packets, descriptors) as theirs, pytest.raises(HandshakeError, match=reason):
        receive(theirs, PATIENCE_S)
    assert open_descriptors() == before


def test_it_must_bring_the_descriptors_of_its_kind() -> None:
    refused([hello([b"sh"])], 6, "needs 4 descriptors, not 6")
    refused([hello([b"sh"], flags=1)], 0, "needs 2 descriptors, not 0")
    refused([hello([b"sh"])], 20, "too large")


def test_it_must_end() -> None:
    whole = hello([b"x" * 1000])
    refused([whole[:500]], 4, "ends too early")


def test_it_must_come_in_time() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, pytest.raises(HandshakeError, match="in time"):
        receive(theirs, 0.01)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.integers(0, 8))
def test_noise_is_refused(noise: bytes, descriptors: int) -> None:
    refused([noise], descriptors, ".")


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, 2**32 - 1)] * 4), st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_lying_headers_are_refused(numbers: tuple[int, ...], packets: list[bytes]) -> None:
    flags, grant_length, argc, total = numbers
    header = struct.pack("<4sIHHHHIIII", MAGIC, flags, 0, 0, 0, 0, grant_length, argc, total, 0)
    refused([header, *packets], 4, ".")
