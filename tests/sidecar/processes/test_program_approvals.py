"""Programs that wait for people, in real sessions: what is in the spool, and what a decision there does."""

from pathlib import Path

import msgspec
import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder, Ticket, wait_until
from shim_terminal import Client

from sidecar.contract.events import Held, Program
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind
from sidecar.contract.identifiers import program_approval
from sidecar.contract.wire import ApprovalDecided, ApprovalWanted
from sidecar.shipping.layout import SESSIONS, leave_decision, wanted_approval

ASK = CommandRule(
    "payments/ask", "", approve=(CommandPattern(PatternKind.PREFIX, ("touch",)),), wait_seconds=300
)
SOON = msgspec.structs.replace(ASK, wait_seconds=1)


def spooled(recorder: LiveRecorder, ticket: Ticket) -> Path:
    return recorder.spool / SESSIONS / ticket.session


def wanted(recorder: LiveRecorder, ticket: Ticket, program: int) -> ApprovalWanted:
    """Give what waits, once it does."""
    name = program_approval(ticket.session, program, 1)
    found: list[ApprovalWanted] = []

    def waits() -> bool:
        directory = spooled(recorder, ticket)
        seen = wanted_approval(directory) if directory.exists() else None
        found[:] = [] if seen is None else [seen]
        return bool(found) and found[0].approval == name

    wait_until(waits, f"{name} is wanted")
    return found[0]


def ask_and_approve(recorder: LiveRecorder, ticket: Ticket, made: Path) -> str:
    """Approve the second program of a session, which makes a file; give the approval's name."""
    asked = wanted(recorder, ticket, 2)
    assert (asked.rule, asked.argv) == ("payments/ask", ("touch", str(made), "411111******1111"))
    assert not made.exists()
    leave_decision(spooled(recorder, ticket), ApprovalDecided(ticket.session, asked.approval, approved=True))
    return asked.approval


def check(recorder: LiveRecorder, ticket: Ticket, made: Path, approval: str) -> None:
    """Check that the file was made, and what the record says of that."""
    events = recorder.ended_recording(ticket.session).events
    assert [event.approval for event in events if isinstance(event, Held)] == [approval]
    ran = [event for event in events if isinstance(event, Program) and event.approvals]
    assert [(program.approvals, program.denied) for program in ran] == [((approval,), "")]
    assert wanted_approval(spooled(recorder, ticket)) is None
    assert made.exists()


def touching(authority: Authority, made: Path, *, tty: bool = False) -> Ticket:
    script = f"touch {made} 4111111111111111 && echo went on"
    return authority.grant("sh", "-c", script, commands=(ASK,), traced=True, tty=tty)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "made"


def test_it_waits_and_then_runs(shared: LiveRecorder, authority: Authority, made: Path) -> None:
    ticket = touching(authority, made)
    process = shared.popen(ticket)
    approval = ask_and_approve(shared, ticket, made)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out == b"went on\n"
    assert b"'touch' waits: by rule payments/ask somebody else has to approve it" in err
    assert f"chaperone approvals approve {approval} -n payments\n".encode() in err
    check(shared, ticket, made, approval)


def test_it_waits_at_a_terminal(shared: LiveRecorder, authority: Authority, made: Path) -> None:
    ticket = touching(authority, made, tty=True)
    with Client(cols=300) as client:
        process = shared.at_terminal(ticket, client)
        approval = ask_and_approve(shared, ticket, made)
        client.wait_for(f"chaperone approvals approve {approval} -n payments\r\n".encode())
        client.wait_for(b"went on\r\n")
        assert process.wait(PATIENCE_S) == 0
    check(shared, ticket, made, approval)


def test_what_is_denied_does_not_run(shared: LiveRecorder, authority: Authority, made: Path) -> None:
    ticket = authority.grant("sh", "-c", f"touch {made}; echo $?", commands=(ASK,), traced=True)
    process = shared.popen(ticket)
    asked = wanted(shared, ticket, 2)
    decided = ApprovalDecided(ticket.session, asked.approval, approved=False, reason="bob denied it: no")
    leave_decision(spooled(shared, ticket), decided)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out == b"126\n"
    assert b"'touch' was not run: by rule payments/ask bob denied it: no" in err
    assert not made.exists()


def test_nobody_decides(shared: LiveRecorder, authority: Authority, made: Path) -> None:
    ticket = authority.grant("touch", str(made), commands=(SOON,), traced=True)
    done = shared.run(ticket)
    assert done.returncode == 126
    assert b"nobody approved it within 1 seconds" in done.stderr
    assert not made.exists()


def test_a_client_that_goes_away_ends_what_waits(
    shared: LiveRecorder, authority: Authority, made: Path
) -> None:
    ticket = authority.grant("touch", str(made), commands=(ASK,), traced=True)
    process = shared.popen(ticket)
    wanted(shared, ticket, 1)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    events = shared.ended_recording(ticket.session).events
    assert not [event for event in events if isinstance(event, Program)]
    assert not made.exists()


def test_a_recorder_that_dies_lets_nothing_run(
    recorder: LiveRecorder, authority: Authority, made: Path
) -> None:
    ticket = authority.grant("touch", str(made), commands=(ASK,), traced=True)
    process = recorder.popen(ticket)
    wanted(recorder, ticket, 1)
    recorder.kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 126
    assert b"the recorder is gone" in err
    assert not made.exists()
