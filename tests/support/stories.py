"""Whatever may happen to a session or an own program, in whatever order, as a shell could tell it."""

from hypothesis import strategies as st
from playbook import START, Playbook

from sidecar.contract.events import Channel
from sidecar.contract.handshake import Executed, Exited, Resized, WindowSize
from sidecar.contract.identifiers import program_approval
from sidecar.recording.commands import Deliver, Tell
from sidecar.recording.deadlines import MILLISECOND
from sidecar.recording.inputs import (
    Decided,
    Delivered,
    Failed,
    Input,
    Killed,
    Received,
    ShimGone,
    ShimSaid,
    SinkBroken,
    SourceEnded,
    SpoolFreed,
    SpoolFull,
    Stopping,
    Ticked,
)

OUTPUTS = (Channel.STDOUT, Channel.STDERR)
PAN = b"4111111111111111"

channels = st.sampled_from(Channel)
words = st.text("abc \n\x1b", max_size=40).map(str.encode)
texts = st.one_of(words, st.sampled_from([b"\n" + PAN + b"\n", b"\n" + PAN[:9], PAN[9:] + b"\n"]))
sizes = st.builds(WindowSize, st.integers(1, 60), st.just(80))
steps = st.one_of(
    st.builds(Received, st.just(0), channels, texts),
    st.builds(Delivered, st.just(0), channels, st.integers(1, 50)),
    st.builds(SourceEnded, st.just(0), channels),
    st.builds(SinkBroken, st.just(0), channels),
    st.builds(ShimSaid, st.just(0), st.builds(Exited, st.integers(0, 255), st.just(0))),
    st.builds(
        ShimSaid, st.just(0), st.builds(Resized, st.builds(WindowSize, st.integers(1, 60), st.just(80)))
    ),
    st.just(ShimSaid(0, Executed(12, 1, 0, b"/bin/rm", b"/", (b"rm",), truncated=False))),
    st.builds(
        Decided,
        st.just(0),
        st.builds(program_approval, st.just(START.session), st.integers(1, 3), st.just(1)),
        st.booleans(),
        st.just("no"),
    ),
    st.sampled_from(
        [ShimGone(0), Stopping(0), Killed(0, "x"), SpoolFull(0), SpoolFreed(0), Failed(0), Ticked(0)]
    ),
)
pauses = st.sampled_from([0, 1, MILLISECOND, 300 * MILLISECOND, 3000 * MILLISECOND])
stories = st.lists(st.tuples(pauses, steps), max_size=40)

Story = list[tuple[int, Input]]


def tell(played: Playbook, tty: bool, story: Story) -> Playbook:
    """Play a story as a shell could: nothing from closed sources, no more delivered than was given."""
    at = 0
    waiting = dict.fromkeys((Channel.STDIN, Channel.STDOUT) if tty else Channel, 0)
    for pause, step in story:
        at += pause
        happened = _possible(played, waiting, at, step)
        if happened is None:
            continue
        before = len(played.commands)
        played.goes_on(happened)
        for command in played.commands[before:]:
            if isinstance(command, Deliver):
                waiting[command.channel] = waiting.get(command.channel, 0) + len(command.data)
    return played


def waits_for_an_answer(played: Playbook) -> bool:
    """Tell whether the shim has asked about a program, and holds it as long as it hears nothing."""
    asked = sum(isinstance(one, ShimSaid) and isinstance(one.message, Executed) for one in played.happened)
    answers = [command for command in played.commands if isinstance(command, Tell)]
    return asked > sum(command.packet[:1] in {b"C", b"D"} for command in answers)


def _possible(played: Playbook, waiting: dict[Channel, int], at: int, step: Input) -> Input | None:
    match step:
        case Received(_, channel, data):
            return Received(at, channel, data) if data and played.session.wants(channel) else None
        case SourceEnded(_, channel):
            return SourceEnded(at, channel) if played.session.wants(channel) else None
        case Delivered(_, channel, count):
            taken = min(count, waiting.get(channel, 0))
            if taken:
                waiting[channel] -= taken
            return Delivered(at, channel, taken) if taken else None
        case SinkBroken(_, channel):
            return SinkBroken(at, channel) if waiting.pop(channel, None) is not None else None
        case ShimSaid(_, Executed() as message):
            return None if waits_for_an_answer(played) else ShimSaid(at, message)
        case ShimSaid(_, message):
            return ShimSaid(at, message)
        case Decided(_, approval, approved, reason):
            return Decided(at, approval, approved, reason)
        case Killed(_, reason):
            return Killed(at, reason)
        case _:
            return type(step)(at)
