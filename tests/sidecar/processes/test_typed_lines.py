"""Lines typed into real shells, through a real recorder and a real shim."""

import shutil

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder
from shim_terminal import Client

from sidecar.contract.events import Channel, Program
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind

NO_CD = CommandRule(
    "payments/no-cd",
    "stay here",
    deny=(CommandPattern(PatternKind.PREFIX, ("cd", "/etc")), CommandPattern(PatternKind.PREFIX, ("echo",))),
    lines=True,
)
BASH = ("bash", "--norc", "--noprofile", "-i")
SHELLS = [BASH, ("dash", "-i"), ("busybox", "sh", "-i")]
PROMPT = b"ready> "
AT_PROMPT = ("env", "PS1=ready> ", "HISTFILE=", "TERM=xterm")


def give_up(client: Client) -> None:
    """Begin a line anew. Only a prompt that the shell has shown whole tells what is typed at it.

    bash 5.2 that is interrupted while it still echoes what was typed shows no prompt.
    """
    client.settle()
    client.type(b"\x03")
    client.wait_for(PROMPT)
    client.settle()


@pytest.mark.parametrize("shell", SHELLS, ids=lambda one: one[0])
def test_builtins_are_denied_at_the_prompt_of_every_shell(
    shared: LiveRecorder, authority: Authority, shell: tuple[str, ...]
) -> None:
    assert shutil.which(shell[0]), f"{shell[0]} is missing: install the Debian package {shell[0]}"
    ticket = authority.grant(*AT_PROMPT, *shell, tty=True, commands=(NO_CD,))
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(PROMPT)
        client.type(b"cd /etc\r")
        client.wait_for(b"the line was not entered: by rule payments/no-cd")
        give_up(client)
        client.type(b"cd /tmp; pwd\r")
        client.wait_for(b"/tmp\r\n")
        client.wait_for(PROMPT)
        client.type(b"x=/tmp\r")
        client.wait_for(PROMPT)
        if shell[0] != "dash":  # built without line editing
            client.type(b"true; echo from the history\x01: \r")
            client.wait_for(b"the line was not entered")
            give_up(client)
        client.type(b"sh -c 'cd /etc; pwd'\r")
        client.wait_for(b"the line was not entered")
        give_up(client)
        client.type(b"exit 3\r")
        assert process.wait(PATIENCE_S) == 3
    recording = shared.ended_recording(ticket.session)
    typed = [one for one in recording.events if isinstance(one, Program) and one.typed]
    assert [one.argv[0] for one in typed][:1] == ["cd /etc"]
    assert all(one.denied == "payments/no-cd" for one in typed)
    assert recording.end.programs == len([one for one in recording.events if isinstance(one, Program)])
    assert b"cd /tmp; pwd\r" in recording.data(Channel.STDIN)


def test_a_recalled_line_is_judged_by_what_bash_shows(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant(*AT_PROMPT, *BASH, tty=True, commands=(NO_CD,))
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(PROMPT)
        client.type(b"history -s 'cd /etc'\r")
        client.wait_for(PROMPT)
        client.settle()
        client.type(b"\x1b[A")
        client.wait_for(b"cd /etc")
        client.type(b"\r")
        client.wait_for(b"the line was not entered")
        give_up(client)
        client.type(b"pwd; exit\r")
        process.wait(PATIENCE_S)
    recording = shared.ended_recording(ticket.session)
    typed = [one for one in recording.events if isinstance(one, Program) and one.typed]
    assert [one.argv for one in typed] == [("cd /etc",)]


def test_a_recalled_line_is_judged_whole_or_not_entered(shared: LiveRecorder, authority: Authority) -> None:
    """Longer than the screen is high, its beginning has scrolled away."""
    ticket = authority.grant(*AT_PROMPT, *BASH, tty=True, commands=(NO_CD,))
    with Client(rows=5, cols=40) as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(PROMPT)
        client.type(b"history -s \"cd /etc; : $(printf %300s | tr ' ' x) end\"\r")
        client.wait_for(PROMPT)
        client.settle()
        for rows, why in ((5, b"it is too long to be judged"), (24, b"it is denied inside sessions")):
            client.resize(rows, 40)
            client.settle()
            client.type(b"\x1b[A")
            client.wait_for(b"x end")
            client.type(b"\r")
            client.wait_for(b"the line was not entered: by rule payments/no-cd " + why)
            give_up(client)
        client.type(b"pwd; exit\r")
        process.wait(PATIENCE_S)
    recording = shared.ended_recording(ticket.session)
    typed = [one for one in recording.events if isinstance(one, Program) and one.typed]
    assert [one.argv[0].strip()[-5:] for one in typed] == ["x end", "x end"]
    assert typed[1].argv[0].startswith("cd /etc; : xxx")


def test_the_text_that_a_shell_is_given_is_judged_before_it_runs(
    shared: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.grant("sh", "-c", "pwd; cd /etc; pwd", commands=(NO_CD,))
    done = shared.run(ticket)
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"by rule payments/no-cd it is denied inside sessions (stay here)" in done.stderr
