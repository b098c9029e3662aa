"""``chaperone mask`` as people run it: pipes, files, terminals, and what goes wrong."""

from __future__ import annotations

import base64
import io
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast
from unittest import mock

import pytest
from cli_runner import COMMAND

from sidecar.masking import Engine, Finding, Profile
from webhook.cli.failures import CliError
from webhook.cli.main import main
from webhook.cli.mask import pump

NUMBER = b"4111111111111111"
MASKED = b"411111******1111"
RULES = """\
rules:
  - name: token
    pattern: 'tok_[0-9a-f]{8}'
    positive: [tok_0123abcd]
    negative: [tok_]
"""
PATIENCE_S = 60


class Done(NamedTuple):
    """What a command gave."""

    code: int
    out: bytes
    error: str


def run(*arguments: str | Path, fed: bytes = b"") -> Done:
    """Run it in this process, where the engine is loaded already."""
    before = signal.getsignal(signal.SIGTERM)
    with (
        tempfile.NamedTemporaryFile("w+") as source,
        tempfile.NamedTemporaryFile("w+") as sink,
        mock.patch.multiple(sys, stdin=source, stdout=sink, stderr=io.StringIO()),
        mock.patch.object(sys, "argv", ["chaperone", "mask", *map(str, arguments)]),
    ):
        Path(source.name).write_bytes(fed)
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, before)
        error = cast("io.StringIO", sys.stderr).getvalue()
        sink.flush()
        return Done(int(ended.value.code or 0), Path(sink.name).read_bytes(), error)


def masked(*arguments: str | Path, fed: bytes) -> bytes:
    done = run(*arguments, fed=fed)
    assert done.code == 0, done.error
    assert done.error == ""
    return done.out


def failed(done: Done, code: int) -> str:
    assert done.code == code, done.error
    assert "Traceback" not in done.error
    assert done.out == b""
    return done.error


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "team.yaml"
    file.write_text(RULES)
    return file


def test_masks_and_leaves_the_rest_as_it_is() -> None:
    noise = bytes(range(256)) * 300
    assert masked(fed=noise + b"\n" + NUMBER + b"\n" + noise) == noise + b"\n" + MASKED + b"\n" + noise


def test_nothing_in_nothing_out() -> None:
    assert masked(fed=b"") == b""


def test_the_profile_is_the_one_asked_for() -> None:
    short = b"4222222222222 "
    assert masked(fed=short) == b"422222***2222 "
    assert masked("--profile", "modern", fed=short) == short


def test_base64_only_if_asked_for() -> None:
    data = base64.encodebytes(b"card " + NUMBER)
    assert masked(fed=data) == data
    assert masked("--base64", fed=data) == base64.encodebytes(b"card " + MASKED)


def test_the_report_says_what_and_where(tmp_path: Path) -> None:
    report = tmp_path / "found.jsonl"
    masked("--report", report, fed=b"a " + NUMBER + b" cvv=123 ")
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert lines == [
        {"rule": "pan", "brand": "visa", "offset": 2, "length": 16, "shown": "6/4"},
        {"rule": "cvv", "brand": "", "offset": 23, "length": 3, "shown": "0/0"},
    ]
    masked("--report", report, fed=b"nothing")
    assert report.read_bytes() == b""


def test_rules_of_ones_own(rules: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(RULES.replace("token", "key").replace("tok_", "key_"))
    fed = b"tok_0123abcd key_0123abcd " + NUMBER
    assert masked("--rules", rules, fed=fed) == b"tok_******** key_0123abcd " + MASKED
    assert masked("--rules", rules, "--rules", other, fed=fed) == b"tok_******** key_******** " + MASKED


def test_a_rule_that_asks_for_a_check_digit(rules: Path) -> None:
    rules.write_text(
        "rules:\n  - name: member\n    pattern: 'member-[0-9]{9}'\n    luhn: true\n"
        "    positive: [member-123456782]\n    negative: [member-123456783]\n"
    )
    fed = b"member-123456782 member-123456783 " + NUMBER
    assert masked("--rules", rules, fed=fed) == b"member-********* member-123456783 " + MASKED
    rules.write_text(rules.read_text().replace("luhn: true", "luhn: false"))
    assert f"{rules}:6: negative case 1 is masked" in failed(run("--rules", rules, fed=fed), 5)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (RULES.replace("{8}", "+"), 3, "pattern: at '"),
        (RULES + "    colour: red\n", 6, "unknown key colour"),
        (RULES.replace("[tok_]", "[tok_0123abcd]"), 5, "negative case 1 is masked"),
        (RULES + RULES.partition("\n")[2], 6, "rule token is there already"),
        ("rules: [", 1, "expected"),
    ],
)
def test_bad_rules(rules: Path, text: str, place: int, reason: str) -> None:
    rules.write_text(text)
    error = failed(run("--rules", rules, fed=NUMBER), 5)
    assert error.startswith(f"chaperone: {rules}:{place}: ")
    assert reason in error


