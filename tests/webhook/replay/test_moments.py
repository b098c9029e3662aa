"""Events in, moments out."""

from hypothesis import given
from hypothesis import strategies as st
from replay_events import START_PIPES, START_TERMINAL, at, shown_text, stderr, stdin, stdout

from sidecar.contract.events import (
    Channel,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Program,
    Redacted,
    Resize,
    Untraced,
)
from webhook.replay.moments import Kind, Moment, moments


def play(*events: Event, tty: bool = True) -> list[Moment]:
    return list(moments([START_TERMINAL if tty else START_PIPES, *events]))


def test_output_is_text_at_its_time() -> None:
    assert play(stdout(b"hello", 0.5)) == [Moment(at(0.5), Kind.OUTPUT, "hello")]


def test_a_character_cut_by_a_chunk_waits_for_its_rest() -> None:
    told = play(stdout(b"caf\xc3", 0.1), stdout(b"\xa9!", 0.2))
    assert [(moment.at, moment.text) for moment in told] == [(at(0.1), "caf"), (at(0.2), "é!")]


def test_the_cut_character_of_one_stream_is_not_ended_by_another() -> None:
    told = play(stdout(b"\xe2\x82", 0.1), stderr(b"E", 0.2), stdout(b"\xac", 0.3), tty=False)
    assert [(moment.kind, moment.text) for moment in told] == [
        (Kind.ERROR_OUTPUT, "E"),
        (Kind.OUTPUT, "€"),
    ]


def test_bytes_that_are_no_text_are_marked() -> None:
    assert shown_text(play(stdout(b"a\xff\xfeb"))) == "a\ufffd\ufffdb"


def test_a_character_that_never_ends_is_marked_at_the_end() -> None:
    assert shown_text(play(stdout(b"a\xe2\x82"))) == "a\ufffd"


def test_without_a_terminal_line_feeds_return() -> None:
    assert shown_text(play(stdout(b"a\nb\n"), tty=False)) == "a\r\nb\r\n"
    assert shown_text(play(stdout(b"a\r\nb\n"), tty=False)) == "a\r\nb\r\n"


def test_a_return_and_its_line_feed_may_be_cut_apart() -> None:
    assert shown_text(play(stdout(b"a\r"), stdout(b"\nb\n"), tty=False)) == "a\r\nb\r\n"


def test_with_a_terminal_line_feeds_stay() -> None:
    assert shown_text(play(stdout(b"a\nb\r\n"))) == "a\nb\r\n"


def test_harmful_sequences_are_left_out_across_chunks() -> None:
    assert shown_text(play(stdout(b"a\x1b]52;c;"), stdout(b"eA==\x07b"))) == "ab"


def test_input_is_told_as_it_was_typed() -> None:
    assert play(stdin(b"ls\r", 1.0)) == [Moment(at(1.0), Kind.INPUT, "ls\r")]


def test_resizes_findings_and_endings_are_told() -> None:
    told = play(
        Resize(at(1), 40, 120),
        Found(at(2), Channel.STDOUT, "pan", "visa", 0, 16),
        Redacted(at(2.5)),
        End(at(3), Ending.IDLE, "nothing was typed for 15 minutes"),
    )
    assert told == [
        Moment(at(1), Kind.RESIZE, rows=40, cols=120),
        Moment(at(2), Kind.MARKER, "masked pan/visa"),
        Moment(at(2.5), Kind.MARKER, "typed without echo: not recorded"),
        Moment(at(3), Kind.MARKER, "ended: idle-timeout: nothing was typed for 15 minutes"),
    ]


def test_programs_are_told_as_command_lines() -> None:
    told = play(
        Untraced(at(0), "ptrace fails with EPERM"),
        Program(at(1), 12, 1, 0, "/usr/bin/ls", "/", ("ls", "a b", "\x1b[2J")),
        Program(at(2), 13, 1, 0, "/usr/bin/dash", "/", ("/bin/sh", "x")),
        Program(at(3), 14, 1, 0, "", "", ("ls",), truncated=True),
    )
    assert told == [
        Moment(at(0), Kind.MARKER, "ptrace fails with EPERM"),
        Moment(at(1), Kind.PROGRAM, "ls 'a b' '\\x1b[2J'"),
        Moment(at(2), Kind.PROGRAM, "[/usr/bin/dash] /bin/sh x"),
        Moment(at(3), Kind.PROGRAM, "[a file that cannot be read] ls …"),
    ]


def test_the_exit_code_comes_after_all_output() -> None:
    told = play(Exit(at(1), 7), stdout(b"late", 1.5), End(at(2), Ending.EXITED))
    assert told == [Moment(at(1.5), Kind.OUTPUT, "late"), Moment(at(1.5), Kind.EXIT, "7")]


def test_a_recording_without_an_end_still_tells_its_exit_code() -> None:
    assert play(Exit(at(1), 137))[-1] == Moment(at(1), Kind.EXIT, "137")


def test_nothing_recorded_is_nothing_to_tell() -> None:
    assert list(moments([])) == []


@given(st.binary(), st.lists(st.integers(0, 200)), st.booleans())
def test_text_does_not_depend_on_how_the_stream_was_cut(data: bytes, cuts: list[int], tty: bool) -> None:
    places = sorted(min(cut, len(data)) for cut in cuts)
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    whole = shown_text(play(stdout(data), tty=tty))
    assert shown_text(play(*map(stdout, pieces), tty=tty)) == whole
    whole.encode()
