"""What strangers send to the doors' port, byte for byte, and the statuses that are right answers to it."""

import gzip
import json
import re
from typing import Any

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


def is_allowed(answer: bytes) -> bool:
    return b'"allowed":true' in answer


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
