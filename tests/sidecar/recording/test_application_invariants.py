"""What holds for every container's own program, whatever happens in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import play_own
from stories import OUTPUTS, PAN, Story, stories, tell

from sidecar.contract.events import Channel, Data, End, Redacted, SessionStart
from sidecar.recording.commands import Deliver, Finish, Record


@settings(deadline=None)
@given(st.booleans(), st.booleans(), stories)
def test_with_content_what_is_delivered_was_recorded_just_before(
    tty: bool, resumed: bool, story: Story
) -> None:
    played = tell(play_own(tty=tty, content=True, resumed=resumed), tty, story)
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
@given(st.booleans(), st.booleans(), st.booleans(), stories)
def test_no_card_number_is_shown_or_recorded(tty: bool, content: bool, resumed: bool, story: Story) -> None:
    played = tell(play_own(tty=tty, content=content, resumed=resumed), tty, story)
    for channel in Channel:
        assert PAN not in played.recorded(channel)
    for channel in OUTPUTS:
        assert PAN not in played.delivered(channel)


@settings(deadline=None)
@given(st.booleans(), st.booleans(), stories)
def test_a_record_begins_once_ends_once_and_says_what_was_delivered(
    tty: bool, content: bool, story: Story
) -> None:
    played = tell(play_own(tty=tty, content=content), tty, story)
    events = played.events()
    assert isinstance(events[0], SessionStart)
    ends = [isinstance(event, End) for event in events]
    assert ends.count(True) == played.session.over
    assert not any(ends[:-1])
    assert not any(isinstance(command, Finish) for command in played.commands[:-1])
    if not content:
        assert not any(isinstance(event, Data | Redacted) for event in events)
    if played.session.over:
        end = played.end()
        assert end.stdout_bytes == len(played.delivered(Channel.STDOUT))
        assert end.stderr_bytes == len(played.delivered(Channel.STDERR))
        assert end.stdin_bytes == len(played.delivered(Channel.STDIN))
