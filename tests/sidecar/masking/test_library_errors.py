"""Every error of Hyperscan becomes a BugError without data, and the stream that met it gives nothing more."""

from __future__ import annotations

import base64

import hyperscan
import pytest

from sidecar.contract.errors import BugError
from sidecar.masking import Engine, Profile
from sidecar.masking.hyperscan_safe import Scanner, compile_database, serialise
from sidecar.masking.patterns import Trigger

NUMBER = b"4111111111111111"
ERRORS = sorted(
    (
        kind
        for kind in vars(hyperscan).values()
        if isinstance(kind, type) and issubclass(kind, hyperscan.error)
    ),
    key=lambda kind: kind.__name__,
)


class Failing:
    """A database of which every scan fails."""

    def __init__(self, kind: type[Exception]) -> None:
        self._kind = kind

    def scan(self, *_: object) -> None:
        raise self._kind(f"error code -1 at {NUMBER!r}")


def break_scans(monkeypatch: pytest.MonkeyPatch, kind: type[Exception], *, holding: bytes) -> None:
    """Let the library fail from the first scan of something that holds ``holding`` on."""
    original = Scanner.hits

    def hits(scanner: Scanner, data: bytes) -> list[tuple[int, int]]:
        if holding in data:
            monkeypatch.setattr(scanner, "_database", Failing(kind))
        return original(scanner, data)

    monkeypatch.setattr(Scanner, "hits", hits)


def test_there_are_errors_to_try() -> None:
    assert {"InvalidError", "ScratchInUseError", "ScanTerminated", "NoMemoryError"} <= {
        kind.__name__ for kind in ERRORS
    }


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("name", ["stream", "terminal", "keyboard"])
def test_a_scan_that_fails(monkeypatch: pytest.MonkeyPatch, kind: type[Exception], name: str) -> None:
    masker = getattr(Engine.load(Profile.STRICT), name)()
    assert masker.feed(b"well " + NUMBER + b"\n") == b"well 411111******1111\n"
    break_scans(monkeypatch, kind, holding=b"BREAK")
    with pytest.raises(BugError) as raised:
        masker.feed(b"BREAK " + NUMBER + b"\n")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert "4111" not in repr(raised.value)
    with pytest.raises(BugError):
        masker.feed(NUMBER)


@pytest.mark.parametrize(
    ("name", "before", "failing"),
    [
        ("terminal", b"$ x\b", b"BREAK " + NUMBER + b"\b\b1\r"),
        ("terminal", b"$ x", b"\x1b]0;BREAK " + NUMBER + b"\x07"),
        ("keyboard", b"x\x7f", b"BREAK " + NUMBER),
        ("base64", b"x ", base64.b64encode(b"BREAK " + NUMBER + b" and more")),
    ],
)
def test_a_line_or_a_run_in_which_a_scan_fails(
    monkeypatch: pytest.MonkeyPatch, name: str, before: bytes, failing: bytes
) -> None:
    """These have maskers besides the one that fails: they give nothing more either."""
    masker = getattr(Engine.load(Profile.STRICT), name)()
    masker.feed(before)
    break_scans(monkeypatch, hyperscan.ScratchInUseError, holding=b"BREAK")
    with pytest.raises(BugError):
        masker.feed(failing)
    for data in (b"\r\n", b"\x15", NUMBER):
        with pytest.raises(BugError):
            masker.feed(data)
    assert masker.close() == b""


@pytest.mark.parametrize("kind", ERRORS)
def test_a_close_that_fails(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    masker = Engine.load(Profile.STRICT).stream()
    assert masker.feed(NUMBER) == NUMBER[:6]
    break_scans(monkeypatch, kind, holding=NUMBER)
    with pytest.raises(BugError):
        masker.close()
    assert masker.close() == b""


@pytest.mark.parametrize("kind", ERRORS)
def test_no_room_to_scan(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def no_room(*_: object) -> None:
        raise kind(f"at {NUMBER!r}")

    engine = Engine.load(Profile.STRICT)
    monkeypatch.setattr(hyperscan, "Scratch", no_room)
    with pytest.raises(BugError) as raised:
        engine.stream()
    assert "4111" not in repr(raised.value)


@pytest.mark.parametrize("kind", ERRORS)
def test_a_database_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    def refuse(*_: object) -> None:
        raise kind("no")

    database = compile_database([Trigger(b"4111", "text", 4)])
    monkeypatch.setattr(hyperscan, "dumpb", refuse)
    with pytest.raises(BugError):
        serialise(database)


@pytest.mark.parametrize(
    "expression", [b"4111(", b"[", b"(?=4111)", b"(4)\\1", b"4{2,1}", b"\\", b"\xff\xfe(", b""]
)
def test_an_expression_that_is_refused(expression: bytes) -> None:
    with pytest.raises(BugError) as raised:
        compile_database([Trigger(expression, "text", 1)])
    assert "4111" not in repr(raised.value)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 70000, bytes(range(256)) * 300, b"4" * 100_000, b"\xff" * 65537, b"\x1b" * 5000]
)
def test_any_data_can_be_scanned(data: bytes) -> None:
    masker = Engine.load(Profile.STRICT).stream()
    assert len(masker.feed(data) + masker.close()) == len(data)
