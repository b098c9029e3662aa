import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract import wire
from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame

FROM_RECORDER: list[wire.FromRecorder] = [
    wire.Hello("0.1.0", 1),
    wire.Open("s", "token"),
    wire.Frames("s", (Frame(0, bytes(32), b"p"), Frame(1, bytes(32), b""))),
    wire.Notice("n", 2, wire.NoticeKind.GRANT_REPLAYED, "db", "s", "used before", ("sh",)),
]
FROM_COLLECTOR: list[wire.FromCollector] = [
    wire.Welcome(3),
    wire.Acknowledged("s", 2),
    wire.NoticeAcknowledged("n"),
    wire.Refused("s", "why"),
    wire.Deferred("s", "not yet"),
]


@pytest.mark.parametrize("message", FROM_RECORDER, ids=lambda message: type(message).__name__)
def test_the_collector_reads_what_a_recorder_sends(message: wire.FromRecorder) -> None:
    assert wire.decode_from_recorder(wire.encode(message)) == message


@pytest.mark.parametrize("message", FROM_COLLECTOR, ids=lambda message: type(message).__name__)
def test_a_recorder_reads_what_the_collector_sends(message: wire.FromCollector) -> None:
    assert wire.decode_from_collector(wire.encode(message)) == message


@pytest.mark.parametrize("message", FROM_COLLECTOR, ids=lambda message: type(message).__name__)
def test_a_message_never_passes_in_the_wrong_direction(message: wire.FromCollector) -> None:
    with pytest.raises(CallerError):
        wire.decode_from_recorder(wire.encode(message))


@given(st.binary(max_size=100))
def test_garbage_is_a_caller_error(garbage: bytes) -> None:
    with pytest.raises(CallerError):
        wire.decode_from_recorder(b"\xc1" + garbage)


def test_refuses_a_message_over_the_limit_before_reading_it() -> None:
    with pytest.raises(CallerError, match="larger than"):
        wire.decode_from_recorder(bytes(wire.MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x82\xa4type\xa4open\xa7session\xa1\xff", id="not UTF-8"),
        pytest.param(b"\x82\xa4type\xa5hello\xa1x" + b"\x91" * 200_000, id="nested without end"),
        pytest.param(b"\x82\xa4type\xa5hello\xa1x\xc1", id="a byte MessagePack never uses"),
    ],
)
def test_hostile_bytes_are_the_callers_fault(data: bytes) -> None:
    with pytest.raises(CallerError):
        wire.decode_from_recorder(data)
