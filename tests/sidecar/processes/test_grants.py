"""Dial-ins that must not start anything."""

import subprocess
from pathlib import Path

import pytest
from live_recorder import POD_UID, Authority, LiveRecorder, Ticket, wait_until

from sidecar.contract.wire import NoticeKind


def refused(recorder: LiveRecorder, ticket: Ticket, reason: str) -> None:
    """Expect one line, exit code 126, no program and no session."""
    marker = recorder.directory / "marker"
    done = recorder.run(ticket)
    assert (done.returncode, done.stdout) == (126, b"")
    assert done.stderr.decode() == f"chaperone: {reason}\n"
    assert not marker.exists()


def test_a_grant_is_used_once(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("true")
    assert shared.run(ticket).returncode == 0
    refused(shared, ticket, "the grant was used before; run the command again")
    notice = next(notice for notice in shared.notices() if notice.session == ticket.session)
    assert notice.kind is NoticeKind.GRANT_REPLAYED
    assert (notice.container, notice.argv) == ("app", ("true",))


def test_a_grant_is_used_once_whatever_is_restarted(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("true")
    assert recorder.run(ticket).returncode == 0
    recorder.kill()
    recorder.start()
    refused(recorder, ticket, "the grant was used before; run the command again")


def test_the_container_must_match(shared: LiveRecorder, authority: Authority) -> None:
    refused(shared, authority.grant("true", container="other"), "the grant is for another container")


def test_the_pod_must_match(shared: LiveRecorder, authority: Authority) -> None:
    other = POD_UID.replace("0", "1")
    refused(shared, authority.grant("true", pod_uid=other), "the grant is for another pod")


def test_the_command_line_must_match(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("true")
    other = Ticket(ticket.session, ticket.token, ("touch", str(shared.directory / "marker")))
    refused(shared, other, "the grant is for another command line")


def test_the_kind_of_session_must_match(shared: LiveRecorder, authority: Authority) -> None:
    refused(shared, authority.grant("true", tty=True), "the grant is for a session with a terminal")


def test_it_must_not_be_too_old(shared: LiveRecorder, authority: Authority) -> None:
    refused(shared, authority.grant("true", issued_ago=100), "the grant has expired; run the command again")


def test_it_must_come_from_the_root(shared: LiveRecorder) -> None:
    refused(
        shared,
        Authority().grant("true"),
        "the signing key is not certified by this installation's root",
    )


def test_it_must_be_a_grant(shared: LiveRecorder) -> None:
    refused(shared, Ticket("", "grant", ("true",)), "the grant cannot be read")


def test_its_masking_profile_must_exist(shared: LiveRecorder, authority: Authority) -> None:
    refused(shared, authority.grant("true", profile="none"), "this recorder has no masking profile 'none'")


def test_a_card_number_in_a_refused_command_is_masked(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("echo", "4111111111111111", container="other")
    shared.run(ticket)
    notice = next(notice for notice in shared.notices() if notice.session == ticket.session)
    assert notice.argv == ("echo", "411111******1111")


def test_without_a_recorder_nothing_runs(tmp_path: Path, compiled_shim: Path, authority: Authority) -> None:
    ticket = authority.grant("true")
    done = subprocess.run(ticket.command(compiled_shim), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 126
    assert done.stderr.startswith(b"chaperone: ")


@pytest.mark.parametrize("how_many", [1, 3])
def test_no_more_sessions_than_allowed(
    tmp_path: Path, compiled_shim: Path, authority: Authority, how_many: int
) -> None:
    settings = {"MAX_SESSIONS": str(how_many)}
    with LiveRecorder(tmp_path, compiled_shim, authority, settings) as recorder:
        running = [recorder.popen(authority.grant("sh", "-c", "echo; read line")) for _ in range(how_many)]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        refused(
            recorder,
            authority.grant("true"),
            f"{how_many} sessions run in this pod already; try again later",
        )
        for process in running:
            process.communicate(b"\n")
        wait_until(lambda: recorder.run(authority.grant("true")).returncode == 0)
