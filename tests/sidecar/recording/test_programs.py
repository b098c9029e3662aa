"""Programs inside a session: recorded before they run, masked, one at a time, bounded."""

import signal
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import START, Playbook, loaded_engine, play

from sidecar.contract.events import (
    MAX_PROGRAM_ARGV_BYTES,
    MAX_PROGRAM_EVENTS,
    Channel,
    Ending,
    Program,
    Untraced,
)
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind
from sidecar.contract.handshake import Executed, Exited, HandshakeError, deny, go_untraced, proceed, terminate
from sidecar.contract.handshake import Untraced as UntracedMessage
from sidecar.recording.commands import Record, Tell
from sidecar.recording.inputs import Failed, Received, ShimGone, ShimSaid, SourceEnded, SpoolFreed, SpoolFull
from sidecar.recording.masker import Finding, Masks
from sidecar.recording.programs import program_event

PAN = b"4111111111111111"


NO_DUMPS = CommandRule(
    "payments/no-dumps",
    "data stays here",
    deny=(CommandPattern(PatternKind.PREFIX, ("pg_dump",)),),
)


def executed(*argv: bytes, truncated: bool = False) -> Executed:
    return Executed(12, 1, 1000, b"/usr/bin/psql", b"/srv", argv or (b"psql",), truncated=truncated)


def recorded(*argv: bytes, truncated: bool = False) -> Program:
    return program_event(5, executed(*argv, truncated=truncated), loaded_engine().masks())


def ended(played: Playbook) -> Playbook:
    return played.goes_on(
        ShimSaid(9, Exited(0, 0)), SourceEnded(9, Channel.STDOUT), SourceEnded(9, Channel.STDERR)
    )


def test_a_program_is_recorded_and_then_let_run() -> None:
    record = Program(5, 12, 1, 1000, "/usr/bin/psql", "/srv", ("psql", "-l"))
    played = play().happens(ShimSaid(5, executed(b"psql", b"-l")), Record(record), Tell(proceed()))
    assert ended(played).end().programs == 1


def test_all_of_its_text_is_masked() -> None:
    message = Executed(
        1, 0, 0, b"/tmp/" + PAN, b"/data/" + PAN, (b"pay", PAN, b"4111", b"1111", b"1111", b"1111"), False
    )
    program = program_event(0, message, loaded_engine().masks())
    assert program.executable == "/tmp/411111******1111"
    assert program.cwd == "/data/411111******1111"
    assert program.argv == ("pay", "411111******1111", "4111", "11**", "****", "1111")


def test_what_cannot_be_decoded_is_replaced() -> None:
    assert recorded(b"a\xff", b"").argv == ("a\ufffd", "")


@pytest.mark.parametrize("place", range(0, 20, 3))
def test_no_number_is_uncovered_by_the_cut(place: int) -> None:
    """Wherever the end of what is recorded lies in it."""
    before = b"x" * (MAX_PROGRAM_ARGV_BYTES - len(b"pay ") - place - 1)
    program = recorded(b"pay", before + b" " + PAN + b" " + b"y" * 500)
    assert program.truncated
    assert sum(len(argument) for argument in program.argv) + 1 == MAX_PROGRAM_ARGV_BYTES
    assert program.argv[1][len(before) + 1 :] == "411111******1111 yy"[:place]


def test_what_the_shim_cut_is_said() -> None:
    assert recorded(b"sh", b"-c", b"x", truncated=True).truncated
    assert not recorded(b"sh", b"-c", b"x").truncated


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_the_number_of_arguments_stays(argv: list[bytes]) -> None:
    program = program_event(0, Executed(1, 0, 0, b"", b"", tuple(argv), False), loaded_engine().masks())
    assert len(program.argv) == len(argv)
    assert not program.truncated


def unmasked() -> Masks:
    """For what is not looked at."""
    return lambda data: (data, [])


def broken() -> Masks:
    def mask(_data: bytes) -> tuple[bytes, Sequence[Finding]]:
        raise RuntimeError("the data would be here")

    return mask


def test_a_flood_ends_the_session_and_nothing_runs_unrecorded() -> None:
    played = play(program_masks=unmasked)
    for _ in range(MAX_PROGRAM_EVENTS):
        assert Tell(proceed()) in played.session.handle(ShimSaid(1, executed()))
    why = "100,000 programs were started, as many as are recorded, so this session was ended"
    denied = Tell(deny("a session may start 100,000 programs, go on in another one"))
    played.happens(ShimSaid(2, executed()), denied, Tell(terminate(signal.SIGTERM, why)))
    played.happens(ShimSaid(3, executed()), denied)
    end = ended(played).end()
    assert (end.how, end.programs) == (Ending.TOO_MANY_PROGRAMS, MAX_PROGRAM_EVENTS)


