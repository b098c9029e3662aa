"""Sessions on pipes, through a real recorder and a real shim."""

import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder

from sidecar.contract.events import Channel, Ending, Exit

PAN = b"4111111111111111"
MASKED = b"411111******1111"
TEXT = b"2026-11-23T02:00:00Z INFO  checkout[4711] order 81723 of customer 5520 paid, 3 items, 41.30 EUR\n"


@pytest.mark.parametrize("code", [0, 1, 7, 126, 127, 255])
def test_the_exit_code_is_the_program_s(shared: LiveRecorder, authority: Authority, code: int) -> None:
    ticket = authority.grant("sh", "-c", f"exit {code}")
    assert shared.run(ticket).returncode == code
    recording = shared.ended_recording(ticket.session)
    assert [event.code for event in recording.events if isinstance(event, Exit)] == [code]
    assert recording.end.how is Ending.EXITED


def test_a_signal_is_told(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "kill -TERM $$")
    assert shared.run(ticket).returncode == 128 + 15
    exits = [event for event in shared.ended_recording(ticket.session).events if isinstance(event, Exit)]
    assert [(event.code, event.signal) for event in exits] == [(143, 15)]


def test_a_missing_program(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("no-such-program")
    done = shared.run(ticket)
    assert done.returncode == 127
    assert done.stderr == shared.ended_recording(ticket.session).data(Channel.STDERR) != b""


def test_the_record_says_what_ran_where(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("printf", "%s", "card 4111 1111 1111 1111")
    assert shared.run(ticket).stdout == b"card 4111 11** **** 1111"
    start = shared.ended_recording(ticket.session).start
    assert start.argv == ("printf", "%s", "card 4111 11** **** 1111")
    assert (start.session, start.container, start.tty, start.stdin) == (ticket.session, "app", False, False)
    assert start.grant_digest == hashlib.sha256(ticket.token.encode()).digest()


def test_output_and_error_output_stay_apart(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done")
    done = shared.run(ticket)
    assert done.stdout == b"out 1\nout 2\nout 3\n"
    assert done.stderr == b"err 1\nerr 2\nerr 3\n"
    recording = shared.ended_recording(ticket.session)
    assert (recording.data(Channel.STDOUT), recording.data(Channel.STDERR)) == (done.stdout, done.stderr)


def test_the_end_of_input_is_passed_on(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "cat; echo after the end")
    assert shared.run(ticket, b"before\n").stdout == b"before\nafter the end\n"
    assert shared.ended_recording(ticket.session).end.stdin_bytes == 7


def test_a_program_that_does_not_read_its_input(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "exec <&-; echo deaf")
    assert shared.run(ticket, b"x" * 1_000_000).stdout == b"deaf\n"


def test_card_numbers_are_masked_for_the_client_and_in_the_record(
    shared: LiveRecorder, authority: Authority
) -> None:
    ticket = authority.grant("sh", "-c", "cat; cat /proc/self/mounts >&2")
    done = shared.run(ticket, b"pan=" + PAN + b"\n" + PAN)
    assert done.stdout == b"pan=" + MASKED + b"\n" + MASKED
    recording = shared.ended_recording(ticket.session)
    assert recording.data(Channel.STDIN) == recording.data(Channel.STDOUT) == done.stdout
    assert recording.end.findings == {"pan/visa": 4}


def test_a_number_in_pieces(shared: LiveRecorder, authority: Authority) -> None:
    """Every cut once, with a pause long enough for the pieces to be read apart."""
    pan = PAN.decode()
    pieces = [(pan[:cut], pan[cut:]) for cut in range(1, len(pan))]
    script = "".join(f"printf {first}; sleep 0.01; echo {rest};" for first, rest in pieces)
    ticket = authority.grant("sh", "-c", script)
    expected = (MASKED + b"\n") * (len(pan) - 1)
    assert shared.run(ticket).stdout == expected
    assert shared.ended_recording(ticket.session).data(Channel.STDOUT) == expected


def test_binary_data_is_identical_both_ways(shared: LiveRecorder, authority: Authority) -> None:
    given = bytes(range(256)) * 4096
    ticket = authority.grant("cat")
    assert shared.run(ticket, given).stdout == given


def test_a_hundred_megabytes_of_output(recorder: LiveRecorder, authority: Authority) -> None:
    line = TEXT.decode().strip()
    ticket = authority.grant("sh", "-c", f"yes '{line}' | head -c 100000000")
    done = recorder.run(ticket)
    assert len(done.stdout) == 100_000_000
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256((TEXT * 1_100_000)[:100_000_000]).digest()
    assert recorder.ended_recording(ticket.session).end.stdout_bytes == 100_000_000


def test_a_hundred_megabytes_of_input(recorder: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sha256sum")
    given = (TEXT * 1_100_000)[:100_000_000]
    assert recorder.run(ticket, given).stdout.split()[0].decode() == hashlib.sha256(given).hexdigest()


def test_twenty_sessions_at_once(shared: LiveRecorder, authority: Authority) -> None:
    tickets = [authority.grant("sh", "-c", f"echo {number}; cat; exit {number}") for number in range(20)]
    with ThreadPoolExecutor(20) as clients:
        done = list(clients.map(partial(shared.run, given=PAN), tickets))
    assert [one.returncode for one in done] == list(range(20))
    assert [one.stdout for one in done] == [b"%d\n%s" % (number, MASKED) for number in range(20)]
    for ticket in tickets:
        assert shared.ended_recording(ticket.session).end.how is Ending.EXITED


def test_a_child_that_keeps_the_output_open(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "sleep 1000 & echo started")
    done = shared.run(ticket)
    assert (done.returncode, done.stdout) == (0, b"started\n")
    assert shared.ended_recording(ticket.session).end.how is Ending.EXITED


def test_a_slow_client_gets_everything(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "head -c 1000000 /dev/zero")
    received = 0
    with shared.popen(ticket, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 10_000):
            received += len(chunk)
            time.sleep(0.005)
        assert process.wait(PATIENCE_S) == 0
    assert received == 1_000_000


def test_what_a_client_has_not_taken_is_not_read_ahead(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "head -c 30000000 /dev/zero")
    with shared.popen(ticket, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        time.sleep(0.3)
        recorded = len(shared.recording(ticket.session).data(Channel.STDOUT))
        assert recorded < 1_000_000
        process.stdout.close()
        process.wait(PATIENCE_S)
    assert shared.ended_recording(ticket.session).end.how is Ending.CLIENT_GONE


def test_a_client_that_vanishes_takes_the_program_with_it(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "echo $$; exec sleep 1000")
    with shared.popen(ticket) as process:
        assert process.stdout is not None
        program = int(process.stdout.readline())
        process.stdout.close()
        process.wait(PATIENCE_S)
    assert shared.ended_recording(ticket.session).end.how is Ending.CLIENT_GONE
    with pytest.raises(ProcessLookupError):
        os.kill(program, 0)
