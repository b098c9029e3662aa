"""Sessions that never begin: status 126, one plain line, and no program started."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from shim_peer import PATIENCE_S, Recorder, Session
from shim_process import UNPRIVILEGED, Shim

from sidecar.contract import handshake
from sidecar.contract.handshake import HandshakeError

Answer = Callable[[Session], None]


def one_line(stderr: bytes) -> str:
    """The only line there is, without the prefix every line of the shim has."""
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("chaperone: ")
    return lines[0].removeprefix("chaperone: ")


def answered(shim: Shim, recorder: Recorder, marker: Path, answer: Answer) -> str:
    """What the shim says when the recorder answers like that; the program would have left a file."""
    process = shim.start("touch", str(marker))
    with recorder.accept() as session:
        session.hello()
        answer(session)
        session.close_descriptors()
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, marker.exists()) == (126, b"", False)
    return one_line(stderr)


@pytest.mark.parametrize(
    "arguments",
    [[], ["grant"], ["grant", "--"], ["grant", "sh", "-c"], ["--", "sh", "x"], ["grant", "", "sh"]],
)
def test_wrong_usage(shim: Shim, arguments: list[str]) -> None:
    done = subprocess.run([shim.path, *arguments], capture_output=True, check=False)
    assert done.returncode == 126
    assert one_line(done.stderr).startswith("usage: /.chaperone/shim GRANT -- PROGRAM")


def test_no_recorder(shim: Shim) -> None:
    done = shim.run_alone("true")
    assert done.returncode == 126
    assert one_line(done.stderr) == (
        f"cannot reach the recorder at {shim.socket_path}: No such file or directory; nothing was run. "
        "Is this pod's container chaperone-recorder running?"
    )


def test_a_socket_without_a_recorder_behind_it(shim: Shim) -> None:
    with Recorder(shim.socket_path) as recorder:
        recorder.close()
        done = shim.run_alone("true")
    assert done.returncode == 126
    assert "Connection refused; nothing was run" in one_line(done.stderr)


def test_prints_the_reason_of_a_refusal(shim: Shim, recorder: Recorder, tmp_path: Path) -> None:
    reason = "this grant was used before: start the command again"
    said = answered(shim, recorder, tmp_path / "ran", lambda session: session.say(handshake.refuse(reason)))
    assert said == reason


def test_a_reason_stays_one_line(shim: Shim, recorder: Recorder, tmp_path: Path) -> None:
    refusal = handshake.refuse("two\nlines\r\x1b[2J\x7f, é")
    said = answered(shim, recorder, tmp_path / "ran", lambda session: session.say(refusal))
    assert said == "two lines  [2J , é"


def test_a_long_reason_is_cut(shim: Shim, recorder: Recorder, tmp_path: Path) -> None:
    refusal = handshake.refuse("x" * 60_000)
    said = answered(shim, recorder, tmp_path / "ran", lambda session: session.say(refusal))
    assert 1000 < len(said) < 1100
    assert set(said) == {"x"}


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (handshake.terminate(15, "the approval was withdrawn"), "the approval was withdrawn"),
        (handshake.finished(), "the recorder answered with something unknown; nothing was run"),
        (b"\xff", "the recorder answered with something unknown; nothing was run"),
        (b"go", "the recorder answered with something unknown; nothing was run"),
    ],
)
def test_only_go_starts_a_program(
    shim: Shim, recorder: Recorder, tmp_path: Path, packet: bytes, expected: str
) -> None:
    said = answered(shim, recorder, tmp_path / "ran", lambda session: session.say(packet))
    assert said.startswith(expected)


def test_a_recorder_that_hangs_up(shim: Shim, recorder: Recorder, tmp_path: Path) -> None:
    said = answered(shim, recorder, tmp_path / "ran", lambda session: session.connection.close())
    assert said == "the recorder closed the connection before the session began; nothing was run"


def test_a_refusal_before_the_whole_hello_was_read(shim: Shim, recorder: Recorder) -> None:
    process = shim.start("true", *["x" * 120_000] * 12)
    with recorder.accept() as session:
        session.say(handshake.refuse("the command line is too long"))
        session.connection.close()
        session.close_descriptors()
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 126
    assert one_line(stderr) == "the command line is too long"


def test_a_recorder_that_does_not_answer(shim: Shim) -> None:
    """Silent after the hello, deaf after its first packet, not accepting, frozen: all at once."""
    with Recorder(shim.socket_path) as recorder:
        silent = shim.start("true")
        with recorder.accept() as hears_all:
            hears_all.hello()
            unheard = shim.start("true", *["x" * 120_000] * 12)
            with recorder.accept(), Recorder(shim.socket_path, backlog=0):
                # One waits in the backlog of a recorder that never accepts, as a frozen one does. Its
                # client sees the end of the output all the same, while that recorder is still there.
                never_heard = [shim.start("true") for _ in range(3)]
                said = [process.communicate(timeout=30 + PATIENCE_S)[1] for process in never_heard]
                for process in (silent, unheard):
                    process.wait(30 + PATIENCE_S)
    said += [process.communicate()[1] for process in (silent, unheard)]
    assert {process.returncode for process in (silent, unheard, *never_heard)} == {126}
    for stderr in said:
        assert one_line(stderr).startswith("the recorder did not answer within 30 seconds; nothing was run")


def test_a_signal_before_the_verdict_ends_the_shim(shim: Shim, recorder: Recorder, tmp_path: Path) -> None:
    process = shim.start("touch", str(tmp_path / "ran"))
    with recorder.accept() as session:
        session.hello()
        process.terminate()
        process.wait(PATIENCE_S)
    process.communicate()
    assert (process.returncode, (tmp_path / "ran").exists()) == (-15, False)


def test_few_descriptors_are_enough_or_it_says_so(released: Shim) -> None:
    """Whatever the limit, there is either a whole session or one clear line and nothing run."""
    codes = [code_with_descriptors(released, limit) for limit in range(3, 16)]
    assert codes == sorted(codes, reverse=True)
    assert set(codes) == {126, 7}


def code_with_descriptors(shim: Shim, limit: int) -> int:
    with Recorder(shim.socket_path) as recorder:
        process = shim.start("sh", "-c", "exit 7", before=("prlimit", f"--nofile={limit}:{limit}"))
        while process.poll() is None:
            if recorder.is_dialled():
                run_to_the_end(recorder)
        _, stderr = process.communicate()
    if process.returncode == 126:
        assert "No file descriptors available; nothing was run" in one_line(stderr)
    return process.returncode


def run_to_the_end(recorder: Recorder) -> None:
    try:
        with recorder.accept() as session:
            session.hello()
            session.serve()
    except (HandshakeError, EOFError, ConnectionError):
        return


def test_a_container_at_its_limit_of_processes(shim: Shim, recorder: Recorder) -> None:
    process = shim.start("true", before=(*UNPRIVILEGED, "prlimit", "--nproc=1:1"))
    with recorder.accept() as session:
        session.hello()
        session.say(handshake.go())
        process.wait(PATIENCE_S)
    _, stderr = process.communicate()
    assert process.returncode == 126
    assert one_line(stderr) == (
        "cannot start a process: Resource temporarily unavailable; nothing was run. "
        "The container may be at its limit of processes or memory"
    )
