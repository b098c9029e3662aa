"""What strangers do to the doors' port over real HTTPS: nothing is let through, and nothing grows or ends."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial

import pytest
from doors_server import DoorsServer, doors_server
from hostile_wire import COMMAND, HOSTILE, MIB, REVIEW, changed, chunked, is_allowed, request, status


@pytest.fixture(scope="module")
def server() -> Iterator[DoorsServer]:
    """The doors; nothing that is sent to them may be an error of theirs."""
    with doors_server() as server:
        yield server
        assert server.process.poll() is None
        lines = [json.loads(line) for line in server.log().splitlines()]
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
    assert not any("exception" in line for line in lines)


def judges_well(server: DoorsServer) -> bool:
    """Whether an API server gets its answer, at once."""
    began = time.monotonic()
    answer = server.send(request())
    return is_allowed(answer) and status(answer) == 200 and time.monotonic() - began < 20


def test_an_api_server_gets_its_answer(server: DoorsServer) -> None:
    assert judges_well(server)
    assert is_allowed(server.send(request(kind=b"application/json; charset=utf-8")))
    assert is_allowed(server.send(chunked(REVIEW[:100], REVIEW[100:])))


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_odd_is_let_through(server: DoorsServer, what: str) -> None:
    sent, statuses = HOSTILE[what]
    answer = server.send(sent)
    assert not is_allowed(answer), what
    assert status(answer) in statuses, answer[:500]
    if status(answer) == 200:
        assert b'"allowed":false' in answer
    assert judges_well(server)


def test_a_second_request_behind_a_body_is_one_of_its_own(server: DoorsServer) -> None:
    """What is smuggled behind the end of a body is judged by itself, and answered by itself."""
    refused = request(changed(COMMAND, b'"command": ["sh"]'))
    with server.connect() as connection:
        connection.sendall(refused + request())
        connection.settimeout(10)
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 2:
            answers += connection.recv(65536)
    first, _, second = answers.partition(b"HTTP/1.1 200")[2].partition(b"HTTP/1.1 200")
    assert (is_allowed(first), b'"allowed":false' in first) == (False, True)
    assert second


def test_many_that_say_nothing_or_little_keep_nobody_out(server: DoorsServer) -> None:
    with ExitStack() as stack:
        for number in range(150):
            connection = stack.enter_context(server.connect())
            connection.sendall(request()[: number * 3])
        assert judges_well(server)


def test_large_bodies_at_once_are_within_bounds(server: DoorsServer) -> None:
    """Six fit at a time; whoever else comes is told to come again, or is cut off."""
    assert judges_well(server)
    before = server.most_memory()
    body = request(b" " * (8 * MIB - len(REVIEW)) + REVIEW)
    send = partial(server.send, seconds=60)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, [body] * 32))
    assert {status(answer) for answer in answers} <= {0, 200, 408, 503}
    assert server.most_memory() - before < 150 * MIB
    assert judges_well(server)


def test_whoever_speaks_no_tls_is_not_answered(server: DoorsServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(request())
        answer = b""
        with suppress(ConnectionError, ssl.SSLError):
            answer = plain.recv(100)
    assert b"HTTP" not in answer
    assert judges_well(server)
