"""The first look at text in C passes over nothing, wherever it stands, and only answers in advance."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, NUMBERS, fragments, grouped, run

from sidecar.masking import Engine, Profile, ends, looking, quiet
from sidecar.masking.looking import JOINT
from sidecar.masking.patterns import PIECES
from sidecar.masking.quiet import BLOCK, SOURCE, next_loud, passes, quick_calm

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(
    next_loud is None and not (Path(sysconfig.get_path("include")) / "Python.h").exists(),
    reason="the extension is optional, and Python's headers are not here to build it",
)
GAPS = (b" ", b"-", b"  ", b" - ", b".", b"/", b"_", b"\t")
LOUD = [
    *PIECES,
    *(piece.upper() for piece in PIECES),
    *(bytes([byte]) for byte in b"\x00%\\&\x1b\x80\xc2\xff"),
    *NUMBERS,
    *(grouped(number, gap) for number in NUMBERS[:3] for gap in GAPS),
    b" ".join(b"%c" % digit for digit in b"411111111111"),
    b"3431 3131 3131 3131",
    b"34 31 31 31 2d 31 31 31 31 2d 31 31 31 31",
    b"34:31:31:31:31:31:31:31:31:31:31:31",
    b"0x34, 0x31, 0x31, 0x31, 0x31, 0x31",
    b"5A 08 41 11 11 11 11 11 11 11",
    b"4,111,111,111,111,111",
    b"378 282 246 310 005",
    b"601 1 1 1  1 1 1 1   1 1 1 1 1 7",
    b"4111=201111=201111=201111",
    b"0004111111111111111",
    b"4111=C2=A01111=C2=A01111=C2=A01111",
    b"=E2=80=AF",
    b"1=\r\n1",
    b"1=\n1",
    b"\x08",
]  # fmt: skip


def words() -> st.SearchStrategy[bytes]:
    """Prose, times, and what may be hex."""
    return st.sampled_from(
        [b" opened at 12:30:45", b" 200 ms, 4711 of 12", b"\n", b"  ", b" 34 31 31 3", b"57 13 "]
    )


@pytest.fixture
def look() -> Callable[[bytes, int], int]:
    assert next_loud is not None, "not built; run scripts/venv"
    return next_loud


@pytest.fixture
def may_pass() -> Callable[[bytes, bytes], bool]:
    assert passes is not None, "not built; run scripts/venv"
    return passes


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.mark.parametrize("reason", LOUD)
def test_a_reason_is_found_wherever_it_stands(look: Callable[[bytes, int], int], reason: bytes) -> None:
    for before in range(2 * BLOCK + 3):
        for behind in (0, 1, BLOCK + 2):
            at = look(b"q" * before + reason + b"q" * behind, 0)
            assert at % BLOCK == 0
            assert before - BLOCK < at < before + len(reason)


def test_text_is_passed_over(look: Callable[[bytes, int], int]) -> None:
    text = (
        b"2026-01-28T12:30:45 opened in 200 ms, 4711 of 12 at 10.0.0.1:80, driven by caravan 4711 200 3 5\n"
    )
    assert look(text * 50, 0) == -1
    assert look(b"", 0) == -1
    assert look(b"q" * 1000, BLOCK * 99) == -1


def test_it_goes_on_behind_a_block(look: Callable[[bytes, int], int]) -> None:
    text = b"%" + b"q" * 99 + b"%" + b"q" * 500
    assert look(text, 0) == 0
    assert look(text, BLOCK) == BLOCK
    assert look(text, 2 * BLOCK) == -1
    number = b"q" * (BLOCK - 8) + b"4111111111111111" + b"q" * 99
    assert look(number, BLOCK) == BLOCK


@pytest.mark.parametrize("reason", LOUD)
def test_a_reason_over_the_joint_does_not_pass(
    may_pass: Callable[[bytes, bytes], bool], reason: bytes
) -> None:
    for cut in range(1, len(reason) + 1):
        assert not may_pass(b"q" * 99 + reason[:cut], reason[cut:] + b"q" * 400)
    for behind in range(0, 400, 7):
        assert not may_pass(b"q", b"q" * 200 + reason + b"q" * behind)


def test_what_went_out_matters_as_far_back_as_the_joint(may_pass: Callable[[bytes, bytes], bool]) -> None:
    plain = b"q" * JOINT
    assert may_pass(b"", plain)
    assert may_pass(b"cvv" + plain, plain)
    assert not may_pass(b"cvv" + plain[3:], plain)
    assert not may_pass(b"", plain[1:])


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    before=fragments() | st.lists(words(), max_size=3).map(b"".join),
    data=st.lists(words() | st.from_regex(rb"\A[-.: a-f0-9]{1,12}\Z"), max_size=3).map(b"".join),
    rest=st.sampled_from([b"", b"q", b"end ", b"4", b"41 1", b"3431", b"5A 08 "]),
    more=fragments(),
)
def test_what_passes_is_never_hidden(
    engine: Engine, before: bytes, data: bytes, rest: bytes, more: bytes
) -> None:
    data = b"plain text 12:40 " * 9 + data + b" plain text" + rest
    masker = engine.stream()
    masker.feed(before)
    assert passes is not None
    assume(not masker.held and not masker.unfinished_findings() and passes(b"\n" + before, data))
    with pytest.MonkeyPatch.context() as patch:
        _without(patch)
        out, _ = run(engine, [before + data + more])
    assert out[len(before) : len(before + data)] == data


@pytest.mark.parametrize("start", [-64, 1, 63])
def test_it_starts_at_blocks_only(look: Callable[[bytes, int], int], start: int) -> None:
    with pytest.raises(ValueError, match="not the start of a block"):
        look(b"q" * 200, start)


def test_it_takes_bytes_only(
    look: Callable[[bytes, int], int], may_pass: Callable[[bytes, bytes], bool]
) -> None:
    with pytest.raises(TypeError):
        look(bytearray(b"q"), 0)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        may_pass(b"q", bytearray(b"q"))  # pyright: ignore[reportArgumentType]


def test_the_source_is_the_one_that_is_named() -> None:
    """Where this fails ``quiet.SOURCE`` must be what it says here; scripts/venv builds it again."""
    source = Path(quiet.__file__).parent / "native.c"
    assert hashlib.sha256(source.read_bytes()).hexdigest()[:16] == SOURCE


@pytest.mark.parametrize("source", [SOURCE, "", "0123456789abcdef", None])
def test_a_build_of_another_source_is_not_used(source: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was left from before a change may pass over what has to be masked now."""
    named = {} if source is None else {"source": source}
    build = SimpleNamespace(next_loud=bytes.find, passes=bytes.startswith, calm=len, **named)
    monkeypatch.setattr(quiet, "native", build, raising=False)
    spec = importlib.util.spec_from_file_location("quiet_again", quiet.__file__)
    assert spec is not None
    assert spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    built = (again.next_loud, again.passes, again.quick_calm)
    assert [one is None for one in built] == [source != SOURCE] * 3


