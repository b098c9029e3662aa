"""Recorders that die, stop, fill up or are talked to by strangers."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder, Ticket, children, descendants, wait_until
from shim_terminal import Client

from sidecar.contract.events import Channel, Ending
from sidecar.contract.grants import Limits
from sidecar.contract.handshake import listening
from sidecar.contract.wire import NoticeKind
from sidecar.shipping.layout import order_kill

TALKING = "echo started; while read line; do echo got $line; done; exit 5"


def talking(recorder: LiveRecorder, ticket: Ticket) -> subprocess.Popen[bytes]:
    """Start a session that has shown something."""
    process = recorder.popen(ticket)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    return process


def told(process: subprocess.Popen[bytes]) -> bytes:
    """Wait for the end of a session without ending its input; give its error output."""
    process.wait(PATIENCE_S)
    return process.communicate()[1]


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except (FileNotFoundError, ProcessLookupError):
        return True


def ends_unrecorded(process: subprocess.Popen[bytes]) -> None:
    """Expect the client to be told that the recorder is gone."""
    assert b"the recorder is gone" in told(process)
    assert process.returncode == 126


def still_works(recorder: LiveRecorder, authority: Authority) -> None:
    assert recorder.run(authority.grant("echo", "fine")).stdout == b"fine\n"


def test_a_session_process_is_killed(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(recorder, ticket)
    (session,) = recorder.sessions()
    os.kill(session, signal.SIGKILL)
    ends_unrecorded(process)
    recording = recorder.ended_recording(ticket.session)
    assert recording.data(Channel.STDOUT) == b"started\n"
    assert recording.end.how is Ending.INTERRUPTED
    wait_until(lambda: recorder.told(NoticeKind.RECORDER_FAILED))
    assert [notice.session for notice in recorder.told(NoticeKind.RECORDER_FAILED)] == [ticket.session]
    still_works(recorder, authority)


def test_the_warm_process_is_killed(recorder: LiveRecorder, authority: Authority) -> None:
    """Sessions that run go on, and new ones start."""
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(recorder, ticket)
    (session,) = recorder.sessions()
    warm = next(pid for pid in children(recorder.pid) if session in children(pid))
    os.kill(warm, signal.SIGKILL)
    still_works(recorder, authority)
    assert process.communicate(b"more\n", timeout=PATIENCE_S) == (b"got more\n", b"")
    assert process.returncode == 5
    assert recorder.ended_recording(ticket.session).end.how is Ending.EXITED


def test_the_whole_recorder_is_killed(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(recorder, ticket)
    recorder.kill()
    ends_unrecorded(process)
    recorder.start()
    assert recorder.ended_recording(ticket.session).end.how is Ending.INTERRUPTED
    still_works(recorder, authority)


def test_only_the_first_process_is_killed(recorder: LiveRecorder, authority: Authority) -> None:
    """Its children end, a shipper without a collector as well. (In a container the kernel does it.)"""
    recorder.stop()
    recorder.settings["SHIPPER_DRAIN_SECONDS"] = "1"
    recorder.start()
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(recorder, ticket)
    below = descendants(recorder.pid)
    assert any(b"shipping" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below)
    os.kill(recorder.pid, signal.SIGKILL)
    assert b"the recorder is stopping" in told(process)
    assert recorder.ended_recording(ticket.session).end.how is Ending.RECORDER_STOPPED
    for pid in below:
        wait_until(lambda pid=pid: has_ended(pid), f"the end of process {pid}")


def test_a_stopping_recorder_ends_its_sessions(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant(
        "sh", "-c", "trap 'echo bye; exit 9' TERM; echo started; while :; do sleep 0.1; done"
    )
    process = talking(recorder, ticket)
    assert recorder.stop() == 0
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout) == (9, b"bye\n")
    assert b"the recorder is stopping" in stderr
    recording = recorder.recording(ticket.session)
    assert recording.data(Channel.STDOUT) == b"started\nbye\n"
    assert recording.end.how is Ending.RECORDER_STOPPED
    assert not (recorder.container / "sock").exists()


def test_a_recorder_that_cannot_start_sessions_says_so(recorder: LiveRecorder, authority: Authority) -> None:
    (recorder.spool / "used").write_text("in the way")
    done = recorder.run(authority.grant("true"))
    assert done.returncode == 126
    assert b"the recorder cannot start" in done.stderr
    (recorder.spool / "used").unlink()
    wait_until(lambda: recorder.run(authority.grant("true")).returncode == 0)


def warm_processes(recorder: LiveRecorder) -> list[int]:
    return [
        pid for pid in children(recorder.pid) if b"shipping" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def dialled(recorder: LiveRecorder) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(recorder.container / "sock"))
    connection.settimeout(PATIENCE_S)
    return connection


def test_a_silent_stranger_is_hung_up_on(tmp_path: Path, compiled_shim: Path, authority: Authority) -> None:
    with LiveRecorder(tmp_path, compiled_shim, authority, {"HELLO_SECONDS": "1"}) as recorder:
        with dialled(recorder) as connection:
            assert connection.recv(1000) == listening()
            assert connection.recv(1000) == b"Rthe hello did not arrive in time"
            assert connection.recv(1000) == b""
        still_works(recorder, authority)


def test_a_full_spool_stops_reading_and_then_ends_the_session(
    tmp_path: Path, compiled_shim: Path, authority: Authority
) -> None:
    settings = {"SPOOL_BYTES": "4000000", "SPOOL_PATIENCE_SECONDS": "1"}
    with LiveRecorder(tmp_path, compiled_shim, authority, settings) as recorder:
        ticket = authority.grant("sh", "-c", "exec head -c 50000000 /dev/zero")
        done = recorder.run(ticket)
        assert b"the recorder's spool is full" in done.stderr
        recording = recorder.ended_recording(ticket.session)
        assert recording.data(Channel.STDOUT) == done.stdout
        assert 1_000_000 < len(done.stdout) < 4_000_000
        assert recording.end.how is Ending.SPOOL_FULL


def test_an_idle_session_is_ended(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sleep", "1000", limits=Limits(idle_seconds=1))
    done = shared.run(ticket)
    assert done.returncode == 128 + 15
    assert done.stderr == b"chaperone: nothing was typed or shown for 1 s, so this session was ended\n"
    assert shared.ended_recording(ticket.session).end.how is Ending.IDLE


def test_a_program_that_does_not_want_to_end_is_killed(shared: LiveRecorder, authority: Authority) -> None:
    script = "trap '' TERM HUP; echo started; while :; do sleep 1; done"
    ticket = authority.grant("sh", "-c", script, tty=True, limits=Limits(idle_seconds=0, total_seconds=1))
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"the limit of 1 s is reached")
        assert process.wait(PATIENCE_S) == 128 + 9
    assert shared.ended_recording(ticket.session).end.how is Ending.TOO_LONG


def test_a_session_ends_at_its_limit_of_output(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("yes", limits=Limits(output_bytes=1_000_000))
    done = shared.run(ticket)
    assert len(done.stdout) == 1_000_000
    assert shared.ended_recording(ticket.session).end.how is Ending.TOO_MUCH


def test_a_session_ends_at_its_limit_of_findings(shared: LiveRecorder, authority: Authority) -> None:
    script = "while :; do echo 4111111111111111; sleep 0.05; done"
    ticket = authority.grant("sh", "-c", script, limits=Limits(findings=3))
    done = shared.run(ticket)
    assert b"4111111111111111" not in done.stdout
    assert done.stderr == (
        b"chaperone: card data was found 3 times, which is the limit, so this session was ended\n"
    )
    recording = shared.ended_recording(ticket.session)
    assert recording.end.how is Ending.TOO_MANY_FINDINGS
    assert recording.end.findings == {"pan/visa": 3}


def test_an_order_ends_a_session(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(shared, ticket)
    order_kill(shared.spool / "sessions" / ticket.session, "ended by alice: not\x1b[2J now")
    assert told(process) == b"chaperone: ended by alice: not [2J now\n"
    assert process.returncode == 128 + 15
    end = shared.ended_recording(ticket.session).end
    assert (end.how, end.reason) == (Ending.KILLED, "ended by alice: not\x1b[2J now")


def test_a_killed_shim_ends_the_session(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(shared, ticket)
    process.kill()
    process.communicate()
    recording = shared.ended_recording(ticket.session)
    assert (recording.end.how, recording.end.stdout_bytes) == (Ending.CLIENT_GONE, 8)


def test_a_record_that_the_collector_refuses_ends_the_session(
    shared: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.grant("sh", "-c", TALKING)
    process = talking(shared, ticket)
    (shared.spool / "sessions" / ticket.session / "refused").write_text("not believed")
    assert b"the collector refuses to record this session" in told(process)


def test_what_sessions_need_is_unloaded_after_a_while(
    tmp_path: Path, compiled_shim: Path, authority: Authority
) -> None:
    with LiveRecorder(tmp_path, compiled_shim, authority, {"LINGER_SECONDS": "1"}) as recorder:
        still_works(recorder, authority)
        wait_until(lambda: not warm_processes(recorder))
        still_works(recorder, authority)


def test_a_burst_of_strangers_passes(recorder: LiveRecorder, authority: Authority) -> None:
    strangers = [dialled(recorder) for _ in range(100)]
    for stranger in strangers:
        stranger.close()
    wait_until(lambda: recorder.run(authority.grant("true")).returncode == 0)


@pytest.mark.parametrize("stage", ["before", "during", "after"])
def test_killing_everything_at_any_stage_loses_nothing_delivered(
    recorder: LiveRecorder, authority: Authority, stage: str
) -> None:
    pause = {"before": "sleep 0.5;", "during": "", "after": ""}[stage]
    ticket = authority.grant("sh", "-c", f"{pause} i=0; while :; do echo line $i; i=$((i+1)); done")
    process = recorder.popen(ticket)
    assert process.stdout is not None
    if stage == "before":
        wait_until(recorder.sessions)
    elif stage == "during":
        process.stdout.read(100_000)
    else:
        process.stdout.read(100_000)
        process.send_signal(signal.SIGTERM)
    recorder.kill()
    process.communicate(timeout=PATIENCE_S)
    recorder.start()
    if stage != "before":
        assert len(recorder.ended_recording(ticket.session).data(Channel.STDOUT)) >= 100_000
