"""Programs that wait for people: held, told about, asked for, and decided."""

import msgspec
import pytest
from playbook import START, Playbook, play

from sidecar.contract.events import Channel, Data, Ending, Held, Program
from sidecar.contract.grants import CommandPattern, CommandRule, Limits, PatternKind
from sidecar.contract.handshake import Executed, HandshakeError, deny, proceed
from sidecar.contract.identifiers import program_approval
from sidecar.recording.commands import AskPeople, Command, Deliver, Record, Tell
from sidecar.recording.deadlines import SECOND
from sidecar.recording.inputs import Decided, ShimGone, ShimSaid, SpoolFreed, SpoolFull, Ticked

ASK = CommandRule(
    "payments/ask",
    "it removes data",
    approve=(CommandPattern(PatternKind.PREFIX, ("rm",)),),
    wait_seconds=60,
)
OTHER = CommandRule(
    "shop/ask-too", "", approve=(CommandPattern(PatternKind.GLOB, ("rm", "*4111*")),), wait_seconds=30
)
NAME = program_approval(START.session, 1, 1)
PROGRAM = Executed(12, 1, 1000, b"/bin/rm", b"/srv", (b"rm", b"4111111111111111"), truncated=False)
HELD = Held(5, "payments/ask", NAME, "/bin/rm", ("rm", "411111******1111"), 60)
RAN = Program(9, 12, 1, 1000, "/bin/rm", "/srv", ("rm", "411111******1111"), approvals=(NAME,))
SAID = (
    f"chaperone: 'rm' waits: by rule payments/ask somebody else has to approve it (it removes data),"
    f" within 60 seconds: chaperone approvals approve {NAME} -n payments\n"
).encode()


def refused(why: str) -> bytes:
    return deny(
        f"'rm' was not run: by rule payments/ask {why} (it removes data)."
        " Run something it allows, or ask whoever keeps that policy"
    )


def held(*, rules: tuple[CommandRule, ...] = (ASK,), limits: Limits | None = None) -> Playbook:
    played = play(commands=rules, traced=True, limits=limits)
    ask = AskPeople(1, 1, "payments/ask", "/bin/rm", ("rm", "411111******1111"), "/srv", 1000)
    shown: list[Command] = [Record(Data(5, Channel.STDERR, SAID)), Deliver(Channel.STDERR, SAID)]
    return played.happens(ShimSaid(5, PROGRAM), Record(HELD), ask, *shown)


def test_it_runs_once_somebody_has_approved_it() -> None:
    played = held()
    played.happens(Decided(9, NAME, approved=True), Record(RAN), Tell(proceed()))
    played.happens(Decided(10, NAME, approved=True))
    assert played.session.deadline is None or played.session.deadline > 60 * SECOND


def test_people_see_file_and_directory_masked() -> None:
    in_card = msgspec.structs.replace(PROGRAM, executable=b"/tmp/4111111111111111", cwd=b"/4111111111111111")
    given = play(commands=(ASK,), traced=True).session.handle(ShimSaid(5, in_card))
    [ask] = [one for one in given if isinstance(one, AskPeople)]
    assert (ask.executable, ask.cwd, ask.uid) == ("/tmp/411111******1111", "/411111******1111", 1000)


def test_it_does_not_run_when_somebody_denies_it() -> None:
    denied = Program(9, 12, 1, 1000, "/bin/rm", "/srv", RAN.argv, denied="payments/ask", approvals=(NAME,))
    why = "bob denied it: not today"
    held().happens(Decided(9, NAME, approved=False, reason=why), Record(denied), Tell(refused(why)))


def test_it_does_not_run_when_nobody_decides() -> None:
    played = held()
    late = played.session.deadline
    assert late is not None
    assert 60 * SECOND < late <= 70 * SECOND
    played.happens(Ticked(late - 1))
    given = played.session.handle(Ticked(late))
    assert Tell(refused("nobody approved it within 60 seconds")) in given
    played.happens(Decided(late + 1, NAME, approved=True))


def test_a_decision_about_something_else_is_not_heard() -> None:
    held().happens(Decided(9, program_approval(START.session, 2, 1), approved=True))


def test_the_shim_must_wait_too() -> None:
    with pytest.raises(HandshakeError):
        held().session.handle(ShimSaid(6, PROGRAM))


def test_every_rule_asks_for_its_own_approval() -> None:
    played = held(rules=(ASK, OTHER))
    second = program_approval(START.session, 1, 2)
    given = played.session.handle(Decided(9, NAME, approved=True))
    assert AskPeople(1, 2, "shop/ask-too", "/bin/rm", ("rm", "411111******1111"), "/srv", 1000) in given
    assert Tell(proceed()) not in given
    ran = Program(10, 12, 1, 1000, "/bin/rm", "/srv", RAN.argv, approvals=(NAME, second))
    played.happens(Decided(10, second, approved=True), Record(ran), Tell(proceed()))


def test_waiting_is_no_idling() -> None:
    played = held(limits=Limits(idle_seconds=20, total_seconds=0))
    for second in range(0, 60, 10):
        assert played.session.handle(Ticked(second * SECOND)) == []
    assert played.session.handle(Ticked(50 * SECOND)) == []


def test_the_longest_a_session_may_take_holds_while_it_waits() -> None:
    played = held(limits=Limits(idle_seconds=0, total_seconds=30))
    played.goes_on(Ticked(30 * SECOND), ShimGone(31 * SECOND))
    assert played.goes_on(Ticked(40 * SECOND)).end().how is Ending.TOO_LONG


def test_without_room_the_decision_waits() -> None:
    played = held().happens(SpoolFull(6)).happens(Decided(7, NAME, approved=True))
    played.happens(SpoolFreed(9), Record(RAN), Tell(proceed()))


def test_what_is_denied_is_not_asked_about() -> None:
    both = CommandRule(
        "p/r", "", deny=(CommandPattern(PatternKind.PREFIX, ("rm", "4111111111111111")),), approve=ASK.approve
    )
    given = play(commands=(both,), traced=True).session.handle(ShimSaid(5, PROGRAM))
    assert [type(command) for command in given] == [Record, Tell]
