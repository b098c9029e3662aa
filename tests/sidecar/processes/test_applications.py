"""A container's own program under a real shim, with a recorder of real processes: masked, not ended by it."""

import os
import random
import re
import signal
import subprocess
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder, Ticket, wait_until
from own_program import REMARK, UNMASKED, Running
from shim_terminal import Client

from sidecar.contract.wire import NoticeKind

PAN = "6011000990139424"
MASKED = "601100******9424"


def sh(authority: Authority, script: str) -> Ticket:
    return authority.application("sh", "-c", script)


def test_output_is_masked_and_the_exit_code_is_the_programs(
    shared: LiveRecorder, authority: Authority
) -> None:
    done = shared.run(sh(authority, f"echo card {PAN}; echo {PAN} >&2; exit 7"))
    assert (done.returncode, done.stdout) == (7, f"card {MASKED}\n".encode())
    assert done.stderr == f"{MASKED}\n".encode()


@pytest.mark.parametrize(
    ("script", "code"),
    [("kill -KILL $$", 137), ("trap 'exit 3' USR1; kill -USR1 $$; sleep 100", 3), ("exit 255", 255)],
)
def test_how_a_program_ends_is_how_its_container_ends(
    shared: LiveRecorder, authority: Authority, script: str, code: int
) -> None:
    assert shared.run(sh(authority, script)).returncode == code


def test_a_program_that_cannot_be_started_says_why(shared: LiveRecorder, authority: Authority) -> None:
    done = shared.run(authority.application("absent-program"))
    assert done.returncode == 127
    assert b"'absent-program' not found" in done.stderr


@pytest.mark.parametrize(
    ("script", "code"), [("echo up; sleep 1000", 143), ("trap 'exit 9' TERM; echo up; sleep 1000 & wait", 9)]
)
def test_a_signal_reaches_the_program(
    shared: LiveRecorder, authority: Authority, script: str, code: int
) -> None:
    running = Running(shared, sh(authority, script))
    running.wait_for(b"up")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == code


def test_what_a_program_leaves_behind_ends_with_it(shared: LiveRecorder, authority: Authority) -> None:
    began = time.monotonic()
    done = shared.run(sh(authority, "setsid sleep 1000 & echo $!; exit 4"))
    assert done.returncode == 4
    assert time.monotonic() - began < PATIENCE_S
    assert not Path(f"/proc/{int(done.stdout)}").exists()


def test_input_comes_in_and_its_end_too(shared: LiveRecorder, authority: Authority) -> None:
    done = shared.run(authority.application("cat"), b"one\ntwo\n")
    assert (done.returncode, done.stdout) == (0, b"one\ntwo\n")


def test_a_program_at_a_terminal(shared: LiveRecorder, authority: Authority) -> None:
    with Client() as client:
        ticket = authority.application("sh", "-c", f"stty size; read line; echo got {PAN}; tty", tty=True)
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"24 80")
        client.type(b"x\r")
        client.wait_for(f"got {MASKED}".encode())
        assert process.wait(PATIENCE_S) == 0


def test_a_grant_holds_after_its_key_has_expired_and_after_it_was_used(
    shared: LiveRecorder, authority: Authority
) -> None:
    ticket = sh(authority, "exit 5")
    assert [shared.run(ticket).returncode for _ in range(2)] == [5, 5]


