"""Sessions told as transcripts: what happens, and what the state machine answers."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Self

from sidecar.commands.judging import Judge
from sidecar.contract.events import Channel, Data, End, Event, SessionStart
from sidecar.contract.grants import CommandRule, Limits
from sidecar.masking import Engine, Profile
from sidecar.recording.application import Application
from sidecar.recording.commands import Command, Deliver, Record
from sidecar.recording.deadlines import SECOND
from sidecar.recording.engines import maskers as made_for
from sidecar.recording.inputs import Input
from sidecar.recording.lines import Lines
from sidecar.recording.masker import Finding, Masker, Masks
from sidecar.recording.programs import Programs
from sidecar.recording.session import Session

PATIENCE = 60 * SECOND
DAY = 24 * 3600 * SECOND

START = SessionStart(
    session="01m832m2k51txt3p6xc07150ka",
    started_at=1,
    namespace="payments",
    pod="till",
    pod_uid="0c7e5b34",
    container="app",
    node="node-1",
    argv=("sh",),
    tty=False,
    stdin=True,
    rows=24,
    cols=80,
    grant_digest=b"",
    profile="strict",
    masking="1",
    recorder="0.1.0",
)


class Playbook:
    """Plays a session, or an own program's, and remembers everything it commanded."""

    def __init__(self, session: Session | Application) -> None:
        self.session = session
        self.commands: list[Command] = list(session.start(START))
        self.happened: list[Input] = []

    def happens(self, happened: Input, *expected: Command) -> Self:
        """Expect exactly these commands."""
        self.happened.append(happened)
        given = self.session.handle(happened)
        self.commands += given
        assert given == list(expected)
        return self

    def goes_on(self, *happened: Input) -> Self:
        """Do not say what is commanded."""
        for one in happened:
            self.happened.append(one)
            self.commands += self.session.handle(one)
        return self

    def events(self) -> list[Event]:
        return [command.event for command in self.commands if isinstance(command, Record)]

    def end(self) -> End:
        last = self.events()[-1]
        assert isinstance(last, End)
        return last

    def recorded(self, channel: Channel) -> bytes:
        return b"".join(e.data for e in self.events() if isinstance(e, Data) and e.channel is channel)

    def delivered(self, channel: Channel) -> bytes:
        return b"".join(c.data for c in self.commands if isinstance(c, Deliver) and c.channel is channel)


class BrokenMasker:
    """A masker of which the library below fails."""

    def feed(self, _data: bytes, /) -> bytes:
        raise RuntimeError("the data would be here")

    def close(self) -> bytes:
        raise RuntimeError("the data would be here")

    def take_findings(self) -> Sequence[Finding]:
        return []


@cache
def loaded_engine() -> Engine:
    """The real masking engine, loaded once."""
    return Engine.load(Profile.STRICT)


def play(
    *,
    tty: bool = False,
    stdin: bool = True,
    limits: Limits | None = None,
    maskers: dict[Channel, Callable[[], Masker]] | None = None,
    program_masks: Callable[[], Masks] | None = None,
    commands: tuple[CommandRule, ...] = (),
    traced: bool = False,
    untraced_by: str = "",
) -> Playbook:
    """Start a session with the real masking engine, or with given maskers."""
    engine = loaded_engine()
    channels = [Channel.STDIN, Channel.STDOUT] if tty else list(Channel)
    if not stdin:
        channels.remove(Channel.STDIN)
    judge = Judge(commands)
    programs = Programs(
        program_masks or engine.masks,
        judge,
        must_be_seen=traced,
        session=START.session,
        namespace=START.namespace,
        untraced_by=untraced_by,
    )
    return Playbook(
        Session(
            tty=tty,
            limits=limits or Limits(idle_seconds=0, total_seconds=0),
            maskers={**made_for(engine, channels, tty=tty), **(maskers or {})},
            programs=programs,
            spool_patience=PATIENCE,
            lines=Lines(judge, programs, session=START.session, namespace=START.namespace)
            if judge.reads_lines
            else None,
        )
    )


def play_own(*, tty: bool = False, content: bool = False, resumed: bool = False) -> Playbook:
    """Start a container's own program with the real masking engine."""
    channels = [Channel.STDIN, Channel.STDOUT] if tty else list(Channel)
    made = made_for(loaded_engine(), channels, tty=tty)
    one = Application(tty=tty, resumed=resumed, content=content, session_lasts=DAY, maskers=made)
    return Playbook(one)
