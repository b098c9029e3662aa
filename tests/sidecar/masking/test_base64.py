"""Base64 as an option: every alignment, alphabet and wrap; what comes out decodes to the masked text."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, NUMBERS, cut_everywhere, put_through

from sidecar.masking import Engine, Finding, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NUMBER = b"4111111111111111"
MASKED = b"411111******1111"
ENCODINGS: list[Callable[[bytes], bytes]] = [
    base64.b64encode,
    base64.urlsafe_b64encode,
    base64.encodebytes,
    lambda data: b"\n".join(base64.b64encode(data)[at : at + 64] for at in range(0, len(data) * 2, 64)),
    lambda data: b"\r\n  ".join(base64.b64encode(data)[at : at + 76] for at in range(0, len(data) * 2, 76)),
]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


def run(engine: Engine, pieces: Iterable[bytes]) -> tuple[bytes, list[Finding]]:
    return put_through(engine.base64(), pieces)


def decoded(data: bytes) -> bytes:
    return base64.b64decode(b"".join(data.split()).translate(bytes.maketrans(b"-_", b"+/")))


@pytest.mark.parametrize("encode", ENCODINGS)
@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc", b"pan: ", b"x" * 60, "é>?".encode() * 30])
@pytest.mark.parametrize("after", [b"", b"b", b"bc", b" and more text that goes on for a while" * 3])
def test_what_comes_out_decodes_to_the_masked_text(
    engine: Engine, encode: Callable[[bytes], bytes], before: bytes, after: bytes
) -> None:
    data = encode(before + b" " + NUMBER + b" " + after)
    out, findings = cut_everywhere(engine.base64, data)
    assert len(out) == len(data)
    assert decoded(out) == before + b" " + MASKED + b" " + after
    assert [finding.brand for finding in findings] == ["visa"]


@pytest.mark.parametrize("glued", [b"", b"x", b"xy", b"xyz", b"key/", b"a-b_"])
def test_the_run_may_begin_before_the_data(engine: Engine, glued: bytes) -> None:
    data = glued + base64.b64encode(b"card " + NUMBER + b".")
    assert base64.b64decode(run(engine, [data])[0][len(glued) :]) == b"card " + MASKED + b"."


def test_other_things_in_the_decoded_text(engine: Engine) -> None:
    text = b"user=7&cvv=123 and 4111-1111-1111-1111, ;" + NUMBER + b"=25121010000012300000?"
    shown = b"user=7&cvv=*** and 4111-11**-****-1111, ;" + MASKED + b"=********************?"
    assert base64.b64decode(run(engine, [base64.b64encode(text)])[0]) == shown


def test_utf_16_as_powershell_encodes_it(engine: Engine) -> None:
    data = base64.b64encode(f"x {NUMBER.decode()}.".encode("utf-16-le"))
    assert base64.b64decode(run(engine, [data])[0]).decode("utf-16-le") == f"x {MASKED.decode()}."


def test_the_rest_of_the_stream_is_masked_as_ever(engine: Engine) -> None:
    data = b"n " + NUMBER + b" " + base64.b64encode(b"n " + NUMBER) + b" 5555 5555 5555 4444."
    out, findings = run(engine, [data])
    assert out == b"n " + MASKED + b" " + base64.b64encode(b"n " + MASKED) + b" 5555 55** **** 4444."
    assert [(finding.brand, finding.offset) for finding in findings] == [
        ("visa", 2), ("visa", 21), ("mastercard", 44)]  # fmt: skip
    assert findings[1].length == 22


def test_without_the_option_base64_stays(engine: Engine) -> None:
    data = base64.b64encode(b"card " + NUMBER)
    assert engine.masks()(data)[0] == data


def test_random_data_is_left_alone(engine: Engine) -> None:
    rng = random.Random(3)
    for _ in range(20):
        data = base64.encodebytes(rng.randbytes(20_000))
        assert run(engine, [data]) == (data, [])


def test_what_waits_is_bounded(engine: Engine) -> None:
    masker = engine.base64()
    for piece in (b"A", b"NDEx", b"MTEx", b"ICAg", b"abc\n", b"/", b"-_"):
        for _ in range(400):
            masker.feed(piece)
            assert masker.held <= 3 + 4 * 320 // 3


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    parts=st.lists(
        st.tuples(
            st.lists(st.sampled_from([*NUMBERS, b"cvv=123 ", b"x", b"\n", b"\xff\xfe", b" "]), max_size=8),
            st.sampled_from([*ENCODINGS, bytes]),
            st.sampled_from([b"", b" ", b"\r\n", b"\n  ", b"=", b": ", b"aB"]),
        ),
        max_size=5,
    ),
    sizes=st.lists(st.integers(1, 40), max_size=30),
)
def test_random_pieces_give_the_same(
    engine: Engine, parts: list[tuple[list[bytes], Callable[[bytes], bytes], bytes]], sizes: list[int]
) -> None:
    data = b"".join(encode(b"".join(words)) + end for words, encode, end in parts)
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    whole = run(engine, [data])
    assert len(whole[0]) == len(data)
    assert run(engine, [*pieces, data[at:]]) == whole
    assert run(engine, [bytes([byte]) for byte in data]) == whole