def test_without_room_it_waits() -> None:
    record = Program(3, 12, 1, 1000, "/usr/bin/psql", "/srv", ("psql",))
    played = play().goes_on(SpoolFull(1)).happens(ShimSaid(2, executed()))
    played.happens(SpoolFreed(3), Record(record), Tell(proceed()))


def test_it_waits_for_ever_where_the_recorder_failed() -> None:
    play().goes_on(Failed(1)).happens(ShimSaid(2, executed())).happens(SpoolFreed(3))


def test_a_masker_that_fails_lets_nothing_run() -> None:
    played = play(program_masks=broken)
    with pytest.raises(RuntimeError):
        played.goes_on(ShimSaid(1, executed()))
    assert Tell(proceed()) not in played.commands


def test_a_shim_that_does_not_wait_for_the_answer_is_not_believed() -> None:
    played = play().goes_on(SpoolFull(1), ShimSaid(2, executed()))
    with pytest.raises(HandshakeError):
        played.goes_on(ShimSaid(3, executed()))


def test_a_background_process_is_recorded_after_the_end_of_the_main_one() -> None:
    played = play().goes_on(ShimSaid(1, Exited(0, 0)), ShimSaid(2, executed()))
    assert isinstance(played.events()[-1], Program)
    assert played.commands[-1] == Tell(proceed())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (UntracedMessage(1, 0), "no program inside this session is recorded: ptrace fails with EPERM"),
        (
            UntracedMessage(0, 22),
            "a program inside this session can start others that are not recorded: seccomp fails with EINVAL",
        ),
    ],
)
def test_a_session_that_is_not_traced_says_so(message: UntracedMessage, reason: str) -> None:
    play().happens(ShimSaid(1, message), Record(Untraced(1, reason)), Tell(proceed()))


def test_a_rule_may_want_none_traced_and_the_record_says_so_before_anything_runs() -> None:
    played = play(untraced_by="payments/debugging")
    why = "no program inside this session is recorded: so says rule payments/debugging"
    assert played.commands == [Record(START), Record(Untraced(0, why)), Tell(go_untraced())]


def test_output_keeps_its_own_masker() -> None:
    """A number that is half shown is not completed by a program's arguments."""
    played = play().goes_on(Received(1, Channel.STDOUT, PAN[:8]), ShimSaid(2, executed(b"echo", PAN[8:])))
    played.goes_on(Received(3, Channel.STDOUT, PAN[8:] + b"\n"))
    assert played.delivered(Channel.STDOUT) == b"411111******1111\n"


DENIED = (
    "'pg_dump' was not run: by rule payments/no-dumps it is denied inside sessions (data stays here)."
    " Run something it allows, or ask whoever keeps that policy"
)


def test_what_a_policy_denies_is_recorded_and_does_not_run() -> None:
    record = Program(5, 12, 1, 1000, "/usr/bin/psql", "/srv", ("pg_dump", "x"), denied="payments/no-dumps")
    played = play(commands=(NO_DUMPS,))
    played.happens(ShimSaid(5, executed(b"pg_dump", b"x")), Record(record), Tell(deny(DENIED)))
    played.goes_on(ShimSaid(6, executed(b"psql")))
    assert played.commands[-1] == Tell(proceed())
    assert ended(played).end().how is Ending.EXITED


def test_it_may_end_the_session() -> None:
    played = play(commands=(msgspec.structs.replace(NO_DUMPS, ends=True),))
    played.goes_on(ShimSaid(5, executed(b"pg_dump")))
    reason = f"{DENIED}; this session was ended"
    assert played.commands[-2:] == [Tell(deny(DENIED)), Tell(terminate(signal.SIGTERM, reason))]
    played.goes_on(ShimSaid(6, Exited(143, 15)))
    assert (ended(played).end().how, played.end().reason) == (Ending.POLICY, reason)


def test_a_denial_shows_no_card_number_and_no_control_character() -> None:
    rule = CommandRule("p/r", "", allow=(CommandPattern(PatternKind.EXACT, ("ls",)),))
    played = play(commands=(rule,)).goes_on(ShimSaid(5, executed(b"\x1b[2J" + PAN)))
    assert played.commands[-1] == Tell(
        deny(
            "'?[2J411111******1111' was not run: by rule p/r it is none of those allowed inside sessions."
            " Run something it allows, or ask whoever keeps that policy"
        )
    )


def test_where_programs_must_be_seen_nothing_runs_unseen() -> None:
    why = (
        "no program inside this session is recorded: ptrace fails with EPERM,"
        " and a policy wants every program seen, so nothing runs here"
    )
    played = play(traced=True).goes_on(ShimSaid(1, UntracedMessage(1, 0)))
    assert played.commands[-1] == Tell(terminate(signal.SIGTERM, why))
    assert Tell(proceed()) not in played.commands
    played.goes_on(ShimGone(2), SourceEnded(2, Channel.STDOUT), SourceEnded(2, Channel.STDERR))
    assert (played.end().how, played.end().reason) == (Ending.POLICY, why)
