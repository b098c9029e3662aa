"""A card number is masked alike for the client and the store, however the stream is cut."""

import pytest
from kube import EARLY, NAMESPACE, Kubectl
from sessions import Audit, marker

CARDS = {
    "4111111111111111": "411111******1111",
    "5500 0000 0000 0004": "5500 00** **** 0004",
    "3782-822463-10005": "3782-82****-*0005",
}
# kubectl drops what comes before it has its streams ("Unknown stream id 1, discarding message"): both wait.
CUT = """
import sys, time
time.sleep(0.5)
text = sys.argv[1].encode()
for cut in range(len(text) + 1):
    for piece in (text[:cut], text[cut:] + b"\\n"):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        time.sleep(0.004)
"""
BYTES = """
import sys, time
time.sleep(0.5)
for byte in sys.argv[1].encode() + b"\\n":
    sys.stdout.buffer.write(bytes([byte]))
    sys.stdout.buffer.flush()
    time.sleep(0.002)
"""


def program(text: str) -> str:
    """Python source that builds the number itself, so that no argument holds it whole."""
    return repr(text[:5]) + "+" + repr(text[5:])


@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "tty"])
@pytest.mark.parametrize("number", CARDS)
def test_every_cut_of_a_card_number_is_masked_alike(
    agent: Kubectl, app: str, audit: Audit, number: str, terminal: bool
) -> None:
    mark = marker()
    source = CUT.replace("sys.argv[1]", f"({program('x ' + number + ' y')})")
    if terminal:
        spawned = agent.terminal("exec", "-it", "-n", NAMESPACE, app, "--", "python3", "-c", source, mark)
        output: bytes = EARLY.sub(b"", spawned.read()).replace(b"\r\n", b"\n")
    else:
        output = agent.try_("exec", "-n", NAMESPACE, app, "--", "python3", "-c", source, mark).stdout
    line = f"x {CARDS[number]} y\n".encode()
    assert output == line * (len("x " + number + " y") + 1)
    recorded = audit.recorded(mark)
    assert recorded.data("stdout").replace(b"\r\n", b"\n") == output
    assert recorded.status["findings"]["total"] == output.count(b"\n")


@pytest.mark.parametrize("number", CARDS)
def test_a_card_number_byte_by_byte_is_masked_alike(
    agent: Kubectl, app: str, audit: Audit, number: str
) -> None:
    mark = marker()
    source = BYTES.replace("sys.argv[1]", f"({program(number)})")
    result = agent.try_("exec", "-n", NAMESPACE, app, "--", "python3", "-c", source, mark)
    assert result.text == CARDS[number] + "\n"
    assert audit.recorded(mark).data("stdout") == result.stdout


def test_standard_error_is_masked_too(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    source = f"import sys; sys.stderr.write({program('4111111111111111')})"
    result = agent.try_("exec", "-n", NAMESPACE, app, "--", "python3", "-c", source, mark)
    assert result.error == "411111******1111"
    assert audit.recorded(mark).data("stderr") == result.stderr


def test_a_card_number_sent_in_reaches_the_program_and_not_the_record(
    agent: Kubectl, app: str, audit: Audit
) -> None:
    mark = marker()
    digest = agent.try_(
        "exec", "-i", "-n", NAMESPACE, app, "--", "sh", "-c", "md5sum", mark, stdin=b"4111111111111111"
    ).text.split()[0]
    assert digest == "5910f4ea0062a0e29afd3dccc741e3ce"
    assert audit.recorded(mark).data("stdin") == b"411111******1111"


def test_findings_tell_rule_and_brand_and_never_the_number(agent: Kubectl, app: str, audit: Audit) -> None:
    mark = marker()
    source = f"print({program('4111111111111111')})"
    agent.run("exec", "-n", NAMESPACE, app, "--", "python3", "-c", source, mark)
    recorded = audit.recorded(mark)
    (finding,) = recorded.of("finding")
    assert (finding["rule"], finding["brand"], finding["offset"], finding["length"]) == ("pan", "visa", 0, 16)
    assert "4111111111111111" not in str(recorded)
