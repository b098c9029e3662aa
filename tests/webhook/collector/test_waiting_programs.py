"""Programs that wait for people: what recorders say of them, and how they hear what was decided."""

import asyncio

import pytest
from intake_desk import Desk
from msgspec.structs import replace
from recorded import Authority, Made
from waiting import APPROVERS, ASK, session_that_asks, waiting_program, wanted

from sidecar.contract.errors import ClusterError
from sidecar.contract.events import MAX_PROGRAM_ARGV_BYTES, MAX_PROGRAM_EVENTS, Held
from sidecar.contract.wire import Acknowledged, ApprovalDecided, ApprovalWanted, Refused
from webhook.approvals.programs import WaitingProgram
from webhook.collector.waiting_programs import WaitingPrograms


def opened(desk: Desk, authority: Authority) -> Made:
    made = session_that_asks(authority)
    desk.open(made)
    desk.send(made, made.start())
    return made


def test_people_are_asked_by_the_terms_of_the_grant(desk: Desk, authority: Authority) -> None:
    made = opened(desk, authority)
    assert desk.say(wanted(made)) == []
    [asked] = desk.asked
    assert (asked.wanted, asked.rule, asked.approval) == (wanted(made), ASK, APPROVERS)
    assert asked.identity.username == "agent"


def test_the_recorder_hears_what_was_decided(desk: Desk, authority: Authority) -> None:
    made = opened(desk, authority)
    decided = ApprovalDecided(made.session, wanted(made).approval, approved=True)
    desk.intake.tell(decided)
    assert desk.say() == [decided]
    desk.intake.tell(replace(decided, session=authority.session().session))
    assert desk.say() == []
    desk.send(made, made.end())
    assert not desk.intake.has_open(made.session)
    desk.intake.tell(decided)
    assert desk.say() == []


def test_a_refusal_at_once_is_told(desk: Desk, authority: Authority) -> None:
    made = opened(desk, authority)
    desk.refusal = ApprovalDecided(made.session, wanted(made).approval, approved=False, reason="too many")
    assert desk.say(wanted(made)) == [desk.refusal]


def test_for_a_session_that_is_not_open_nobody_is_asked(desk: Desk, authority: Authority) -> None:
    assert desk.say(wanted(session_that_asks(authority))) == []
    assert desk.asked == []


@pytest.mark.parametrize(
    "lie",
    [
        {"rule": "payments/other"},
        {"program": 0},
        {"program": MAX_PROGRAM_EVENTS + 1},
        {"turn": 0},
        {"cwd": "/" * 20_000},
        {"uid": -1},
        {"argv": ("x" * (MAX_PROGRAM_ARGV_BYTES + 1),)},
    ],
)
def test_a_recorder_that_lies_is_not_believed(
    desk: Desk, authority: Authority, lie: dict[str, object]
) -> None:
    made = opened(desk, authority)
    message: ApprovalWanted = replace(wanted(made), **lie)
    [answer] = desk.say(message)
    assert isinstance(answer, Refused)
    assert desk.asked == []
    assert len(desk.refusals()) == 1


def test_a_session_without_such_rules_asks_nobody(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    [answer] = desk.say(wanted(made))
    assert answer == Refused(made.session, "an approval is wanted that no rule of the session asks for")


def test_that_it_waits_is_kept_in_the_record(desk: Desk, authority: Authority) -> None:
    made = opened(desk, authority)
    held = Held(5, ASK.rule, wanted(made).approval, "/bin/rm", ("rm",), 60)
    assert desk.send(made, made.frame(held)) == [Acknowledged(made.session, 2)]
    [refused] = desk.send(made, made.frame(replace(held, wait_seconds=-1)))
    assert isinstance(refused, Refused)


class People:
    """Whoever is asked: what they answer, one after the other, and the last again and again."""

    def __init__(self, *answers: ApprovalDecided | ClusterError | None) -> None:
        self._answers = list(answers)
        self.times = 0

    def ask(self, program: WaitingProgram) -> ApprovalDecided | None:
        self.times += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, ClusterError):
            raise answer
        return answer


async def told(people: People, program: WaitingProgram, *, lives: bool = True) -> list[ApprovalDecided]:
    """Give what is told of a program until it waits no more."""
    heard: list[ApprovalDecided] = []
    over = asyncio.Event()

    def tell(decided: ApprovalDecided) -> None:
        heard.append(decided)
        over.set()

    def still(_session: str) -> bool:
        if not lives:
            over.set()
        return lives

    waiting = WaitingPrograms(people.ask)
    assert waiting.add(program) is None
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(waiting.work(tell, still))
        await asyncio.wait_for(over.wait(), 60)
        working.cancel()
    return heard


def test_people_are_asked_again_until_they_have_decided(authority: Authority) -> None:
    program = waiting_program(authority, session_that_asks(authority))
    decided = ApprovalDecided(program.grant.session, program.wanted.approval, approved=True)
    people = People(None, ClusterError("not now"), decided)
    assert asyncio.run(told(people, program)) == [decided]
    assert people.times == 3


def test_for_a_session_that_is_over_nobody_is_asked_any_more(authority: Authority) -> None:
    people = People(None)
    program = waiting_program(authority, session_that_asks(authority))
    assert asyncio.run(told(people, program, lives=False)) == []
    assert people.times == 0


def test_too_many_that_wait_are_refused(authority: Authority) -> None:
    waiting = WaitingPrograms(People(None).ask)
    made = session_that_asks(authority)
    programs = [waiting_program(authority, made, turn=turn) for turn in range(1, 1003)]
    assert [waiting.add(program) for program in programs[:1000]] == [None] * 1000
    assert waiting.add(programs[0]) is None
    refused = waiting.add(programs[1000])
    assert refused is not None
    assert (refused.approved, refused.reason) == (False, "1000 programs wait for approvals already")
