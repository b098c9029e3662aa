"""What holds for every session, whatever happens in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import START, Playbook, play

from sidecar.contract.events import Channel, Data, End, Exit, Found, Program, Resize, SessionStart
from sidecar.contract.grants import CommandPattern, CommandRule, Limits, PatternKind
from sidecar.contract.handshake import Executed, Exited, Resized, WindowSize
from sidecar.contract.identifiers import program_approval
from sidecar.recording.commands import Deliver, Finish, Record, Tell
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

ASK = CommandRule("p/ask", "", approve=(CommandPattern(PatternKind.PREFIX, ("rm",)),), wait_seconds=20)
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


def tell(tty: bool, story: Story) -> Playbook:
    """Play a story as a shell could: nothing from closed sources, no more delivered than was given."""
    limits = Limits(idle_seconds=30, total_seconds=60, output_bytes=800, findings=3)
    played = play(tty=tty, limits=limits, commands=(ASK,), traced=True)
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


@settings(deadline=None)
@given(st.booleans(), stories)
def test_a_record_begins_once_ends_once_and_never_goes_back(tty: bool, story: Story) -> None:
    played = tell(tty, story)
    events = played.events()
    assert isinstance(events[0], SessionStart)
    assert sum(isinstance(event, SessionStart) for event in events) == 1
    ends = [isinstance(event, End) for event in events]
    assert ends.count(True) == played.session.over
    assert not any(ends[:-1])
    times = [e.at for e in events if isinstance(e, Data | Resize | Found | Exit | End)]
    assert times == sorted(times)


@settings(deadline=None)
@given(st.booleans(), stories)
def test_what_is_delivered_was_recorded_just_before(tty: bool, story: Story) -> None:
    played = tell(tty, story)
    recorded = dict.fromkeys(OUTPUTS, b"")
    delivered = dict.fromkeys(OUTPUTS, b"")
    for command in played.commands:
        match command:
            case Record(Data(_, channel, data)) if channel in OUTPUTS:
                recorded[channel] += data
            case Deliver(channel, data) if channel in OUTPUTS:
                delivered[channel] += data
                assert recorded[channel] == delivered[channel]
            case _:
                pass
    assert recorded == delivered


@settings(deadline=None)
@given(st.booleans(), stories)
def test_no_card_number_is_recorded_or_shown(tty: bool, story: Story) -> None:
    played = tell(tty, story)
    for channel in Channel:
        assert PAN not in played.recorded(channel)
    for channel in OUTPUTS:
        assert PAN not in played.delivered(channel)


@settings(deadline=None)
@given(st.booleans(), stories)
def test_what_waits_runs_only_once_it_is_approved(tty: bool, story: Story) -> None:
    played = tell(tty, story)
    decided = [step.approval for step in played.happened if isinstance(step, Decided) and step.approved]
    for command in played.commands:
        if isinstance(command, Record) and isinstance(command.event, Program) and not command.event.denied:
            assert set(command.event.approvals) <= set(decided)
            assert len(command.event.approvals) == 1


@settings(deadline=None)
@given(st.booleans(), stories)
def test_finishing_is_the_last_command_and_totals_are_right(tty: bool, story: Story) -> None:
    played = tell(tty, story)
    finishes = [isinstance(command, Finish) for command in played.commands]
    assert not any(finishes[:-1])
    if played.session.over:
        end = played.end()
        assert end.stdout_bytes == len(played.delivered(Channel.STDOUT))
        assert end.stderr_bytes == len(played.delivered(Channel.STDERR))
        assert end.stdin_bytes == len(played.delivered(Channel.STDIN))
        assert end.stdout_bytes + end.stderr_bytes <= 800


@settings(deadline=None)
@given(st.booleans(), stories)
def test_every_session_ends_when_it_is_left_alone(tty: bool, story: Story) -> None:
    """A shell that does nothing but tick when asked to comes to an end."""
    played = tell(tty, story)
    for _ in range(100):
        deadline = played.session.deadline
        if played.session.over or deadline is None:
            break
        at = max(deadline, *(e.at for e in played.events() if not isinstance(e, SessionStart)), 0)
        played.goes_on(Ticked(at + 10**12))
    assert played.session.over
