"""What ``chaperone canary run`` says of what came back. That it works is shown on a cluster."""

import pytest

from webhook.audit_api.canary_objects import CARD_NUMBER, MASKED, Canary, CanaryStatus
from webhook.cli.canary_run import judged, lines
from webhook.cli.pod_exec import Ran

MARK = "canary0123456789abcdef"
WELL = Ran(started=True, output=f"{MARK} {MASKED}\n".encode())
CLOSED = Ran(started=False, refusal='admission webhook "exec.chaperone.dev" denied the request: no')


def test_a_canary_that_lives() -> None:
    spec = judged("bird", MARK, WELL, CLOSED)
    assert (spec.masked, spec.refused, spec.said) == (True, True, "")
    status = CanaryStatus(passed=True, recorded=True, session="01m3", why="")
    told = lines(Canary(spec, status=status))
    assert told == ["Masked    yes", "Refused   yes", "Recorded  yes", "Session   01m3"]


@pytest.mark.parametrize(
    ("came", "answer", "masked", "refused", "said"),
    [
        (
            Ran(started=True, output=f"{MARK} {CARD_NUMBER}\n".encode()),
            CLOSED,
            False,
            True,
            "came back as it is",
        ),
        (Ran(started=True, output=b"4111"), CLOSED, False, True, "not what was sent, masked (4 bytes)"),
        (Ran(started=True), CLOSED, False, True, "(0 bytes)"),
        (Ran(started=False, refusal="no"), CLOSED, False, True, "the session was not let in: no"),
        (WELL, Ran(started=True), True, False, "the recorder's own container was let in"),
        (
            WELL,
            Ran(started=False, refusal="container chaperone-recorder is not valid"),
            True,
            False,
            "it was not Chaperone that refused",
        ),
        (Ran(started=False, refusal=f"a\n{CARD_NUMBER}"), CLOSED, False, True, f"not let in: a {MASKED}"),
        (Ran(started=False, refusal="x" * 999), CLOSED, False, True, "xxx"),
    ],
)
def test_canaries_that_die_say_of_what(
    came: Ran, answer: Ran, masked: bool, refused: bool, said: str
) -> None:
    spec = judged("bird", MARK, came, answer)
    assert (spec.masked, spec.refused) == (masked, refused)
    assert said in spec.said
    assert len(spec.said) <= 500
    assert CARD_NUMBER not in spec.said
    status = CanaryStatus(passed=False, recorded=False, session="", why="no session\x1b")
    assert "Why       no session\\x1b" in lines(Canary(spec, status=status))
