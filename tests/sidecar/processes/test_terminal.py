"""Sessions at a terminal, through a real recorder and a real shim."""

import os
import sys

from live_recorder import PATIENCE_S, Authority, LiveRecorder
from shim_terminal import Client

from sidecar.contract.events import Channel, Ending, Redacted, Resize, encode_event


def test_what_is_typed_is_echoed_masked_and_recorded(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "echo ready; exec cat", tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"ready\r\n")
        client.type(b"hello\r")
        client.wait_for(b"hello\r\nhello\r\n")
        client.type(b"4111111111111111\r")
        client.wait_for(b"411111******1111\r\n411111******1111\r\n")
        client.type(b"\x04")
        assert process.wait(PATIENCE_S) == 0
    recording = shared.ended_recording(ticket.session)
    assert recording.data(Channel.STDIN) == b"hello\r411111******1111\r\x04"
    assert recording.data(Channel.STDOUT).startswith(b"ready\r\nhello\r\nhello\r\n411111******1111\r\n")
    assert (recording.start.rows, recording.start.cols) == (24, 80)


def test_a_number_typed_with_a_mistake_is_masked(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "echo ready; exec cat", tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"ready\r\n")
        client.type(b"411111112\x7f11111111\r")
        client.wait_for(b"411111***\b \b****1111\r\n411111******1111\r\n")
        client.type(b"\x04")
        assert process.wait(PATIENCE_S) == 0
    recording = shared.ended_recording(ticket.session)
    assert recording.data(Channel.STDIN) == b"411111***\x7f****1111\r\x04"
    assert recording.end.findings == {"pan/visa": 3}


def test_a_key_is_echoed_at_once(shared: LiveRecorder, authority: Authority) -> None:
    with Client() as client:
        process = shared.at_terminal(authority.grant("sh", "-c", "echo ready; exec cat", tty=True), client)
        client.wait_for(b"ready\r\n")
        for key in (b"4", b"1", b"1", b"1", b"1", b"1"):
            client.type(key)
            client.wait_for(key)
        client.type(b"\x03")
        assert process.wait(PATIENCE_S) == 128 + 2


def test_a_password_is_not_recorded_and_what_is_typed_after_it_is(
    shared: LiveRecorder, authority: Authority
) -> None:
    script = """
import getpass
said = getpass.getpass("Password: ")
print("right" if said[::-1] == "erom dna 2retnuh" else "wrong", input("Name: "))
"""
    ticket = authority.grant(sys.executable, "-S", "-c", script, tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"Password: ")
        for part in (b"hunter2", b" and more", b"\r"):
            client.type(part)
        client.wait_for(b"Name: ")
        client.type(b"bob\r")
        client.wait_for(b"right bob")
        assert process.wait(PATIENCE_S) == 0
    recording = shared.ended_recording(ticket.session)
    assert recording.data(Channel.STDIN) == b"bob\r"
    assert recording.end.stdin_bytes == 4
    assert sum(isinstance(event, Redacted) for event in recording.events) == 1
    assert b"hunter2" not in b"".join(map(encode_event, recording.events))


def test_a_changed_size_reaches_the_program(shared: LiveRecorder, authority: Authority) -> None:
    script = "trap 'stty size' WINCH; echo ready; while read line; do :; done"
    ticket = authority.grant("sh", "-c", script, tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"ready")
        client.resize(50, 132)
        os.kill(process.pid, 28)
        client.type(b"\r")
        client.wait_for(b"50 132")
        client.type(b"\x04")
        process.wait(PATIENCE_S)
    events = shared.ended_recording(ticket.session).events
    assert [(event.rows, event.cols) for event in events if isinstance(event, Resize)] == [(50, 132)]


def test_a_child_that_keeps_the_terminal_open(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "trap '' HUP; sleep 1000 & echo started; exit 3", tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"started")
        assert process.wait(PATIENCE_S) == 3
    assert shared.ended_recording(ticket.session).end.how is Ending.EXITED


def test_a_program_may_let_go_of_its_terminal_and_take_it_again(
    shared: LiveRecorder, authority: Authority
) -> None:
    script = "exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >/dev/tty"
    ticket = authority.grant("sh", "-c", script, tty=True)
    with Client() as client:
        process = shared.at_terminal(ticket, client)
        client.wait_for(b"again")
        assert process.wait(PATIENCE_S) == 0


def test_a_terminal_that_hangs_up_ends_the_session(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.grant("sh", "-c", "echo $$; trap '' HUP; while :; do sleep 1; done", tty=True)
    client = Client()
    process = shared.at_terminal(ticket, client)
    client.wait_for(b"\n")
    os.close(client.master)
    os.close(client.slave)
    process.wait(PATIENCE_S)
    assert shared.ended_recording(ticket.session).end.how is Ending.CLIENT_GONE
