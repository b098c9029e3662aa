"""Typing at a terminal under rules about lines: keys go on, and a line is entered once it may be. Pure."""

from sidecar.contract.events import Channel, Ending
from sidecar.recording.commands import Command
from sidecar.recording.inputs import Decided
from sidecar.recording.lines import Fate, Lines
from sidecar.recording.prompt import Prompt
from sidecar.recording.streams import Streams


class Entering:
    """Stands between who types and the program. Methods give what is to be done."""

    def __init__(self, lines: Lines, streams: Streams, *, rows: int, cols: int) -> None:
        """Begin with a terminal of this size in cells."""
        self._lines = lines
        self._streams = streams
        self._prompt = Prompt(rows=rows, cols=cols)
        self._notice = ""

    @property
    def waits(self) -> bool:
        """Whether something that was typed has not been let pass: nothing more is read."""
        return self._prompt.waits

    @property
    def waits_for_people(self) -> bool:
        """Whether a line waits for an approval."""
        return self._lines.deadline is not None

    @property
    def deadline(self) -> int | None:
        """When to look again; None where nothing waits."""
        return self._lines.deadline if self.waits_for_people else self._prompt.due

    @property
    def end(self) -> tuple[Ending, str] | None:
        """How the session must end; None while it may go on."""
        return self._lines.end

    def take_notice(self) -> str:
        """Give the line for whoever runs the session, once; nothing where there is none."""
        notice, self._notice = self._notice, ""
        return notice

    def resize(self, rows: int, cols: int) -> None:
        """The terminal has another size."""
        self._prompt.resize(rows, cols)

    def shown(self, at: int, data: bytes) -> None:
        """Take what the terminal shows, as it came."""
        self._prompt.shown(at, data)

    def typed(self, at: int, data: bytes, *, unseen: bool, erase: bytes) -> list[Command]:
        """Take what was typed; see :meth:`Prompt.take`."""
        self._prompt.take(data, unseen=unseen, erase=erase)
        return self.go_on(at)

    def go_on(self, at: int) -> list[Command]:
        """Let pass what may: nothing while a line waits for people."""
        commands: list[Command] = []
        while self._prompt.waits and not self.waits_for_people and self.end is None:
            if self._prompt.is_left_out:
                if not (key := self._prompt.erase(at)):
                    break
                commands += self._deliver(at, key)
                continue
            if keys := self._prompt.next_keys(at):
                commands += self._deliver(at, keys)
                continue
            lines = self._prompt.lines(at)
            if lines is None:
                break
            commands += self._meet(at, *self._lines.typed(at, lines, unseen=self._prompt.unseen))
        return commands

    def decided(self, at: int, decided: Decided) -> list[Command]:
        """Go on with the line that somebody has decided about; another decision is not heard."""
        met = self._lines.decided(at, decided)
        return [] if met is None else [*self._meet(at, *met), *self.go_on(at)]

    def expire(self, at: int) -> list[Command]:
        """Give up on a line that waited long enough, or look at one that the program has shown by now."""
        met = self._lines.expire(at)
        return [*(self._meet(at, *met) if met else []), *self.go_on(at)]

    def _meet(self, at: int, fate: Fate, commands: list[Command]) -> list[Command]:
        self._notice = self._lines.notice or self._notice
        match fate:
            case Fate.WAITS:
                return commands
            case Fate.PASSES:
                return [*commands, *self._deliver(at, self._prompt.enter(at))]
            case Fate.IS_LEFT_OUT:
                self._prompt.leave_out()
                return commands

    def _deliver(self, at: int, keys: bytes) -> list[Command]:
        return self._streams.typed(at, self._streams[Channel.STDIN], keys, unseen=self._prompt.unseen)
