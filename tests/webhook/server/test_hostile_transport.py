"""What strangers do to the doors' port over real HTTPS: nothing is let through, and nothing grows or ends."""

import gzip
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

import pytest
from doors_server import DoorsServer, doors_server
from fuzzing.admission_seeds import seeds

MIB = 1024 * 1024
EXEC: dict[str, Any] = next(
    one for one in seeds()["exec"] if one["request"]["object"].get("command") == ["ls", "-la"]
)
"""A review that is let through when it is sent as API servers send it."""
REVIEW = json.dumps(EXEC).encode()
JSON = b"application/json"


def request(body: bytes = REVIEW, *headers: bytes, kind: bytes = JSON, length: int | None = None) -> bytes:
    """A request as it goes over the wire."""
    head = (
        b"POST /v1/exec HTTP/1.1",
        b"Host: x",
        b"Content-Type: " + kind,
        b"Content-Length: %d" % (len(body) if length is None else length),
        *headers,
    )
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n", headers: bytes = b"") -> bytes:
    head = b"POST /v1/exec HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers
    sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + sent + end


def status(answer: bytes) -> int:
    """The status of an answer; 0 where the connection was cut off without one."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


def changed(text: bytes, other: bytes) -> bytes:
    """The review with a part of its text replaced."""
    assert text in REVIEW
    return REVIEW.replace(text, other, 1)


@pytest.fixture(scope="module")
def server() -> Iterator[DoorsServer]:
    """The doors; nothing that is sent to them may be an error of theirs."""
    with doors_server() as server:
        yield server
        assert server.process.poll() is None
        lines = [json.loads(line) for line in server.log().splitlines()]
    assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
    assert not any("exception" in line for line in lines)


def is_allowed(answer: bytes) -> bool:
    return b'"allowed":true' in answer


def judges_well(server: DoorsServer) -> bool:
    """Whether an API server gets its answer, at once."""
    began = time.monotonic()
    answer = server.send(request())
    return is_allowed(answer) and status(answer) == 200 and time.monotonic() - began < 5


def test_an_api_server_gets_its_answer(server: DoorsServer) -> None:
    assert judges_well(server)
    assert is_allowed(server.send(request(kind=b"application/json; charset=utf-8")))
    assert is_allowed(server.send(chunked(REVIEW[:100], REVIEW[100:])))


DEEP = b'"object": ' + b"[" * 100_000 + b"]" * 100_000 + b', "was": '
COMMAND = b'"command": ["ls", "-la"]'
HOSTILE: dict[str, tuple[bytes, set[int]]] = {
    "another type": (request(kind=b"text/plain"), {415}),
    "a form": (request(kind=b"application/x-www-form-urlencoded"), {415}),
    "no type": (request(kind=b""), {415}),
    "gzip that says so": (request(gzip.compress(REVIEW), b"Content-Encoding: gzip"), {415}),
    "gzip that does not": (request(gzip.compress(REVIEW)), {400}),
    "plain that says gzip": (request(REVIEW, b"Content-Encoding: gzip"), {415}),
    "a bomb": (request(gzip.compress(b" " * 64 * MIB), b"Content-Encoding: gzip"), {415}),
    "nothing": (request(b""), {400}),
    "too little": (request(REVIEW[:-1]), {400}),
    "too much": (request(REVIEW + REVIEW), {400}),
    "a length that cuts": (request(REVIEW, length=len(REVIEW) - 10), {400}),
    "a length below nothing": (request(REVIEW, length=-1), {400}),
    "a length of letters": (request().replace(b"Content-Length: ", b"Content-Length: x"), {400}),
    "two lengths": (request(REVIEW, b"Content-Length: 3"), {400}),
    "a length and chunks": (chunked(REVIEW, headers=b"Content-Length: 3\r\n"), {400}),
    "chunks of no size": (chunked(end=b"zz\r\nx\r\n0\r\n\r\n"), {400}),
    "nesting without end": (request(b"[" * 200_000), {400}),
    "a deep object": (request(changed(b'"object": ', DEEP)), {400}),
    "a deep command": (request(changed(COMMAND, b'"command": ' + b"[" * 5000 + b"]" * 5000)), {200, 400}),
    "a command twice": (request(changed(COMMAND, COMMAND + b', "command": ["sh"]')), {200, 400}),
    "an operation twice": (request(changed(b'"CONNECT"', b'"CONNECT", "operation": "X"')), {400}),
    "no number": (request(changed(b'"dryRun": false', b'"dryRun": NaN')), {400}),
    "a number without end": (request(changed(COMMAND, b'"command": [1e999]')), {200, 400}),
    "infinity": (request(changed(COMMAND, b'"command": Infinity')), {200, 400}),
    "text that is none": (request(changed(b'"-la"', b'"\xff\xfe"')), {400}),
    "half a surrogate": (request(changed(b'"-la"', b'"\\ud800"')), {200, 400}),
    "a zero in an argument": (request(changed(b'"-la"', b'"-l\\u0000a"')), {200, 400}),
    "UTF-16": (request(REVIEW.decode().encode("utf-16")), {400}),
    "a mark before": (request(b"\xef\xbb\xbf" + REVIEW), {400}),
    "a body of ten MiB": (request(REVIEW + b" " * 10 * MIB), {0, 400}),
    "another method": (request().replace(b"POST", b"PUT", 1), {405}),
    "no method": (request().replace(b"POST", b"P\0ST", 1), {0, 400}),
    "another version": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400}),
    "a header without end": (b"POST /v1/exec HTTP/1.1\r\nX: " + b"x" * MIB, {0, 400}),
    "headers without end": (b"POST /v1/exec HTTP/1.1\r\n" + b"A: b\r\n" * 100_000, {0, 400}),
    "an upgrade": (request(b"", b"Connection: Upgrade", b"Upgrade: websocket"), {400}),
}


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
    assert {status(answer) for answer in answers} <= {0, 200, 503}
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
