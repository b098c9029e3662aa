"""The stream holder: one result however the input is cut, nothing held longer than it must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.errors import BugError
from sidecar.masking import Engine, Finding, Profile, mask_text

ENGINE = Engine.load(Profile.STRICT)

CASES = [
    ("4111111111111111", "411111******1111"),
    ("x 4111 1111 1111 1111 y", "x 4111 11** **** 1111 y"),
    ("card4111-1111-1111-1111_", "card4111-11**-****-1111_"),
    ("12 4111111111111111 5555555555554444", "12 411111******1111 555555******4444"),
    ("3782 822463 10005", "3782 82**** *0005"),
    ("4222222222222", "422222***2222"),
    ("41111111111111111111", "41111111111111111111"),
    ("4111111111111112", "4111111111111112"),
    ("411111******1111", "411111******1111"),
]


def run(pieces: list[bytes]) -> tuple[bytes, list[Finding]]:
    masker = ENGINE.stream()
    out = b"".join(masker.feed(piece) for piece in pieces) + masker.close()
    return out, masker.take_findings()


@pytest.mark.parametrize(("shown", "masked"), CASES)
def test_masks_the_middle_digits(shown: str, masked: str) -> None:
    assert mask_text(ENGINE, shown)[0] == masked


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_every_cut_gives_the_same(text: str) -> None:
    data = text.encode()
    whole = run([data])
    for cut in range(len(data) + 1):
        assert run([data[:cut], data[cut:]]) == whole
    assert run([bytes([byte]) for byte in data]) == whole


@given(
    st.lists(
        st.sampled_from([b"4111", b"1111", b"4111111111111111", b" ", b"-", b"a", b"\n", b"5", b"55555555"]),
        max_size=24,
    ),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_random_pieces_give_the_same(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    out, findings = run([*pieces, data[at:]])
    assert (out, findings) == run([data])
    assert len(out) == len(data)


@pytest.mark.parametrize("size", [1, 7, 1000, 1025, 4096, 70000])
def test_large_pieces_give_the_same(size: int) -> None:
    line = b"order 17 paid with 4111 1111 1111 1111 at 12:30, then 5555555555554444\n"
    data = b"".join(line[n % 20 :] + b"plain words\n" * (n % 7) for n in range(900))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert run(pieces) == run([data])
    assert b"4111 1111" not in run([data])[0]


def test_six_digits_go_out_at_once() -> None:
    masker = ENGINE.stream()
    assert [masker.feed(b"%d" % digit) for digit in (4, 1, 1, 1, 1, 1, 1)] == [
        b"4", b"1", b"1", b"1", b"1", b"1", b"",
    ]  # fmt: skip


def test_held_output_is_bounded() -> None:
    masker = ENGINE.stream()
    given_out = 0
    for fed in range(1, 2001):
        given_out += len(masker.feed(b"4"))
        assert fed - given_out <= 13


def test_use_after_close() -> None:
    masker = ENGINE.stream()
    masker.feed(b"4111111111111111")
    assert masker.close() == b"******1111"
    assert masker.close() == b""
    with pytest.raises(BugError):
        masker.feed(b"1")


def test_findings_are_taken_once() -> None:
    masker = ENGINE.stream()
    masker.feed(b"4111111111111111\n")
    expected = Finding(rule="pan", brand="visa", offset=0, length=16, shown="6/4")
    assert masker.take_findings() == [expected]
    assert masker.take_findings() == []
