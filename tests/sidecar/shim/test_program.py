"""Programs on pipes: what they are given, what comes back, and programs that cannot start."""

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from shim_process import UNPRIVILEGED, WITHOUT_NEW_CALLS, Shim

from sidecar.contract.handshake import HEADER, MAX_PACKET_BYTES, ExecFailed, Exited

PRINT_ARGUMENTS = "import os, sys; os.write(1, b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
PRINT_DIGEST = (
    "import hashlib, os, sys;print(hashlib.sha256(b'\\0'.join(map(os.fsencode, sys.argv[1:]))).hexdigest())"
)
PRINT_DESCRIPTORS = """
import os
for number in range(1024):
    try:
        os.fstat(number)
    except OSError:
        continue
    print(number, os.get_inheritable(number))
"""


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 255])
def test_exits_with_the_code_of_the_program(shim: Shim, code: int) -> None:
    outcome = shim.run("sh", "-c", f"exit {code}")
    assert (outcome.code, outcome.end) == (code, Exited(code, 0))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_exits_with_128_and_the_signal_that_ended_the_program(shim: Shim, number: int) -> None:
    outcome = shim.run("sh", "-c", f"kill -{number} $$")
    assert (outcome.code, outcome.end) == (128 + number, Exited(128 + number, number))


def test_keeps_output_and_error_output_apart_and_in_order(shim: Shim) -> None:
    outcome = shim.run("sh", "-c", "for n in 1 2 3; do echo out $n; echo err $n >&2; done")
    assert outcome.stdout == b"out 1\nout 2\nout 3\n"
    assert outcome.stderr == b"err 1\nerr 2\nerr 3\n"


def test_bytes_pass_both_ways_unchanged_and_the_end_of_input_arrives(shim: Shim) -> None:
    given = os.urandom(3_000_000)
    outcome = shim.run("cat", given=given)
    assert outcome.hello.header.stdin
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, given, b"")


def test_a_program_that_ends_early_does_not_wait_for_its_input(shim: Shim) -> None:
    outcome = shim.run("head", "-c", "5", given=b"12345" * 1_000_000)
    assert (outcome.code, outcome.stdout) == (0, b"12345")


def test_passes_dev_null_straight_to_the_program(shim: Shim) -> None:
    outcome = shim.run("readlink", "/proc/self/fd/0", stdin=subprocess.DEVNULL)
    assert not outcome.hello.header.stdin
    assert outcome.stdout == b"/dev/null\n"


@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_stands_in_dev_null_for_what_is_closed(shim: Shim, closed: str) -> None:
    outcome = shim.run("sh", "-c", "cat; exit 7", before=("sh", "-c", f'exec "$@" {closed}', "sh"))
    assert not outcome.hello.header.stdin
    assert outcome.code == 7


def test_arguments_may_be_any_bytes(shim: Shim) -> None:
    odd: list[bytes] = [b"", b"\xff\xfe", b"two\nlines", b" ", b"--", b"*", "é€😀".encode(), b"\x1b[31m", b""]
    outcome = shim.run(sys.executable, "-c", PRINT_ARGUMENTS, *odd)
    assert outcome.hello.argv == (sys.executable.encode(), b"-c", PRINT_ARGUMENTS.encode(), *odd)
    assert outcome.stdout == b"\0".join(odd)


def test_arguments_may_be_as_large_as_execve_allows(shim: Shim) -> None:
    large = [bytes([65 + number]) * 130_000 for number in range(14)]
    outcome = shim.run(sys.executable, "-c", PRINT_DIGEST, *large)
    assert outcome.hello.argv[3:] == tuple(large)
    assert outcome.stdout.decode().strip() == hashlib.sha256(b"\0".join(large)).hexdigest()
    assert max(outcome.session.packet_sizes) == MAX_PACKET_BYTES


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_hello_may_end_where_a_packet_does(shim: Shim, beyond: int) -> None:
    fixed = HEADER.size + len(b"grant") + len(b"true\0") + len(b"\0")
    outcome = shim.run("true", "x" * (MAX_PACKET_BYTES - fixed + beyond))
    assert (sum(outcome.session.packet_sizes), outcome.code) == (MAX_PACKET_BYTES + beyond, 0)
    assert len(outcome.session.packet_sizes) == (2 if beyond > 0 else 1)


def test_hands_over_the_grant_and_the_arguments(shim: Shim) -> None:
    outcome = shim.run("echo", "hello")
    assert (outcome.hello.grant, outcome.hello.argv) == (b"grant", (b"echo", b"hello"))
    assert (outcome.hello.header.size.rows, outcome.hello.header.tty) == (0, False)


