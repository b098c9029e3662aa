"""The wrapper: errors say nothing of the data, databases survive a fork and a file, feeds never crash."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
from masking_inputs import FEEDS, run

from sidecar.contract.errors import BugError
from sidecar.masking import Engine, Profile
from sidecar.masking.databases import compile_all, dump, load
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import Trigger

NUMBER = b"4111111111111111"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


def test_a_bad_expression_is_a_bug_without_the_expression() -> None:
    with pytest.raises(BugError) as raised:
        compile_database([Trigger(b"4111(", "text", 1)])
    assert "4111" not in str(raised.value)


def test_a_failed_scan_is_a_bug_without_the_data(engine: Engine) -> None:
    scanner = Scanner(compile_database([Trigger(b"4111", "text", 4)]))

    class Failing:
        def scan(self, *_: object) -> None:
            raise scanner._error("error code -1")

    scanner._database = Failing()  # pyright: ignore[reportAttributeAccessIssue]  no input makes Hyperscan fail
    with pytest.raises(BugError) as raised:
        scanner.hits(NUMBER)
    assert "4111" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_databases_survive_as_bytes() -> None:
    restored = load(dump(compile_all()))
    assert restored is not None
    assert Engine(Profile.STRICT, restored).masks()(NUMBER)[0] == b"411111******1111"


def test_loaded_before_a_fork_used_after_it(engine: Engine) -> None:
    before = engine.stream()
    before.feed(b"4111")
    child = os.fork()
    if child == 0:
        good = run(engine, [NUMBER])[0] == b"411111******1111" and before.feed(b"1111") == b"11"
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert before.feed(b"111111111111 ") + before.close() == b"11******1111 "


def test_importing_loads_no_hyperscan() -> None:
    code = "import sys, sidecar.masking; sys.exit('hyperscan' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_random_feeds_keep_length_and_never_fail(engine: Engine) -> None:
    rng = random.Random(5)
    pool = [
        NUMBER,
        b"\x1b[31m",
        b"\x00",
        b"%3",
        b"\\u003",
        b" ",
        b"-",
        b"cvv=",
        b"=2512101",
        b"^",
        b"\xe2\x80",
    ]
    masker = engine.stream()
    fed = out = 0
    for _ in range(FEEDS):
        piece = rng.choice(pool) if rng.random() < 0.5 else rng.randbytes(rng.randint(1, 40))
        fed += len(piece)
        out += len(masker.feed(piece))
        masker.take_findings()
        if rng.random() < 0.01:
            out += len(masker.close())
            assert out == fed
            masker, fed, out = engine.stream(), 0, 0


@pytest.mark.parametrize("piece", [b"4", b"4 ", b"\x1b[m", b"4\x1b[m", b"4\x00", b"%34", b"4111 ", b"4111-"])
def test_endless_runs_use_constant_memory(engine: Engine, piece: bytes) -> None:
    masker = engine.stream()
    for _ in range(400):
        masker.feed(piece)
        assert masker.held <= 400
