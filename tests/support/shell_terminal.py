"""A shell at a terminal whose lines are judged, for transcripts."""

from dataclasses import dataclass

from playbook import Playbook, play

from sidecar.contract.events import Channel, Program
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind
from sidecar.contract.handshake import Resized, WindowSize
from sidecar.recording.deadlines import MILLISECOND
from sidecar.recording.inputs import Received, ShimSaid, Ticked


def prefix(*words: str) -> CommandPattern:
    return CommandPattern(PatternKind.PREFIX, words)


NO_RM = CommandRule("payments/no-rm", "nothing is removed by hand", deny=(prefix("rm"),), lines=True)


@dataclass
class Terminal:
    """A shell at a terminal that shows what is typed, unless told otherwise."""

    played: Playbook
    at: int = 0

    def type(self, keys: str, *, unseen: bool = False, erase: bytes = b"\x03") -> None:
        self.at += 200 * MILLISECOND
        self.played.goes_on(Received(self.at, Channel.STDIN, keys.encode(), unseen, erase))

    def show(self, text: str) -> None:
        self.at += MILLISECOND
        self.played.goes_on(Received(self.at, Channel.STDOUT, text.encode()))

    def wait(self) -> None:
        """Let time pass until the session wants to look again, if it does."""
        due = self.played.session.deadline
        if due is None:
            return
        self.at = max(self.at, due)
        self.played.goes_on(Ticked(self.at))

    @property
    def given(self) -> bytes:
        """What the program was given."""
        return self.played.delivered(Channel.STDIN)

    @property
    def denied(self) -> list[Program]:
        return [one for one in self.played.events() if isinstance(one, Program) and one.denied]


def terminal(*rules: CommandRule) -> Terminal:
    shell = Terminal(play(tty=True, commands=rules or (NO_RM,)))
    shell.show("$ ")
    return shell


def resized(shell: Terminal, rows: int, cols: int) -> None:
    shell.played.goes_on(ShimSaid(shell.at, Resized(WindowSize(rows, cols))))
