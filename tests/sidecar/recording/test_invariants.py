"""What holds for every session, whatever happens in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import Playbook, play
from stories import OUTPUTS, PAN, Story, stories
from stories import tell as tell_to

from sidecar.contract.events import Channel, Data, End, Exit, Found, Program, Resize, SessionStart
from sidecar.contract.grants import CommandPattern, CommandRule, Limits, PatternKind
from sidecar.recording.commands import Deliver, Finish, Record
from sidecar.recording.inputs import Decided, Ticked

ASK = CommandRule("p/ask", "", approve=(CommandPattern(PatternKind.PREFIX, ("rm",)),), wait_seconds=20)


def tell(tty: bool, story: Story) -> Playbook:
    """Play a story to a session with limits and a rule."""
    limits = Limits(idle_seconds=30, total_seconds=60, output_bytes=800, findings=3)
    return tell_to(play(tty=tty, limits=limits, commands=(ASK,), traced=True), tty, story)


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
