import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.errors import CallerError
from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Program,
    Resize,
    SessionStart,
    Untraced,
    decode_event,
    encode_event,
)

START = SessionStart(
    session="0" * 26,
    started_at=1,
    namespace="payments",
    pod="db-0",
    pod_uid="u",
    container="db",
    node="n1",
    argv=("sh", "-c", "echo ünïcode"),
    tty=True,
    stdin=True,
    rows=24,
    cols=80,
    grant_digest=bytes(32),
    profile="strict",
    masking="m",
    recorder="0.1.0",
)
EVENTS: list[Event] = [
    START,
    Data(5, Channel.STDERR, b"\xff\x00\n"),
    Resize(6, 40, 120),
    Found(7, Channel.STDOUT, "pan", "visa", 12, 16),
    Program(7, 12, 1, 1000, "/bin/ls", "/tmp", ("ls", "-l", ""), truncated=True),
    Untraced(7, "ptrace fails with EPERM"),
    Exit(8, 137, 9),
    End(9, Ending.EXITED, findings={"pan/visa": 2}, programs=3),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_survives_its_payload(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_the_encoding_of_an_event_never_varies(event: Event) -> None:
    assert encode_event(decode_event(encode_event(event))) == encode_event(event)


@given(st.binary(max_size=64))
def test_garbage_is_a_caller_error(garbage: bytes) -> None:
    with pytest.raises(CallerError):
        decode_event(b"\xc1" + garbage)


def test_refuses_an_unknown_kind() -> None:
    with pytest.raises(CallerError, match="event schema"):
        decode_event(msgspec.msgpack.encode({"type": "surprise", "at": 1}))
