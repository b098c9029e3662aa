"""Approvals of programs inside sessions: asked for once, decided by others, used once."""

import datetime as dt

import pytest
from approvals import APPROVE, BOB, DENY, NOW, SOURCE, MemoryJournal, MemoryTickets, after
from msgspec.structs import replace
from recorded import Authority
from waiting import APPROVERS, ASK, session_that_asks, waiting_program

from sidecar.contract.errors import CallerError
from sidecar.contract.wire import ApprovalDecided
from webhook.approvals.objects import ApprovalRequest, Asked, Phase, Program, Status
from webhook.approvals.programs import (
    ProgramDesk,
    WaitingProgram,
    decode_approval,
    encode_approval,
    ticket_for,
)
from webhook.approvals.verdicts import decide
from webhook.journal.events import Kind
from webhook.journal.journal import JournalFullError
from webhook.policy.decision import Approval


class Place:
    """A desk, its tickets and its journal, and one program that waits."""

    def __init__(self, *full_at: int) -> None:
        authority = Authority()
        self.program: WaitingProgram = waiting_program(authority, session_that_asks(authority))
        self.tickets, self.journal, self.now = MemoryTickets(), MemoryJournal(*full_at), NOW
        self.desk = ProgramDesk(self.tickets, self.journal, SOURCE, self._seconds)

    def _seconds(self) -> float:
        return self.now.timestamp()

    def ask(self) -> ApprovalDecided | None:
        return self.desk.ask(self.program)

    @property
    def ticket(self) -> ApprovalRequest:
        [ticket] = self.tickets.kept.values()
        return ticket

    def say(self, verdict: Asked, at: dt.datetime = NOW) -> None:
        assert self.tickets.update(self.ticket, decide(self.ticket, verdict, BOB, at))

    def decided(self, *, refused: str = "") -> ApprovalDecided:
        wanted = self.program.wanted
        return ApprovalDecided(wanted.session, wanted.approval, not refused, refused)


def test_the_request_says_what_waits_and_holds_no_card_data() -> None:
    place = Place()
    assert place.ask() is None
    spec = place.ticket.spec
    assert place.ticket.metadata.name == f"program-{place.program.grant.session}-2-1"
    assert (spec.requester.username, spec.policy, spec.rule) == ("alice", "payments", "ask")
    assert (spec.argv, spec.approval, spec.reason) == (("rm", "411111******1111"), APPROVERS, ASK.reason)
    assert (spec.target.name, spec.target.container) == ("api-7d9c", "api")
    assert spec.asked.startswith(f"program rm inside session {place.program.grant.session} in pod payments/")
    assert spec.asked.endswith("container api: file /bin/rm, as user id 1000, in /srv")
    assert spec.program == Program(executable="/bin/rm", cwd="/srv", uid=1000)
    assert spec.expires_at == after(60)


def test_what_a_program_runs_as_is_part_of_what_is_approved() -> None:
    program = Place().program
    root = replace(program, wanted=replace(program.wanted, uid=0))
    unseen = replace(program, wanted=replace(program.wanted, executable="", cwd=""))
    typed = replace(program, wanted=replace(program.wanted, executable="", cwd="", uid=None))
    specs = [ticket_for(one, NOW).spec for one in (program, root, unseen, typed)]
    assert len({spec.digest for spec in specs}) == len(specs)
    assert specs[2].asked.endswith(": file that nobody may read, as user id 1000, in an unknown directory")
    assert specs[3].asked.endswith("container api")
    assert specs[3].program is None


def test_what_is_asked_stays_one_line_and_says_what_of_it_is_cut() -> None:
    program = Place().program
    cwd = "/tmp/a\n: approved\x1b[2J" + "b" * 300
    odd = replace(program, wanted=replace(program.wanted, argv=("rm\r\n",), cwd=cwd))
    spec = ticket_for(odd, NOW).spec
    assert spec.asked.isprintable()
    assert spec.asked.startswith("program rm   inside session ")
    assert spec.asked.endswith("b…")
    assert spec.program is not None
    assert spec.program.cwd == cwd


def test_asking_again_makes_no_second_request() -> None:
    place = Place()
    assert [place.ask() for _ in range(3)] == [None] * 3
    assert len(place.tickets.kept) == 1
    assert place.journal.kinds == [Kind.APPROVAL_ASKED.value]


def test_an_approval_is_used_up_before_it_is_told_and_told_again_when_asked_again() -> None:
    place = Place()
    place.ask()
    place.say(APPROVE)
    assert place.ask() == place.decided()
    assert place.ticket.status.phase is Phase.USED
    used = place.ticket.status.use
    assert used is not None
    assert used.session == place.program.grant.session
    assert place.ask() == place.decided()
    assert place.journal.kinds == [Kind.APPROVAL_ASKED.value, Kind.APPROVAL_USED.value]
    assert place.journal.events[-1].session == place.program.grant.session


def test_a_denial_names_who_and_why() -> None:
    place = Place()
    place.ask()
    place.say(replace(DENY, reason="not\x1b[31m today"))
    assert place.ask() == place.decided(refused="bob denied it: not [31m today")


def test_what_nobody_decides_is_refused() -> None:
    place = Place()
    place.ask()
    place.now = after(60)
    assert place.ask() == place.decided(refused="nobody approved it within 60 seconds")


def test_another_turn_is_another_request() -> None:
    place = Place()
    place.ask()
    place.say(APPROVE)
    place.program = replace(place.program, wanted=replace(place.program.wanted, turn=2))
    assert place.ask() is None
    assert len(place.tickets.kept) == 2


def test_a_request_that_could_not_be_told_is_told_later() -> None:
    place = Place(1)
    with pytest.raises(JournalFullError):
        place.ask()
    assert [place.ask() for _ in range(3)] == [None] * 3
    assert place.journal.kinds == [Kind.APPROVAL_ASKED.value]


def test_an_approval_that_cannot_be_told_is_not_used() -> None:
    place = Place(2)
    place.ask()
    place.say(APPROVE)
    with pytest.raises(JournalFullError):
        place.ask()
    assert place.ticket.status.phase is Phase.APPROVED
    assert place.ask() == place.decided()


def test_an_approval_that_changes_while_it_is_looked_at_is_looked_at_again() -> None:
    place = Place()
    place.ask()
    place.say(APPROVE)
    update, others = place.tickets.update, [True]

    def overtaken(ticket: ApprovalRequest, status: Status) -> bool:
        if others:
            others.clear()
            update(ticket, ticket.status)
        return update(ticket, status)

    place.tickets.update = overtaken
    assert place.ask() == place.decided()


def test_who_may_approve_travels() -> None:
    terms = Approval(groups=("a", "b"), count=2, each_group=True, reason_required=True)
    assert decode_approval(encode_approval(terms)) == terms
    with pytest.raises(CallerError):
        decode_approval(b"\xff")
