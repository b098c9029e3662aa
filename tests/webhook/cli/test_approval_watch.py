"""Following approval requests before a front that keeps to a script, over real connections."""

import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from approvals import needed, pending
from policy_samples import BUILTIN, question

from webhook.cli.approval_access import ApprovalAccess
from webhook.cli.approval_watch import Follower
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode

Json = dict[str, Any]
TICKET: Json = json.loads(msgspec.json.encode(pending(question(), needed(BUILTIN))))


def ticket(uid: str, version: int, phase: str = "Pending") -> Json:
    metadata = {**TICKET["metadata"], "uid": uid, "resourceVersion": str(version)}
    return {**TICKET, "metadata": metadata, "status": {"phase": phase}}


def listed(version: int, *items: Json) -> Json:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


def event(kind: str, found: Json) -> Json:
    return {"type": kind, "object": found}


def bookmark(version: int) -> Json:
    return event("BOOKMARK", {"kind": "ApprovalRequest", "metadata": {"resourceVersion": str(version)}})


GONE = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
CUT = "cut"
"""The connection breaks in the middle of a line."""


class Script:
    """What is answered, one after the other, and from which version each watch was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.script.asked.append(query["resourceVersion"][0] if "watch" in query else "list")
        answer: Any = self.script.answers.pop(0) if self.script.answers else 403
        if isinstance(answer, int):
            self._send(answer, {"kind": "Status", "message": "it says no"})
        elif isinstance(answer, list):
            self._stream(cast("list[Any]", answer))
        else:
            self._send(200, answer)

    def _send(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, events: list[Any]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for one in events:
            line = b'{"type":"MODI' if one == CUT else json.dumps(one).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        if CUT in events:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@contextmanager
def front(script: Script, tmp_path: Path) -> Generator[ApprovalAccess]:
    handler = type("Scripted", (Front,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{server.server_port}'}}}}]\n"
        "users: [{name: u, user: {token: word}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
    )
    try:
        yield ApprovalAccess(Cluster(config, None), None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def follow(script: Script, tmp_path: Path, count: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Give so many changes, and what was said of lost connections."""
    lost: list[str] = []
    with front(script, tmp_path) as access:
        follower = Follower(access, lost=lost.append, pause=lambda _: None)
        changes = list(islice(follower.follow(), count))
    told = [
        (change.ticket.metadata.uid, "gone" if change.is_gone else change.ticket.status.phase.value)
        for change in changes
    ]
    return told, lost


def test_what_is_there_comes_first_and_then_what_changes(tmp_path: Path) -> None:
    script = Script(
        listed(5, ticket("a", 3)),
        [event("ADDED", ticket("b", 6)), bookmark(9), event("MODIFIED", ticket("a", 10, "Approved"))],
        [event("DELETED", ticket("b", 11, "Expired"))],
    )
    told, lost = follow(script, tmp_path, 4)
    assert told == [("a", "Pending"), ("b", "Pending"), ("a", "Approved"), ("b", "gone")]
    assert script.asked == ["list", "5", "10"]
    assert not lost


@pytest.mark.parametrize("gone", [[GONE], 410], ids=["as an event", "as an answer"])
def test_after_410_only_what_is_new_is_told(tmp_path: Path, gone: Any) -> None:
    script = Script(
        listed(5, ticket("a", 3), ticket("b", 4)),
        gone,
        listed(20, ticket("a", 3), ticket("c", 18, "Denied")),
        [event("MODIFIED", ticket("a", 21, "Denied"))],
    )
    told, lost = follow(script, tmp_path, 5)
    assert told[:2] == [("a", "Pending"), ("b", "Pending")]
    assert set(told[2:4]) == {("b", "gone"), ("c", "Denied")}
    assert told[4] == ("a", "Denied")
    assert script.asked == ["list", "5", "list", "20"]
    assert not lost


def test_a_lost_connection_is_told_once_and_nothing_is_missed(tmp_path: Path) -> None:
    script = Script(
        listed(5),
        [event("ADDED", ticket("a", 6)), CUT],
        [CUT],
        [CUT],
        [event("MODIFIED", ticket("a", 7, "Used"))],
    )
    told, lost = follow(script, tmp_path, 2)
    assert told == [("a", "Pending"), ("a", "Used")]
    assert script.asked == ["list", "5", "6", "6", "6"]
    assert len(lost) == 1


def test_one_that_may_not_look_is_told_at_once(tmp_path: Path) -> None:
    with front(Script(403), tmp_path) as access, pytest.raises(CliError) as refused:
        next(Follower(access, lost=lambda _: None, pause=lambda _: None).follow())
    assert refused.value.code is ExitCode.FORBIDDEN