def test_every_bad_rule_is_named(rules: Path) -> None:
    rules.write_text(RULES.replace("{8}", "+") + RULES.partition("\n")[2].replace("tok_[", "["))
    error = failed(run("--rules", rules), 5)
    assert f"{rules}:3: " in error
    assert f"{rules}:7: " in error


def test_rules_that_are_not_there(tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"
    assert f"cannot read the rules in {gone}: No such file" in failed(run("--rules", gone), 5)
    assert "Is a directory" in failed(run("--rules", tmp_path), 5)


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "no/found"
    assert f"cannot write the report to {file}: No such file" in failed(run("--report", file), 1)
    assert "No space left" in run("--report", "/dev/full", fed=NUMBER + b"\n").error


@pytest.mark.parametrize("name", ["input", "output"])
def test_a_report_in_the_place_of_what_is_masked(tmp_path: Path, name: str) -> None:
    (tmp_path / "input").write_bytes(NUMBER)
    command = f'exec "$0" mask --report {name} < input > output'
    done = subprocess.run(["sh", "-c", command, COMMAND], cwd=tmp_path, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith(f" to {name}: it is the {name}; name another file\n".encode())
    assert (tmp_path / "input").read_bytes() == NUMBER


def test_a_report_in_the_pipe_of_what_is_masked() -> None:
    done = subprocess.run(
        [COMMAND, "mask", "--report", "/dev/stdout"], input=NUMBER, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.endswith(b" to /dev/stdout: it is the output; name another file\n")


def test_a_report_in_the_place_of_rules(rules: Path) -> None:
    error = failed(run("--rules", rules, "--report", rules, fed=NUMBER), 1)
    assert error.endswith(f" to {rules}: it is the rules in {rules}; name another file\n")
    assert rules.read_text() == RULES


def test_output_that_would_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(NUMBER)
    command = 'exec "$0" mask < log >> log'
    done = subprocess.run(
        ["sh", "-c", command, COMMAND], cwd=tmp_path, stderr=subprocess.PIPE, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 1
    assert done.stderr == b"chaperone: the input is the output; write to another file\n"
    assert (tmp_path / "log").read_bytes() == NUMBER


def test_an_unknown_profile_is_a_usage_error() -> None:
    assert "strict" in failed(run("--profile", "loose"), 2)


def test_output_that_cannot_be_written() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, "mask"], input=NUMBER, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"chaperone: cannot write standard output: No space left on device\n"


@pytest.mark.parametrize(("closed", "name"), [("<&-", "input"), ("</dev/null >&-", "output")])
def test_a_standard_stream_that_is_closed(closed: str, name: str) -> None:
    done = subprocess.run(["sh", "-c", f'exec "$0" mask {closed}', COMMAND], capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"chaperone: standard {name} is closed\n".encode()


def test_standard_error_that_is_closed(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(NUMBER)
    command = 'exec "$0" mask < input 2>&-'
    done = subprocess.run(["sh", "-c", command, COMMAND], cwd=tmp_path, stdout=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (0, MASKED)


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_input_that_cannot_be_read() -> None:
    masker = Engine.load(Profile.STRICT).stream()
    with pytest.raises(CliError, match="cannot read standard input: Input/output error"):
        pump(masker, cast("BinaryIO", Broken()), io.BytesIO(), lambda _: None, lambda _: None)


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    with subprocess.Popen(
        [COMMAND, "mask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"word\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"word\n"
        process.stdout.close()
        endless(process.stdin)
        with suppress(BrokenPipeError):
            process.stdin.close()
        assert process.wait(PATIENCE_S) == 1
        assert process.stderr.read() == b""


def endless(sink: IO[bytes]) -> None:
    """Write until nobody reads any more."""
    try:
        while True:
            sink.write(b"word\n" * 1000)
            sink.flush()
    except BrokenPipeError:
        return


def test_lines_come_as_they_are_fed() -> None:
    with subprocess.Popen([COMMAND, "mask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(b"card " + NUMBER + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"card " + MASKED + b"\n"
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_input_that_never_blocks_is_waited_for() -> None:
    source, sink = os.pipe()
    os.set_blocking(source, False)
    with subprocess.Popen([COMMAND, "mask"], stdin=source, stdout=subprocess.PIPE) as process:
        os.close(source)
        assert process.stdout is not None
        for _ in range(20):
            os.write(sink, NUMBER + b"\n")
            assert process.stdout.readline() == MASKED + b"\n"
        os.close(sink)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_never_blocks_is_waited_for(tmp_path: Path, unbuffered: str) -> None:
    """A pipe takes a part of what it is given then, or nothing; all of it must come out."""
    (tmp_path / "log").write_bytes((b"card " + NUMBER + b"\n") * 20_000)
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with (
        (tmp_path / "log").open("rb") as log,
        subprocess.Popen([COMMAND, "mask"], stdin=log, stdout=sink, env=environment) as process,
        os.fdopen(source, "rb") as reader,
    ):
        os.close(sink)
        assert reader.read() == (b"card " + MASKED + b"\n") * 20_000
        assert process.wait(PATIENCE_S) == 0


def on_terminal(file: Path, *, stdout: int | None) -> str:
    """Standard error, which is a terminal, of masking ``file``."""
    outer, inner = pty.openpty()
    with file.open("rb") as source:
        process = subprocess.Popen(
            [COMMAND, "mask"], stdin=source, stdout=inner if stdout is None else stdout, stderr=inner
        )
    os.close(inner)
    shown = b""
    while True:
        try:
            piece = os.read(outer, 4096)
        except OSError:  # EIO: nobody holds the other side any more
            break
        if not piece:
            break
        shown += piece
    os.close(outer)
    assert process.wait(PATIENCE_S) == 0
    return shown.decode()


def test_progress_and_a_summary_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(NUMBER + b"\ncvv=123\n" + NUMBER + b"\n")
    shown = on_terminal(tmp_path / "log", stdout=subprocess.DEVNULL)
    assert "masking" in shown
    assert "Masked: 2 × pan, 1 × cvv" in shown
    assert NUMBER.decode() not in shown


def test_no_progress_among_output(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"plain words\n")
    shown = on_terminal(tmp_path / "log", stdout=None)
    assert shown == "plain words\r\nNothing was masked.\r\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_option(flag: str) -> None:
    done = run(flag)
    assert done.code == 0
    for word in (b"chaperone mask < app.log", b"--profile", b"--rules", b"--base64", b"--report", b"FILE"):
        assert word in done.out


class Cards:
    """Cards, as many bytes of them as wanted, of which nothing is kept."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int) -> bytes:
        taken = min(size, self.left)
        self.left -= taken
        line = b"paid with " + NUMBER + b" words" * 80 + b"\n"
        return (line * (taken // len(line) + 1))[:taken]


def test_memory_does_not_grow_with_the_input() -> None:
    engine = Engine.load(Profile.STRICT)
    found: list[int] = []

    def count(findings: list[Finding]) -> None:
        found.append(len(findings))

    peaks: list[int] = []
    for size in (1 << 18, 1 << 20):
        tracemalloc.start()
        with Path(os.devnull).open("wb") as sink:
            pump(engine.stream(), cast("BinaryIO", Cards(size)), sink, count, lambda _: None)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert sum(found) > 2000
    assert peaks[1] < peaks[0] * 1.2