def _without(patch: pytest.MonkeyPatch) -> None:
    """As where the extension is not built."""
    for module, name in (
        (looking, "next_loud"),
        (looking, "passes"),
        (ends, "next_loud"),
        (ends, "quick_calm"),
    ):
        patch.setattr(module, name, None)


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    "escaped", [b"%34%31" + b"%31" * 14, b"&#52;" + b"&#49;" * 15, b"\\x34" + b"\\x31" * 15]
)
def test_escapes_right_behind_digits_are_read_in_long_text(
    engine: Engine, escaped: bytes, *, quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sieve goes on some bytes behind twelve digits, and looks at those bytes as well."""
    if not quick:
        _without(monkeypatch)
    for text in (b"quiet text ", b"cvv cvc "):
        out, found = run(engine, [text * 500 + b" 123456789012 " + escaped + b" " + text * 500])
        assert [finding.rule for finding in found] == ["pan"]
        assert escaped not in out


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.lists(fragments(), max_size=3), fill=st.integers(0, 1500))
def test_without_it_the_same_comes_out(engine: Engine, data: list[bytes], fill: int) -> None:
    whole = (b"\n" + b"plain text 12:30 " * 90)[:fill].join(data) + b" " + b"q" * fill
    with_it = run(engine, [whole])
    with pytest.MonkeyPatch.context() as patch:
        _without(patch)
        assert run(engine, [whole]) == with_it


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.lists(fragments() | words(), max_size=4).map(b"".join), digits=st.from_regex(rb"\A[0-9]{7}\Z"))
def test_nothing_waits_while_it_is_calm(engine: Engine, data: bytes, digits: bytes) -> None:
    assert quick_calm is not None
    buffer = b"\n" + data + digits[:1]
    few = quick_calm(buffer)
    for count in range(few + 1):
        masker = engine.stream()
        fed = buffer[1:] + digits[1 : count + 1]
        assert (masker.feed(fed)[-count - 1 :], masker.held) == (fed[-count - 1 :], 0)


# In a process of its own, in which every read beyond an end is an error.
_WATCHED = """
import random, sys
sys.path.insert(0, sys.argv[1])
from native import calm, next_loud, passes
rng = random.Random(9)
parts = [b"4111111111111111", b"4111 1111 ", b"1 ", b"12:", b"31:31:31", b"cvv", b"verif", b"cu", b" " * 30,
         b"text and " * 9, b"1-", b",111", b"x", b"ed ", b"\\x00", b"\\xff"]
for _ in range(5000):
    text, at = b"".join(rng.choice(parts) for _ in range(rng.randint(0, 12))), 0
    while (at := next_loud(text, at)) >= 0:
        at += 64
    calm(text)
    passes(text[:rng.randint(0, 200)], text)
"""


def test_it_reads_nothing_beyond_the_end(tmp_path: Path) -> None:
    source = Path(quiet.__file__).parent
    flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover"
    target = f"OUT={tmp_path / 'native.abi3.so'}"
    make = ["make", "-s", "-B", "-C", str(source), f"PYTHON={sys.executable}", target, f"CFLAGS={flags}"]
    subprocess.run(make, check=True)
    names = ("libasan.so", "libubsan.so")
    libraries = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in names
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }
    subprocess.run([sys.executable, "-c", _WATCHED, str(tmp_path)], check=True, env=environment)