def test_environment_and_directory_are_those_the_shim_was_given(shim: Shim, tmp_path: Path) -> None:
    before = ("env", "-C", str(tmp_path), "GREETING=good day")
    outcome = shim.run("sh", "-c", 'pwd; echo "$GREETING"', before=before)
    assert outcome.stdout.decode() == f"{tmp_path}\ngood day\n"


@pytest.mark.parametrize("profile", [(), WITHOUT_NEW_CALLS])
def test_the_program_inherits_its_three_streams_and_nothing_else(
    shim: Shim, profile: tuple[str, ...]
) -> None:
    leaky = ("sh", "-c", 'exec 5</dev/null 7</dev/null; exec "$@"', "sh")
    outcome = shim.run(sys.executable, "-c", PRINT_DESCRIPTORS, before=(*leaky, *profile))
    assert outcome.stdout == b"0 True\n1 True\n2 True\n"


def test_signals_are_as_a_new_process_expects_them(shim: Shim) -> None:
    before = ("env", "--ignore-signal=CHLD,INT,PIPE,TTOU", "--block-signal=TERM,USR1")
    outcome = shim.run("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", before=before)
    assert outcome.stdout == b"SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"


def test_the_program_leads_a_session_of_its_own(shim: Shim) -> None:
    script = "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0))"
    assert shim.run(sys.executable, "-c", script).stdout == b"True\n"


def test_works_for_an_ordinary_user_who_cannot_gain_rights(shim: Shim) -> None:
    outcome = shim.run("grep", "NoNewPrivs", "/proc/self/status", before=UNPRIVILEGED)
    assert (outcome.code, outcome.stdout) == (0, b"NoNewPrivs:\t1\n")


def test_the_process_of_the_shim_cannot_be_read_by_its_user(shim: Shim) -> None:
    outcome = shim.run("sh", "-c", "stat -c %u /proc/$PPID/environ /proc/$$/environ", before=UNPRIVILEGED)
    owner_of_shim, owner_of_program = outcome.stdout.split()
    assert owner_of_shim == b"0"
    assert owner_of_program != b"0"


def not_found(name: str, where: str) -> bytes:
    return f"chaperone: '{name}' not found in this container{where}\n".encode()


@pytest.mark.parametrize(
    ("name", "where"),
    [("no-such-program", "'s PATH"), ("", "'s PATH"), ("/no/such/program", ""), ("./none", "")],
)
def test_a_program_that_is_not_there_is_127(shim: Shim, name: str, where: str) -> None:
    outcome = shim.run(name, "argument")
    assert (outcome.code, outcome.stderr) == (127, not_found(name, where))
    assert outcome.session.messages == [ExecFailed(2), Exited(127, 0)]


def cannot_execute(shim: Shim, file: Path, *, mode: int) -> int:
    """The errno the recorder is told, when everything else is as it should be."""
    file.write_bytes(b"neither script nor program")
    file.chmod(mode)
    outcome = shim.run(str(file))
    assert outcome.code == 126
    assert outcome.stderr.startswith(f"chaperone: cannot execute '{file}': ".encode())
    assert outcome.stderr.count(b"\n") == 1
    failure, end = outcome.session.messages
    assert isinstance(failure, ExecFailed)
    assert end == Exited(126, 0)
    return failure.errno


def test_a_file_without_the_right_to_execute_is_126(shim: Shim, tmp_path: Path) -> None:
    assert cannot_execute(shim, tmp_path / "file", mode=0o644) == errno.EACCES


def test_a_file_that_is_no_program_is_126(released: Shim, tmp_path: Path) -> None:
    """Not the sanitized build: glibc's execvp(3) would feed it to a shell."""
    assert cannot_execute(released, tmp_path / "file", mode=0o755) == errno.ENOEXEC


def test_a_directory_is_126(shim: Shim) -> None:
    assert shim.run("/tmp").session.messages == [ExecFailed(13), Exited(126, 0)]


def test_says_when_it_is_the_interpreter_that_is_missing(shim: Shim, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    outcome = shim.run(str(script))
    assert outcome.code == 127
    assert b"the interpreter it names is not in this container" in outcome.stderr


def test_a_name_with_control_characters_stays_one_line(shim: Shim) -> None:
    outcome = shim.run("bad\nname\x1b[2J\x7f")
    assert outcome.stderr == not_found("bad name [2J ", "'s PATH")


def test_runs_a_program_that_replaces_itself(shim: Shim) -> None:
    assert shutil.which("env")
    assert shim.run("env", "sh", "-c", "exec sh -c 'exit 9'").code == 9
