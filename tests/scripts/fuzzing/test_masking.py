"""The masking engine keeps its promises whatever it is told, and a broken one is noticed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fuzzing import plain
from fuzzing.choices import Choices
from fuzzing.masking import BrokenPromiseError, Storyteller, Stream, engines
from fuzzing.masking_grammar import check_digit, piece
from masking_inputs import FEEDS

from sidecar.masking import Engine, Profile
from sidecar.masking.stream import Masker

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
NUMBER = b"4111111111111111"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.mark.timeout(7200)
def test_promises_are_kept() -> None:
    assert plain.run(FEEDS, 3, Storyteller()).feeds >= FEEDS


def test_any_bytes_tell_a_story() -> None:
    teller = Storyteller(engines()[:1])
    for story in (b"", b"\x00", b"\xff" * 300, bytes(range(256))):
        teller.tell(story)
    assert teller.streams > 0


def test_pieces_hold_cards() -> None:
    assert check_digit(b"411111111111111") == NUMBER
    pieces = [piece(Choices(bytes([kind]) * 40)) for kind in range(21)]
    assert any(pieces)


def broken(
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: Callable[[bytes], bytes] = bytes,
    after: Callable[[bytes], bytes] = bytes,
) -> None:
    """Let what is fed and what comes out be changed on the way."""
    original = Masker.feed

    def feed(masker: Masker, data: bytes) -> bytes:
        return after(original(masker, before(data)))

    monkeypatch.setattr(Masker, "feed", feed)


def cut_off(out: bytes) -> bytes:
    return out[:-1]


def changed(out: bytes) -> bytes:
    return out.replace(b"#", b"x")


def revealed(out: bytes) -> bytes:
    return out.replace(b"*", b"3")


@pytest.mark.parametrize(
    ("after", "complaint"),
    [(cut_off, "bytes are held"), (changed, "outside of every finding"), (revealed, "not hidden")],
)
def test_a_broken_engine_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, after: Callable[[bytes], bytes], complaint: str
) -> None:
    broken(monkeypatch, after=after)
    stream = Stream(engine)
    with pytest.raises(BrokenPromiseError, match=complaint):  # noqa: PT012  any of these may notice it
        stream.plant(b"5333333333333339")
        stream.close()


def test_a_result_that_depends_on_the_cut_is_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def whole(data: bytes) -> bytes:
        return data.replace(b"1 1", b"1x1")

    broken(monkeypatch, before=whole)
    stream = Stream(engine)
    for byte in b"4111 1111 1111 1111\n":
        stream.feed(bytes([byte]))
    with pytest.raises(BrokenPromiseError, match="fed at once"):
        stream.close()


def test_a_story_that_fails_is_kept() -> None:
    def tell(_: bytes) -> None:
        raise BrokenPromiseError("as it must")

    with pytest.raises(BrokenPromiseError) as raised:
        plain.keep_if_it_fails(tell, b"a story")
    kept = Path(raised.value.__notes__[0].rpartition(" ")[2])
    assert kept.read_bytes() == b"a story"
    kept.unlink()


def test_the_command(tmp_path: Path) -> None:
    story = tmp_path / "story"
    story.write_bytes(bytes(range(200)))
    for arguments in (["--feeds", "300", "--seed", "3"], ["--replay", str(story)]):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/fuzz", "masking", *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "every promise kept" in done.stdout
