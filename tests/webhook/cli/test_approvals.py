"""Approval requests on the command line, before a front that keeps one of them."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from approvals import needed, pending
from cli_runner import Chaperone
from policy_samples import BUILTIN, question

TICKET: dict[str, Any] = json.loads(msgspec.json.encode(pending(question(), needed(BUILTIN))))
NAME = TICKET["metadata"]["name"]
LIST = "/apis/chaperone.dev/v1alpha1/namespaces/payments/approvalrequests"


class Front(BaseHTTPRequestHandler):
    """Does the API server's part: one request, which is approved by whatever is written."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in (LIST, LIST.replace("/namespaces/payments", "")):
            self._answer(200, {"items": [TICKET]})
        elif path == f"{LIST}/{NAME}":
            self._answer(200, TICKET)
        else:
            name = path.rpartition("/")[2]
            self._answer(404, {"kind": "Status", "message": f'approvalrequests "{name}" not found'})

    def do_PATCH(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["decision"]
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        if said["verdict"] == "deny":
            self._answer(403, {"kind": "Status", "message": "nobody decides on their own request"})
        else:
            decided = {**said, "by": {"username": "bob"}, "at": "2026-03-02T12:00:00Z"}
            self._answer(200, {**TICKET, "status": {"phase": "Approved", "decisions": [decided]}})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture(scope="module")
def chaperone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaperone]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = Thread(target=server.serve_forever)
    thread.start()
    path = tmp_path_factory.mktemp("approvals") / "config"
    path.write_text(_kubeconfig(server.server_port))
    yield Chaperone(Path(path))
    server.shutdown()
    thread.join()
    server.server_close()


def _kubeconfig(port: int) -> str:
    return (
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f"clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n"
        "users: [{name: u, user: {token: word}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u, namespace: payments}}]\n"
    )


@pytest.mark.parametrize("where", [(), ("-A",), ("-n", "payments")])
def test_what_waits_is_listed(chaperone: Chaperone, where: tuple[str, ...]) -> None:
    done = chaperone.run("approvals", "list", *where)
    assert done.code == 0, done.error
    header, row = done.out.splitlines()
    assert header.split() == ["NAMESPACE", "NAME", "PHASE", "REQUESTER", "RULE", "WHAT", "UNTIL"]
    assert row.split()[:7] == ["payments", NAME, "Pending", "alice", "r", "ls", "-la"]


def test_json_is_what_the_api_server_gave(chaperone: Chaperone) -> None:
    assert json.loads(chaperone.run("approvals", "list", "-o", "json").out)["items"] == [TICKET]
    assert json.loads(chaperone.run("approvals", "show", NAME, "-o", "json").out) == TICKET


def test_everything_known_is_shown(chaperone: Chaperone) -> None:
    out = chaperone.run("approvals", "show", NAME).out
    for word in (f"payments/{NAME}", "ls -la", "alice", "p/r", TICKET["spec"]["digest"]):
        assert word in out


def test_deciding_says_what_came_of_it(chaperone: Chaperone) -> None:
    assert chaperone.run("approvals", "approve", NAME, "--reason", "yes").out == f"{NAME}: approved\n"
    refused = chaperone.run("approvals", "deny", NAME)
    assert (refused.code, refused.out) == (4, "")
    assert "nobody decides on their own request" in refused.error


def test_one_that_is_not_there(chaperone: Chaperone) -> None:
    done = chaperone.run("approvals", "show", "other")
    assert done.code == 3
    assert 'no approval request "other" in namespace payments' in done.error
