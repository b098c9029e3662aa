import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract import handshake as hs


def packet(
    *,
    flags: int = 2,
    grant: bytes = b"grant",
    argv: tuple[bytes, ...] = (b"sh", b"-c", b""),
    argc: int | None = None,
) -> bytes:
    body = grant + b"".join(argument + b"\0" for argument in argv)
    count = len(argv) if argc is None else argc
    return hs.HEADER.pack(hs.MAGIC, flags, 24, 80, 0, 0, len(grant), count, len(body), 0) + body


def read(data: bytes) -> hs.Hello:
    return hs.parse_body(hs.parse_header(data), data[hs.HEADER.size :])


def test_the_header_is_32_bytes() -> None:
    assert hs.HEADER.size == 32


def test_reads_grant_arguments_and_size() -> None:
    hello = read(packet(argv=(b"sh", b"", b"\xff\n")))
    assert (hello.grant, hello.argv) == (b"grant", (b"sh", b"", b"\xff\n"))
    assert hello.header.size == hs.WindowSize(24, 80)


@pytest.mark.parametrize(("flags", "descriptors"), [(0, 4), (2, 6), (1, 2), (3, 2)])
def test_the_flags_say_how_many_descriptors_come(flags: int, descriptors: int) -> None:
    assert read(packet(flags=flags)).header.descriptors == descriptors


@pytest.mark.parametrize(
    "data",
    [
        b"",
        packet()[:31],
        b"XXXX" + packet()[4:],
        packet() + b"more",
        packet()[:-1],
        packet(argv=()),
        packet(argc=2),
        hs.HEADER.pack(hs.MAGIC, 0, 0, 0, 0, 0, 0, 1, hs.MAX_HELLO_BYTES + 1, 0),
        hs.HEADER.pack(hs.MAGIC, 0, 0, 0, 0, 0, 10, 1, 5, 0) + b"12345",
    ],
)
def test_refuses_a_malformed_hello(data: bytes) -> None:
    with pytest.raises(hs.HandshakeError):
        read(data)


@given(st.binary(max_size=80))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(hs.HandshakeError):
        read(b"\0" + garbage)


def test_reads_the_messages_of_a_running_session() -> None:
    assert hs.parse_message(b"W\x28\0\x78\0\0\0\0\0") == hs.Resized(hs.WindowSize(40, 120))
    assert hs.parse_message(b"F\x02\0\0\0") == hs.ExecFailed(2)
    assert hs.parse_message(b"X\x89\x09") == hs.Exited(137, 9)


def program(
    *, flags: int = 0, executable: bytes = b"/bin/ls", cwd: bytes = b"/", argv: bytes = b"ls\0\0"
) -> bytes:
    numbers = struct.pack("<BIIIHH", flags, 12, 1, 1000, len(executable), len(cwd))
    return b"P" + numbers + executable + cwd + argv


def test_reads_what_runs() -> None:
    told = hs.Executed(12, 1, 1000, b"/bin/ls", b"/", (b"ls", b""), truncated=False)
    assert hs.parse_message(program()) == told
    cut = hs.parse_message(program(flags=1, argv=b"ls\0-"))
    assert cut == hs.Executed(12, 1, 1000, b"/bin/ls", b"/", (b"ls", b"-"), truncated=True)
    bare = hs.parse_message(program(executable=b"", cwd=b"", argv=b""))
    assert bare == hs.Executed(12, 1, 1000, b"", b"", (), truncated=False)
    assert hs.parse_message(b"U\1\0\0\0\0\0\0\0") == hs.Untraced(1, 0)


@pytest.mark.parametrize("data", [b"P", program()[:17], program()[:20], b"U\0"])
def test_refuses_half_of_a_program(data: bytes) -> None:
    with pytest.raises(hs.HandshakeError):
        hs.parse_message(data)


@pytest.mark.parametrize("data", [b"", b"W", b"F\0", b"X\0", b"Z\0\0", b"X\0\0\0"])
def test_refuses_other_messages(data: bytes) -> None:
    with pytest.raises(hs.HandshakeError):
        hs.parse_message(data)


def test_answers_fit_one_packet() -> None:
    assert hs.refuse("é" * 70_000).startswith(b"R")
    assert len(hs.refuse("x" * 70_000)) == hs.MAX_PACKET_BYTES
    assert hs.terminate(15, "idle") == b"T\x0fidle"
