"""Lines that are typed in a session, as its rules judge them before they are entered. Pure."""

from collections.abc import Sequence
from enum import Enum

import msgspec
from msgspec.structs import replace

from sidecar.commands.judging import Denial, Judge, Wait
from sidecar.contract import events
from sidecar.contract.events import Ending
from sidecar.contract.grants import CommandRule
from sidecar.contract.identifiers import program_approval
from sidecar.recording.commands import AskPeople, Command, Record
from sidecar.recording.deadlines import SECOND
from sidecar.recording.inputs import Decided
from sidecar.recording.programs import ON_ITS_WAY, Programs


class Fate(Enum):
    """What becomes of a line."""

    PASSES = "passes"
    WAITS = "waits"
    IS_LEFT_OUT = "is left out"


Met = tuple[Fate, list[Command]]
"""What becomes of a line, and what is to be done about that."""


class _Typed(msgspec.Struct, frozen=True):
    """What a line may be, and what has been asked about it."""

    lines: tuple[str, ...]
    unseen: bool
    number: int = 0
    """Among the session's programs; 0 until it is counted."""
    approved: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


class _Hold(msgspec.Struct, frozen=True):
    """A line that waits for people."""

    typed: _Typed
    line: str
    rule: CommandRule
    until: int


class Lines:
    """Judges every line of one session. What is refused or approved is recorded; the keys are anyway."""

    def __init__(self, judge: Judge, programs: Programs, *, session: str, namespace: str) -> None:
        """``programs`` counts lines that are recorded among its own."""
        self._judge = judge
        self._programs = programs
        self._session = session
        self._namespace = namespace
        self._hold: _Hold | None = None
        self.end: tuple[Ending, str] | None = None
        """How the session must end; None while it may go on."""
        self.notice = ""
        """What whoever runs the session is told about the line that was judged last."""

    @property
    def deadline(self) -> int | None:
        """Until when a line waits for people; None where none does."""
        return None if self._hold is None else self._hold.until

    def typed(self, at: int, lines: Sequence[str], *, unseen: bool) -> Met:
        """Judge what a line that is to be entered may be: each must pass. What is unseen is not recorded."""
        return self._judged(at, _Typed(tuple(lines), unseen))

    def decided(self, at: int, decided: Decided) -> Met | None:
        """Go on with the line that somebody has decided about; None for another decision."""
        hold = self._hold
        if hold is None or decided.approval != hold.typed.asked[-1]:
            return None
        self._hold = None
        if decided.approved:
            return self._judged(at, replace(hold.typed, approved=(*hold.typed.approved, hold.rule.rule)))
        return self._leave_out(at, hold.typed, hold.line, Denial(hold.rule, decided.reason))

    def expire(self, at: int) -> Met | None:
        """Give up on a line that waited for people long enough."""
        hold = self._hold
        if hold is None or at < hold.until:
            return None
        why = f"nobody approved it within {hold.rule.wait_seconds} seconds"
        return self.decided(at, Decided(at, hold.typed.asked[-1], approved=False, reason=why))

    def _judged(self, at: int, typed: _Typed) -> Met:
        self.notice = ""
        found = [(line, self._judge.judge_line(line, approved=typed.approved)) for line in typed.lines]
        for line, verdict in found:
            if isinstance(verdict, Denial):
                return self._leave_out(at, typed, line, verdict)
        for line, verdict in found:
            if isinstance(verdict, Wait):
                return self._hold_back(at, typed, line, verdict.rule)
        if not typed.asked:
            return Fate.PASSES, []
        return Fate.PASSES, [Record(self._event(at, typed, typed.lines[0]))]

    def _leave_out(self, at: int, typed: _Typed, line: str, denial: Denial) -> Met:
        if not self._is_counted(typed):
            return Fate.IS_LEFT_OUT, []
        rule = denial.rule
        event = self._event(at, typed, line, denied=rule.rule)
        self.notice = (
            f"the line was not entered: by rule {rule.rule} {denial.why}{_reason(rule)}."
            " Type something it allows, or ask whoever keeps that policy"
        )
        if rule.ends:
            self.end = (Ending.POLICY, f"{self.notice}; this session was ended")
        return Fate.IS_LEFT_OUT, [Record(event)]

    def _hold_back(self, at: int, typed: _Typed, line: str, rule: CommandRule) -> Met:
        if typed.unseen:
            why = "it needs an approval, and nobody can be shown what is typed unseen"
            return self._leave_out(at, typed, line, Denial(rule, why))
        if not self._is_counted(typed):
            return Fate.IS_LEFT_OUT, []
        number, turn = typed.number or self._programs.count, len(typed.asked) + 1
        name = program_approval(self._session, number, turn)
        until = at + (rule.wait_seconds + ON_ITS_WAY) * SECOND
        self._hold = _Hold(replace(typed, number=number, asked=(*typed.asked, name)), line, rule, until)
        self.notice = (
            f"the line waits: by rule {rule.rule} somebody else has to approve it{_reason(rule)}, within"
            f" {rule.wait_seconds} seconds: chaperone approvals approve {name} -n {self._namespace}"
        )
        argv = self._event(at, typed, line).argv
        held = events.Held(at, rule.rule, name, "", argv, rule.wait_seconds)
        return Fate.WAITS, [Record(held), AskPeople(number, turn, rule.rule, "", argv)]

    def _is_counted(self, typed: _Typed) -> bool:
        """Count a line once; where there are too many, the session ends."""
        if typed.number or self._programs.count_one():
            return True
        self.end = (Ending.TOO_MANY_PROGRAMS, "")
        return False

    def _event(self, at: int, typed: _Typed, line: str, *, denied: str = "") -> events.Program:
        shown = "" if typed.unseen else line
        return self._programs.line_event(at, shown, denied=denied, approvals=typed.asked)


def _reason(rule: CommandRule) -> str:
    return f" ({rule.reason})" if rule.reason else ""
