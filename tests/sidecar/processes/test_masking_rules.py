"""Masking rules that a policy adds: they travel in the grant and hold in a real session."""

import pytest
from live_recorder import LiveRecorder

from sidecar.contract.events import Channel, Found
from sidecar.contract.grants import MaskingRule

RULES = (
    MaskingRule("stripe-key", "sk_live_[0-9A-Za-z]{16,99}"),
    MaskingRule("account", "ACC-[0-9]{8}", last_four=True),
)
SAID = b"key sk_live_0123456789abcdefABCD end ACC-12345678 end 4111111111111111 end\n"
SHOWN = b"key sk_live_******************** end ACC-****5678 end 411111******1111 end\n"


def test_they_mask_what_is_shown_and_what_is_recorded(recorder: LiveRecorder) -> None:
    ticket = recorder.authority.grant("cat", rules=RULES)
    done = recorder.run(ticket, SAID)
    assert (done.returncode, done.stdout) == (0, SHOWN)
    recording = recorder.ended_recording(ticket.session)
    assert recording.data(Channel.STDOUT) == recording.data(Channel.STDIN) == SHOWN
    rules = {event.rule for event in recording.events if isinstance(event, Found)}
    assert rules == {"stripe-key", "account", "pan"}


def test_a_session_without_them_does_not_know_them(recorder: LiveRecorder) -> None:
    masked, plain = recorder.authority.grant("cat", rules=RULES), recorder.authority.grant("cat")
    recorder.run(masked, SAID)
    assert b"sk_live_0123456789abcdefABCD end ACC-12345678" in recorder.run(plain, SAID).stdout
    masking = [recorder.ended_recording(ticket.session).start.masking for ticket in (masked, plain)]
    assert masking[0] != masking[1]


def test_they_mask_what_a_containers_own_program_writes(recorder: LiveRecorder) -> None:
    done = recorder.run(recorder.authority.application("cat", rules=RULES), SAID)
    assert (done.returncode, done.stdout) == (0, SHOWN)


@pytest.mark.parametrize("pattern", ["a", "tok_.*", "tok_(a|b)", "tok_[", "tok_[0-9]{9999}"])
def test_a_rule_that_does_not_compile_starts_nothing(recorder: LiveRecorder, pattern: str) -> None:
    ticket = recorder.authority.grant("echo", "hi", rules=(MaskingRule("bad", pattern),))
    done = recorder.run(ticket)
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"masking rules cannot be loaded" in done.stderr
