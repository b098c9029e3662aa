"""Exec with a terminal: what a person's hands do."""

import re
from collections.abc import Callable, Iterator

import pexpect
import pytest
from kube import NAMESPACE, Kubectl
from sessions import Audit, marker

CARD = "4111 1111 1111 1111"
MASKED = "4111 11** **** 1111"
Shell = Callable[..., "pexpect.spawn[bytes]"]


@pytest.fixture
def shell(agent_both: Kubectl, app: str) -> Iterator[Shell]:
    """Start an interactive shell with a plain prompt."""
    started: list[pexpect.spawn[bytes]] = []

    def start(mark: str = "sh", rows: int = 24, cols: int = 80) -> "pexpect.spawn[bytes]":
        terminal = agent_both.terminal(
            "exec",
            "-it",
            "-n",
            NAMESPACE,
            app,
            "--",
            "env",
            "PS1=ready> ",
            "sh",
            "-c",
            "exec sh -i",
            mark,
            rows=rows,
            cols=cols,
        )
        started.append(terminal)
        terminal.expect_exact("ready> ")
        return terminal

    yield start
    for terminal in started:
        terminal.close(force=True)


def test_the_exit_code_is_the_shells(shell: Shell) -> None:
    terminal = shell()
    terminal.sendline("exit 7")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 7


def test_what_is_typed_and_shown_is_masked_and_recorded(shell: Shell, audit: Audit) -> None:
    mark = marker()
    terminal = shell(mark)
    terminal.sendline("printf '%s %s\\n' card 4111111111111111; exit")
    terminal.expect_exact("card 411111******1111")
    terminal.expect(pexpect.EOF)
    recorded = audit.recorded(mark)
    for channel in ("stdin", "stdout"):
        assert b"411111******1111" in recorded.data(channel)
        assert b"4111111111111111" not in recorded.data(channel)
    assert recorded.status["findings"]["total"] >= 2


def test_it_is_a_terminal_of_the_clients_size(shell: Shell) -> None:
    terminal = shell(rows=33, cols=101)
    terminal.sendline("tty >/dev/null && stty size")
    terminal.expect_exact("33 101")


def test_a_resize_reaches_the_program_and_the_record(shell: Shell, audit: Audit) -> None:
    mark = marker()
    terminal = shell(mark)
    terminal.sendline("trap 'stty size' WINCH; echo set")
    terminal.expect_exact("\r\nset")
    terminal.setwinsize(40, 120)
    terminal.sendline("")
    terminal.expect_exact("40 120")
    terminal.sendline("exit")
    terminal.expect(pexpect.EOF)
    resizes = audit.recorded(mark).of("resize")
    assert (resizes[-1]["rows"], resizes[-1]["cols"]) == (40, 120)


def test_control_c_interrupts_the_program_and_not_the_session(shell: Shell) -> None:
    terminal = shell()
    terminal.sendline("sh -c 'echo $((6 * 7)); exec sleep 100'")
    terminal.expect_exact("42")  # it runs: before that, a shell may lose the signal
    terminal.sendintr()
    terminal.expect_exact("ready> ")
    terminal.sendline("echo code $?")
    terminal.expect_exact("code 130")


def test_control_d_ends_the_shell(shell: Shell) -> None:
    terminal = shell()
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_control_z_stops_a_job_and_fg_resumes_it(shell: Shell) -> None:
    terminal = shell()
    terminal.sendline("sh -c 'read line; echo got $line'")
    terminal.expect_exact("got $line'\r\n")
    terminal.send(b"\x1a")
    terminal.expect(re.compile(rb"Stopped|Suspended"))
    terminal.expect_exact("ready> ")
    terminal.sendline("fg")
    terminal.expect_exact("read line")
    terminal.sendline("hello")
    terminal.expect_exact("got hello")


def test_a_background_job_that_keeps_the_terminal_does_not_hold_the_session(shell: Shell) -> None:
    terminal = shell()
    terminal.sendline("sleep 300 & exit 3")
    terminal.expect(pexpect.EOF, timeout=60)
    terminal.close()
    assert terminal.exitstatus == 3


def test_keys_are_echoed_one_by_one(shell: Shell) -> None:
    """Nothing a person types waits for the next key, not even digits that could begin a card."""
    terminal = shell()
    terminal.send("echo ")
    terminal.expect_exact("echo ")
    for key in "411111":
        terminal.send(key)
        terminal.expect_exact(key, timeout=90)
