"""Asciicast lines, byte for byte."""

import json

import msgspec
import pytest
from replay_events import START_PIPES, START_TERMINAL, at, stderr, stdin, stdout

from sidecar.contract.events import Channel, End, Ending, Event, Exit, Found, Resize, SessionStart
from webhook.replay.asciicast import CastVersion, CastWriter
from webhook.replay.moments import moments

TERM = '{"TERM":"xterm-256color"}'
SCREEN = '{"cols":100,"rows":24,"type":"xterm-256color"}'
EVENTS: tuple[Event, ...] = (
    stdout(b"$ ", 0.25),
    stdin(b"ls\r", 1.0),
    Resize(at(1.5), 40, 120),
    Found(at(2), Channel.STDOUT, "pan", "visa", 0, 16),
    stderr(b"oops\r\n", 2.5),
    Exit(at(3), 7),
    End(at(3.25), Ending.EXITED),
)


def lines(start: SessionStart, version: CastVersion, *, with_input: bool = True) -> list[str]:
    writer = CastWriter(start, version, with_input=with_input)
    told = (writer.line(moment) for moment in moments([start, *EVENTS]))
    return [line.decode() for line in [writer.header(), *told] if line]


def test_version_2() -> None:
    assert lines(START_TERMINAL, CastVersion.V2) == [
        f'{{"version":2,"width":100,"height":24,"timestamp":1790000000,"title":"sh -c ls","env":{TERM}}}\n',
        '[0.25,"o","$ "]\n',
        '[1.0,"i","ls\\r"]\n',
        '[1.5,"r","120x40"]\n',
        '[2.0,"m","masked pan/visa"]\n',
        '[2.5,"o","oops\\r\\n"]\n',
        '[3.0,"m","exit code 7"]\n',
    ]


def test_version_3_counts_from_the_line_before_and_tells_the_exit_code() -> None:
    assert lines(START_TERMINAL, CastVersion.V3) == [
        f'{{"version":3,"term":{SCREEN},"timestamp":1790000000,"title":"sh -c ls","command":"sh -c ls"}}\n',
        '[0.25,"o","$ "]\n',
        '[0.75,"i","ls\\r"]\n',
        '[0.5,"r","120x40"]\n',
        '[0.5,"m","masked pan/visa"]\n',
        '[0.5,"o","oops\\r\\n"]\n',
        '[0.5,"x","7"]\n',
    ]


def test_input_may_be_left_out() -> None:
    assert not any('"i"' in line for line in lines(START_TERMINAL, CastVersion.V2, with_input=False))


def test_without_a_terminal_there_is_a_usual_size() -> None:
    header = json.loads(lines(START_PIPES, CastVersion.V2)[0])
    assert (header["width"], header["height"]) == (80, 24)


@pytest.mark.parametrize("version", CastVersion)
def test_a_hostile_command_and_input_are_harmless_as_plain_text(version: CastVersion) -> None:
    start = msgspec.structs.replace(START_TERMINAL, argv=("\x1b]0;x\x07\n\x9b2J\u202e",))
    writer = CastWriter(start, version)
    told = [writer.line(moment) for moment in moments([start, stdin("\x9b2J\x1b[6n".encode())])]
    for line in [writer.header(), *told]:
        assert line.decode().removesuffix("\n").isprintable()
        json.loads(line)


@pytest.mark.parametrize("version", CastVersion)
def test_time_never_goes_back(version: CastVersion) -> None:
    writer = CastWriter(START_TERMINAL, version)
    told = moments([START_TERMINAL, stdout(b"a", 2.0), stdout(b"b", 1.0), stdout(b"c", 3.0)])
    times = [json.loads(writer.line(moment))[0] for moment in told]
    assert times == ([2.0, 2.0, 3.0] if version is CastVersion.V2 else [2.0, 0.0, 1.0])
