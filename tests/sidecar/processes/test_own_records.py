"""What is recorded of a container's own program, by a recorder of real processes."""

import os
import subprocess
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from live_recorder import Authority, LiveRecorder, Recording, Ticket, wait_until

from sidecar.contract.events import (
    Channel,
    End,
    Ending,
    Event,
    Exit,
    Gap,
    SessionKind,
    SessionStart,
)
from sidecar.contract.wire import NoticeKind

PAN = "6011000990139424"
MASKED = b"601100******9424\n"


def sessions(recorder: LiveRecorder) -> list[str]:
    """The sessions in the spool, oldest first."""
    return sorted(path.name for path in (recorder.spool / "sessions").glob("*"))


def only(recorder: LiveRecorder) -> Recording:
    wait_until(lambda: sessions(recorder))
    [name] = sessions(recorder)
    return recorder.ended_recording(name)


def kinds(recording: Recording) -> list[type[Event]]:
    return [type(event) for event in recording.events]


def test_without_content_its_run_and_what_was_found_are_recorded(
    recorder: LiveRecorder, authority: Authority
) -> None:
    done = recorder.run(authority.application("sh", "-c", f"echo {PAN}; echo {PAN} >&2; exit 7"))
    assert (done.returncode, done.stdout, done.stderr) == (7, MASKED, MASKED)
    recording = only(recorder)
    start = recording.start
    assert (start.kind, start.content, start.resumed, start.previous) == (
        SessionKind.MAIN_PROCESS,
        False,
        False,
        "",
    )
    assert sorted(kind.__name__ for kind in kinds(recording)) == [
        "End",
        "Exit",
        "Found",
        "Found",
        "SessionStart",
    ]
    assert next(event.code for event in recording.events if isinstance(event, Exit)) == 7
    end = recording.end
    assert (end.how, end.stdout_bytes, end.stderr_bytes) == (Ending.EXITED, len(MASKED), len(MASKED))
    assert end.findings == {"pan/discover": 2}


def test_with_content_what_is_typed_and_shown_is_recorded_masked(
    recorder: LiveRecorder, authority: Authority
) -> None:
    done = recorder.run(authority.application("cat", content=True), f"{PAN}\n".encode())
    assert done.stdout == MASKED
    recording = only(recorder)
    assert recording.start.content
    assert recording.data(Channel.STDIN) == MASKED
    assert recording.data(Channel.STDOUT) == MASKED
    assert recording.end.stdin_bytes == len(MASKED)


def follow(recorder: LiveRecorder, ticket: Ticket) -> subprocess.Popen[bytes]:
    """Start a program and wait for its first line; go on reading it."""
    process = recorder.popen(ticket)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def finish(process: subprocess.Popen[bytes]) -> bytes:
    return process.communicate(timeout=60)[0]


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_each_recorder_has_a_session_of_its_own_that_names_the_one_before(
    recorder: LiveRecorder, authority: Authority, way: str
) -> None:
    process = follow(recorder, authority.application("sh", "-c", "echo up; read x; echo more; echo end"))
    [first] = sessions(recorder)
    if way == "stopped":
        recorder.stop()
    else:
        recorder.kill()
    recorder.start()
    assert process.stdin is not None
    wait_until(lambda: len(sessions(recorder)) == 2)
    os.write(process.stdin.fileno(), b"x\n")
    finish(process)
    second = sessions(recorder)[1]
    before, after = recorder.ended_recording(first), recorder.ended_recording(second)
    assert before.end.how is (Ending.RECORDER_STOPPED if way == "stopped" else Ending.INTERRUPTED)
    assert (after.start.resumed, after.start.previous) == (True, first)
    gaps = [event for event in after.events if isinstance(event, Gap)]
    assert [(gap.channel, gap.left_out) for gap in gaps] == [(Channel.STDOUT, len("more"))]
    assert after.end.how is Ending.EXITED
    told = {notice.session for notice in recorder.told(NoticeKind.RECORDER_FAILED)}
    assert (first in told) is (way == "killed")