def test_what_the_kubelet_filled_in_runs_and_nothing_else_in_its_place(
    shared: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.application("echo", "$(WHAT)", unbound=(1,))
    filled_in = replace(ticket, argv=("echo", "filled in"))
    assert shared.run(filled_in).stdout == b"filled in\n"
    other = shared.run(replace(ticket, argv=("printf", "filled in")))
    assert (other.returncode, other.stdout) == (126, b"")
    assert b"the grant is for another command line" in other.stderr


@pytest.mark.parametrize("kind", ["another line", "of a session", "for a session"])
def test_a_grant_for_something_else_starts_nothing(
    shared: LiveRecorder, authority: Authority, kind: str
) -> None:
    ours = authority.application("echo", "ours")
    ticket = {
        "another line": Ticket(ours.session, ours.token, ("echo", "other"), ours.flag),
        "of a session": Ticket(ours.session, authority.grant("echo", "ours").token, ours.argv, ours.flag),
        "for a session": Ticket(ours.session, ours.token, ours.argv),
    }[kind]
    done = shared.run(ticket)
    assert (done.returncode, done.stdout) == (126, b"")
    assert b"the grant is for" in done.stderr


def test_who_comes_second_is_refused_and_reported(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = sh(authority, "echo up; sleep 1000")
    running = Running(recorder, ticket)
    running.wait_for(b"up")
    second = recorder.run(ticket)
    assert second.returncode == 126
    assert b"under the shim already" in second.stderr
    wait_until(lambda: recorder.told(NoticeKind.GRANT_REPLAYED))
    [notice] = recorder.told(NoticeKind.GRANT_REPLAYED)
    assert "under the shim already" in notice.reason
    running.process.kill()
    running.end()


def test_without_a_recorder_nothing_starts_until_there_is_one(
    recorder: LiveRecorder, authority: Authority
) -> None:
    recorder.stop()
    running = Running(recorder, sh(authority, f"echo {PAN}"))
    time.sleep(0.5)
    assert running.process.poll() is None
    recorder.start()
    assert running.end() == 0
    assert running.shown == f"{MASKED}\n".encode()


def test_a_signal_ends_what_waits_for_a_recorder(recorder: LiveRecorder, authority: Authority) -> None:
    recorder.stop()
    running = Running(recorder, sh(authority, "echo never"))
    wait_until(lambda: "SigCgt:\t0000000000004007" in status(running.process.pid))
    running.process.send_signal(signal.SIGTERM)
    assert (running.end(), running.shown) == (143, b"")


def status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


def test_an_end_without_a_recorder_comes_in_time(recorder: LiveRecorder, authority: Authority) -> None:
    running = Running(recorder, sh(authority, "trap 'exit 6' TERM; echo up; sleep 1000 & wait"))
    running.wait_for(b"up")
    recorder.kill()
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 6


def test_a_recorder_that_stops_hands_back(recorder: LiveRecorder, authority: Authority) -> None:
    script = "echo up; read line; echo line lost; echo more; read line; echo $line"
    running = Running(recorder, sh(authority, script), stdin=subprocess.PIPE)
    running.wait_for(b"up")
    recorder.stop()
    assert running.process.poll() is None
    recorder.start()
    assert running.process.stdin is not None
    os.write(running.process.stdin.fileno(), b"go\n")
    running.wait_for(b"****\n")
    running.process.stdin.write(b"still here\n")
    running.process.stdin.close()
    assert running.end() == 0
    assert running.shown == b"up\n\n" + REMARK + b"\n****\nstill here\n"


FLOOD = """
import os, random, sys
choice, card = random.Random(int(sys.argv[1])), sys.argv[3].encode()
text = b"".join(b"line %d of %s, and text after it\\n" % (i, card) for i in range(int(sys.argv[2])))
while text:
    cut = choice.choice([1, 7, 40, 1000, 30000])
    while text[:cut]:
        written = os.write(1, text[:cut])
        text, cut = text[written:], cut - written
"""
LINES = 100_000
LINE_BYTES = len(f"line {LINES - 1} of {PAN}, and text after it\n")
LOST_BYTES = 312 * 1024
"""The most that docs/main-process.md says of a dead recorder."""


def test_a_recorder_killed_at_any_moment_shows_no_number_and_loses_little(
    recorder: LiveRecorder, authority: Authority
) -> None:
    seed = random.randrange(1 << 30)
    choice = random.Random(seed)
    argv = ("python3", "-c", FLOOD, str(seed), str(LINES), PAN)
    running = Running(recorder, authority.application(*argv))
    kills = 0
    while kills < 5 and running.process.poll() is None:
        before = len(running.shown)
        wait_until(lambda before=before: len(running.shown) > before or running.process.poll() is not None)
        time.sleep(choice.random() / 4)
        recorder.kill()
        recorder.start()
        kills += 1
    assert running.end() == 0, seed
    check_flood(running.shown, kills, seed)


def check_flood(shown: bytes, kills: int, seed: int) -> None:
    assert not UNMASKED.search(shown), (seed, UNMASKED.search(shown))
    line = re.compile(rb"line (\d+) of 601100\*{6}9424, and text after it")
    numbers, odd = list[int](), list[bytes]()
    for part in shown.removesuffix(b"\n").split(b"\n"):
        match = line.fullmatch(part)
        if match:
            numbers.append(int(match[1]))
        else:
            odd.append(part)
    assert numbers == sorted(set(numbers)), seed
    assert numbers[-1] == LINES - 1, seed
    assert odd.count(REMARK) <= kills, (seed, odd)
    assert len(odd) <= 3 * kills, (seed, odd)
    lost = [(after - before - 1) * LINE_BYTES for before, after in pairwise([-1, *numbers])]
    assert max(lost) <= LOST_BYTES + LINE_BYTES, seed
