"""What is on record of lines typed at a real shell: as they were entered, however; passwords not at all."""

import shlex

import pexpect
from kube import NAMESPACE, Kubectl, chaperone
from sessions import Audit, marker

LEFT, UP, TO_THE_END = "\x1b[D", "\x1b[A", "\x05"
ASK = 'read -sp "Password: " word; echo; echo "length ${#word}"'
WITHIN = f"script -qc {shlex.quote(f'bash -c {shlex.quote(ASK)}')} /dev/null"
"""Asks in a terminal of its own, so that the session's takes keys one by one."""


def test_lines_are_recorded_as_they_were_entered_and_passwords_are_not(
    agent: Kubectl, auditor: Kubectl, audit: Audit, app: str
) -> None:
    mark = marker()
    script = 'exec env PS1="ready> " HISTFILE= bash --norc -i'
    shell = agent.terminal("exec", "-it", "-n", NAMESPACE, app, "--", "sh", "-c", script, mark, cols=200)
    shell.expect_exact("ready> ")

    def enter(keys: str, shown: str) -> None:
        shell.send(f"{keys}\r")
        shell.expect_exact(f"{shown}\r\n")
        shell.expect_exact("ready> ")

    enter(f"echo helo{LEFT}l{TO_THE_END}-$((1+1))", "hello-2")
    enter(UP, "hello-2")
    enter("\x1b[200~echo pasted-$((2+2))\x1b[201~", "pasted-4")
    shell.send("for i in 5 6; do\r")
    shell.expect_exact("h> ")
    enter("echo many-$i; done", "many-6")
    for line, password in ((ASK, "correct-horse"), (WITHIN, "battery-staple")):
        shell.send(f"{line}\r")
        shell.expect(r"[\r\n]Password: ")
        enter(password, f"length {len(password)}")
    shell.send("exit 5\r")
    shell.expect(pexpect.EOF)
    recorded = audit.recorded(mark)
    shown = chaperone(auditor, "sessions", "show", recorded.name, "-n", NAMESPACE, "--typed").splitlines()
    assert [line.partition("› ")[2] for line in shown if "› " in line] == [
        "echo hello-$((1+1))",
        "echo hello-$((1+1))",
        "echo pasted-$((2+2))",
        "for i in 5 6; do",
        "echo many-$i; done",
        ASK,
        WITHIN,
        "exit 5",
    ]
    assert len(recorded.of("redacted")) == 1
    typed = recorded.data("stdin")
    assert b"correct-horse" not in typed
    assert b"battery-staple" in typed, "a terminal within the terminal: docs/threat-model.md says that it is"
