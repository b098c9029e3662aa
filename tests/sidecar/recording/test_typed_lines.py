"""Lines typed at a session's terminal are asked about before they are entered, told as transcripts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import START
from shell_terminal import prefix, terminal

from sidecar.contract.events import Channel, Ending, Held, Program
from sidecar.contract.grants import CommandRule
from sidecar.contract.handshake import Executed, Exited, Resized, WindowSize, proceed
from sidecar.contract.identifiers import program_approval
from sidecar.recording.commands import AskPeople, Record, Tell
from sidecar.recording.deadlines import SECOND
from sidecar.recording.inputs import Decided, Received, ShimSaid, SpoolFreed, SpoolFull, Ticked

ASK = CommandRule("payments/ask", "", approve=(prefix("read"),), wait_seconds=60, lines=True)
PAN = "4111111111111111"


def test_a_line_is_entered_when_it_may_be() -> None:
    shell = terminal()
    shell.type("ls -l\r")
    assert shell.given == b"ls -l\r"
    assert shell.played.session.wants(Channel.STDIN)


@pytest.mark.parametrize("cut", range(8))
def test_a_denied_line_is_not_entered_however_it_was_cut(cut: int) -> None:
    shell, keys = terminal(), "rm -r x\r"
    shell.type(keys[:cut])
    shell.type(keys[cut:])
    shell.wait()
    assert shell.given == b"rm -r x\x03"
    [event] = shell.denied
    assert (event.argv, event.typed, event.denied) == (("rm -r x",), True, "payments/no-rm")
    told = shell.played.recorded(Channel.STDOUT).decode()
    assert "\r\nchaperone: the line was not entered: by rule payments/no-rm" in told
    assert "(nothing is removed by hand)" in told
    shell.type("ls\r")
    shell.wait()
    assert shell.given.endswith(b"ls\r"), "the next line is one of its own"


@pytest.mark.parametrize("rest", ["", "\x7f", "\x7f\x7f"], ids=["whole", "one less", "two less"])
def test_a_line_that_is_too_long_to_be_judged_is_not_entered(rest: str) -> None:
    shell = terminal()
    shell.type("rm x;" + " " * 8200 + rest + "\r")
    shell.wait()
    assert not shell.given.endswith(b"\r")
    [event] = shell.denied
    assert event.denied == "payments/no-rm"


def test_builtins_are_seen_and_programs_are_judged_as_ever() -> None:
    shell = terminal(CommandRule("p/r", "", deny=(prefix("cd", "/data"),), lines=True))
    shell.type("cd /data\r")
    assert len(shell.denied) == 1
    message = Executed(12, 1, 0, b"/bin/ls", b"/", (b"ls",), False)
    shell.played.happens(
        ShimSaid(9, message), Record(Program(9, 12, 1, 0, "/bin/ls", "/", ("ls",))), Tell(proceed())
    )


def test_without_the_wish_no_line_is_asked_about() -> None:
    shell = terminal(CommandRule("p/r", "", deny=(prefix("rm"),)))
    shell.type("rm x\r")
    assert shell.given == b"rm x\r"


def test_what_comes_after_a_denied_line_is_dropped_with_it() -> None:
    shell = terminal()
    shell.type("ls\rrm x\rid\r")
    shell.wait()
    assert shell.given == b"ls\rrm x\x03"


def test_the_rest_of_a_paste_that_comes_in_pieces_is_judged_for_itself() -> None:
    shell = terminal()
    shell.type("rm x\rid\r")
    shell.wait()
    shell.type("ls\rrm y\rid\r")
    shell.wait()
    shell.wait()
    assert shell.given == b"rm x\x03ls\rrm y\x03"
    assert [event.argv for event in shell.denied] == [("rm x",), ("rm y",)]


@pytest.mark.parametrize(
    "keys",
    [
        "mr\x7f\x7frm x\r",
        "nothing\x15rm x\r",
        "echo ls\x17\x17rm x\r",
        "\x1b[200~rm x\x1b[201~\r",
        "rm x\n",
        "rm x\x0f",
        "rm x\x04",
    ],
)
def test_keys_that_change_its_end_are_followed(keys: str) -> None:
    shell = terminal()
    shell.type(keys)
    shell.wait()
    assert len(shell.denied) == 1
    assert shell.given[-1:] == b"\x03"


def test_a_key_that_gives_a_line_up_is_not_believed_where_the_line_stands_there_still() -> None:
    for key in ("\x03", "\x15", "\x7f\x7f\x7f\x7f"):
        shell = terminal()
        shell.type("rm x")
        shell.show("rm x")
        shell.type(key + "\r")
        shell.wait()
        assert len(shell.denied) == 1
        shell = terminal()
        shell.type("rm x")
        shell.show("rm x")
        shell.type(key)
        shell.show("^C\r\n$ ")
        shell.type("\r")
        shell.wait()
        assert not shell.denied


def test_a_line_from_the_history_is_read_from_the_screen_once_it_stands_there() -> None:
    shell = terminal()
    shell.type("\x1b[A\r")
    assert shell.given == b"\x1b[A"
    assert not shell.played.session.wants(Channel.STDIN), "nothing more is read meanwhile"
    shell.show("rm -r x")
    shell.wait()
    assert shell.denied[0].argv == ("rm -r x",)
    assert shell.given == b"\x1b[A\x03"


def test_an_edited_line_is_what_stands_there() -> None:
    shell = terminal()
    shell.type("x")
    shell.show("x")
    shell.type("\x01echo rm \r")
    shell.show("\x1b[3Gecho rm x")
    shell.wait()
    assert shell.given == b"x\x01echo rm \r", "rm is only an argument"


def test_a_program_that_never_stops_writing_does_not_hold_a_line_forever() -> None:
    shell = terminal()
    shell.type("\x1b[A\r")
    for _ in range(1100):
        shell.show("x")
        if shell.given.endswith(b"\r"):
            break
        due = shell.played.session.deadline
        if due is not None and due <= shell.at:
            shell.wait()
    assert shell.given == b"\x1b[A\r"


def test_a_line_that_the_program_did_not_forget_is_judged_again() -> None:
    shell = terminal()
    shell.type("rm x\r")
    shell.show("rm x")  # and it ignores the interrupt
    shell.type("\r")
    shell.wait()
    assert shell.given == b"rm x\x03\x03"


def test_a_line_is_erased_once_the_shell_has_shown_it_and_what_is_typed_then_is_kept() -> None:
    """An interrupt while bash still echoes would leave it without a prompt."""
    shell = terminal()
    shell.type("rm x\r")
    assert shell.given == b"rm x"
    shell.show("rm")
    shell.show(" x")
    shell.played.goes_on(Received(shell.at, Channel.STDIN, b"ls"))
    assert shell.given == b"rm x"
    shell.wait()
    assert shell.given == b"rm x\x03ls"


def test_a_terminal_that_takes_whole_lines_is_told_by_its_own_key() -> None:
    shell = terminal()
    shell.type("rm x\r", erase=b"\x18")
    shell.wait()
    assert shell.given == b"rm x\x18"


def test_a_command_over_several_lines_is_one() -> None:
    shell = terminal(CommandRule("p/r", "", deny=(prefix("rm", "-r"),), lines=True))
    shell.type("rm \\\r")
    shell.type("-r x\r")
    assert shell.denied[0].argv == ("rm -r x",)
    shell = terminal()
    shell.type("echo 'a\r")
    shell.type("b'; rm x\r")
    assert len(shell.denied) == 1


def test_a_blank_line_within_quotes_ends_no_command() -> None:
    shell = terminal()
    shell.type("eval 'ls\r")
    shell.type("\r")
    shell.type("rm x'\r")
    assert len(shell.denied) == 1


def test_full_screen_programs_get_what_is_typed() -> None:
    shell = terminal()
    shell.show("\x1b[?1049h")
    shell.type("rm x\r")
    assert shell.given == b"rm x\r"
    pasted = "rm x " * 2000
    shell.type(pasted + "\r")
    assert shell.given == b"rm x\r" + pasted.encode() + b"\r"
    shell.show("\x1b[?1049l$ ")
    shell.type("rm x\r")
    assert len(shell.denied) == 1


def test_what_is_typed_unseen_is_judged_and_not_recorded() -> None:
    shell = terminal()
    shell.type("rm 4111\r", unseen=True)
    [event] = shell.denied
    assert event.argv == ("",)
    assert b"rm" not in shell.played.recorded(Channel.STDIN)
    shell.type("hunter2\r", unseen=True)
    assert shell.given.endswith(b"hunter2\r")


def test_the_record_of_a_line_is_masked() -> None:
    shell = terminal()
    shell.type(f"rm {PAN}\r")
    assert shell.denied[0].argv == ("rm 411111******1111",)


def test_a_line_may_end_the_session() -> None:
    shell = terminal(CommandRule("p/r", "", deny=(prefix("rm"),), ends=True, lines=True))
    shell.type("rm x\r")
    shell.played.goes_on(ShimSaid(shell.at, Exited(0, 1)), Ticked(shell.at + 60 * SECOND))
    assert shell.played.end().how is Ending.POLICY
    assert "this session was ended" in shell.played.end().reason


def test_a_line_that_needs_an_approval_holds_input_until_it_is_decided() -> None:
    shell = terminal(ASK)
    shell.type("read x\r")
    name = program_approval(START.session, 1, 1)
    assert shell.given == b"read x"
    asked = [one for one in shell.played.commands if isinstance(one, AskPeople)]
    assert asked == [AskPeople(1, 1, "payments/ask", "", ("read x",))]
    assert [one for one in shell.played.events() if isinstance(one, Held)]
    assert f"chaperone approvals approve {name} -n payments" in shell.played.recorded(Channel.STDOUT).decode()
    assert not shell.played.session.wants(Channel.STDIN)
    assert shell.played.session.waits_for_people
    shell.played.goes_on(Decided(shell.at, name, approved=True))
    assert shell.given == b"read x\r"
    assert not shell.played.session.waits_for_people
    [event] = [one for one in shell.played.events() if isinstance(one, Program)]
    assert (event.denied, event.approvals, event.typed) == ("", (name,), True)


@pytest.mark.parametrize("late", [False, True])
def test_one_that_nobody_approves_is_not_entered(late: bool) -> None:
    shell = terminal(ASK)
    shell.type("read x\r")
    if late:
        shell.wait()
    else:
        name = program_approval(START.session, 1, 1)
        shell.played.goes_on(Decided(shell.at, name, approved=False, reason="bob denied it"))
        shell.wait()
    assert shell.given == b"read x\x03"
    assert shell.denied[0].approvals
    told = shell.played.recorded(Channel.STDOUT).decode()
    assert ("nobody approved it within 60 seconds" if late else "bob denied it") in told


def test_while_nothing_can_be_recorded_no_line_is_entered() -> None:
    shell = terminal()
    shell.type("\x1b[A\r")
    shell.played.goes_on(SpoolFull(shell.at))
    shell.played.goes_on(Ticked(shell.at + SECOND))
    assert shell.given == b"\x1b[A"
    shell.at += 2 * SECOND
    shell.played.goes_on(SpoolFreed(shell.at))
    assert shell.given == b"\x1b[A\r"


def test_a_long_line_wraps_where_the_terminal_says() -> None:
    shell = terminal()
    shell.played.goes_on(ShimSaid(1, Resized(WindowSize(24, 20))))
    shell.type("\x1b[A\r")
    shell.show("echo aaaaaaaaaaaa; rm x")
    shell.wait()
    assert len(shell.denied) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(alphabet="ab rm;\r\n\x7f\x15\x1b[A'\\\x03", max_size=12), max_size=12))
def test_what_passes_is_what_was_typed_but_for_erased_lines(pieces: list[str]) -> None:
    shell = terminal()
    for piece in pieces:
        shell.type(piece) if piece else None
        while not shell.played.session.wants(Channel.STDIN):
            shell.wait()
    if not shell.denied:
        assert shell.given == "".join(pieces).encode()
    assert shell.played.session.deadline is None or shell.played.session.wants(Channel.STDIN)