def test_a_container_that_starts_again_names_the_session_before(
    recorder: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.application("true")
    recorder.run(ticket)
    recorder.run(ticket)
    first, second = sessions(recorder)
    start = recorder.ended_recording(second).start
    assert (start.resumed, start.previous) == (False, first)


def test_without_content_it_runs_though_nothing_can_be_recorded_and_that_is_told_later(
    recorder: LiveRecorder, authority: Authority
) -> None:
    blocked = recorder.spool / "sessions"
    blocked.write_text("no directory, so that no session can be made")
    process = follow(recorder, authority.application("sh", "-c", f"echo {PAN}; echo {PAN}; read x; exit 5"))
    assert process.stdout is not None
    assert process.stdout.readline() == MASKED
    blocked.unlink()
    wait_until(lambda: sessions(recorder))
    assert process.stdin is not None
    os.write(process.stdin.fileno(), b"x\n")
    finish(process)
    assert process.returncode == 5
    recording = only(recorder)
    assert kinds(recording) == [SessionStart, Exit, End]
    assert recording.end.findings == {"pan/discover": 2}


def test_without_content_a_full_spool_holds_nothing_up(recorder: LiveRecorder, authority: Authority) -> None:
    recorder.stop()
    recorder.settings["SPOOL_BYTES"] = "100"
    recorder.start()
    done = recorder.run(authority.application("sh", "-c", f"for i in 1 2 3; do echo {PAN}; done; exit 6"))
    assert (done.returncode, done.stdout) == (6, MASKED * 3)
    recording = only(recorder)
    assert kinds(recording) == [SessionStart, Exit, End]
    assert recording.end.findings == {"pan/discover": 3}


def segments(recorder: LiveRecorder, least: int) -> list[Path]:
    """What lies in the spool, once there are so many files."""
    found = sorted((recorder.spool / "sessions").glob("*/*.frames"))
    return found if len(found) >= least else []


def test_with_content_a_full_spool_holds_it_until_there_is_room(
    recorder: LiveRecorder, authority: Authority
) -> None:
    recorder.stop()
    recorder.settings |= {"SPOOL_BYTES": str(3 * 1024 * 1024), "SPOOL_PATIENCE_SECONDS": "1"}
    recorder.start()
    lines = 600_000
    process = recorder.popen(authority.application("seq", str(lines), content=True))
    shown: list[bytes] = []
    reader = threading.Thread(target=lambda: shown.append(finish(process)))
    reader.start()
    wait_until(lambda: segments(recorder, 4))
    reader.join(2)  # longer than the patience of sessions
    assert reader.is_alive()
    while reader.is_alive():  # as if the collector had stored what is there
        for segment in segments(recorder, 2)[:-1]:
            segment.unlink()
        reader.join(0.05)
    assert shown[0].count(b"\n") == lines
    assert process.returncode == 0


@pytest.mark.parametrize("content", [False, True])
def test_a_program_that_runs_on_has_one_session_after_another_and_nothing_is_missing(
    recorder: LiveRecorder, authority: Authority, content: bool
) -> None:
    recorder.stop()
    recorder.settings["OWN_SESSION_SECONDS"] = "1"
    recorder.start()
    script = f"i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo $i {PAN}; sleep 0.1; done; read x"
    process = recorder.popen(authority.application("sh", "-c", script, content=content))
    wait_until(lambda: len(sessions(recorder)) >= 4)
    shown = finish(process)
    assert process.returncode == 1, "the end of its input"
    assert shown == b"".join(b"%d %s" % (number, MASKED) for number in range(1, 51))
    names = sessions(recorder)
    recordings = [recorder.ended_recording(name) for name in names]
    assert [one.start.previous for one in recordings] == ["", *names[:-1]]
    assert not any(one.start.resumed for one in recordings)
    assert {one.end.how for one in recordings[:-1]} == {Ending.CONTINUED}
    assert recordings[-1].end.how is Ending.EXITED
    assert sum(one.end.stdout_bytes for one in recordings) == len(shown)
    assert sum(sum(one.end.findings.values()) for one in recordings) == 50
    assert b"".join(one.data(Channel.STDOUT) for one in recordings) == (shown if content else b"")
    starts = [one.start.started_at for one in recordings]
    assert all(later - sooner < 60 * 10**9 for sooner, later in pairwise(starts))
