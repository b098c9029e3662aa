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
TICKET["spec"]["program"] = {"executable": "/usr/bin/ls", "cwd": "/srv/orders", "uid": 1001}
PROGRAM = ("/usr/bin/ls", "/srv/orders", "1001")
NAME = TICKET["metadata"]["name"]
LIST = "/apis/chaperone.dev/v1alpha1/namespaces/payments/approvalrequests"


STANDING = LIST.replace("approvalrequests", "standingapprovals")
GIVEN: dict[str, Any] = {
    "apiVersion": "chaperone.dev/v1alpha1",
    "kind": "StandingApproval",
    "metadata": {"name": "standing-x", "namespace": "payments", "creationTimestamp": "2026-03-02T12:00:00Z"},
    "spec": {"user": "alice", "policy": "p", "rule": "r", "argvPrefix": ["ls"], "seconds": 1800},
    "status": {"by": {"username": "bob"}, "at": "2026-03-02T12:00:00Z", "until": "2126-03-02T12:30:00Z"},
}
WRITTEN: list[Any] = []
SAID: list[Any] = []
"""Verdicts that were written."""


class Front(BaseHTTPRequestHandler):
    """Does the API server's part: one request, which is decided by whatever is written."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] != "Bearer word":
            self._answer(401, {"kind": "Status", "message": "Unauthorized"})
            return
        path = self.path.partition("?")[0].replace("/namespaces/payments", "")
        if path == LIST.replace("/namespaces/payments", ""):
            self._answer(200, {"items": [TICKET]})
        elif path == STANDING.replace("/namespaces/payments", ""):
            self._answer(200, {"items": [GIVEN]})
        elif self.path.partition("?")[0] == f"{LIST}/{NAME}":
            self._answer(200, TICKET)
        else:
            name = path.rpartition("/")[2]
            self._answer(404, {"kind": "Status", "message": f'approvalrequests "{name}" not found'})

    def do_PATCH(self) -> None:
        written = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        if "revoke" in written:
            WRITTEN.append(written)
            self._answer(200, GIVEN)
            return
        said = written["decision"]
        SAID.append(said)
        decided = {**said, "by": {"username": "bob"}, "at": "2026-03-02T12:00:00Z"}
        status = {"phase": PHASES.get(said["verdict"], "Pending"), "decisions": [decided]}
        if said.get("reason") == "mine":
            said_by = 'admission webhook "approvalrequests.chaperone.dev" denied the request: '
            told = f"{said_by}nobody decides on their own request"
            self._answer(403, {"kind": "Status", "message": told})
        elif said.get("reason") == "no right":
            told = f'approvalrequests "{NAME}" is forbidden: User "bob" cannot patch resource'
            self._answer(403, {"kind": "Status", "message": told})
        else:
            self._answer(200, {**TICKET, "status": {**status, "usableUntil": "2026-03-02T12:15:00Z"}})

    def do_POST(self) -> None:
        WRITTEN.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(201, GIVEN)

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


PHASES = {"approve": "Approved", "deny": "Denied", "break-glass": "Approved", "review": "Used"}


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


ALL_COLUMNS = ["NAMESPACE", "NAME", "PHASE", "REQUESTER", "RULE", "WHAT", "UNTIL"]
EVERY_CELL = ["payments", NAME, "Pending", "alice", "r", "ls", "-la"]
LISTS = [
    ((), ALL_COLUMNS[1:2] + ALL_COLUMNS[3:], EVERY_CELL[1:2] + EVERY_CELL[3:]),
    (("-n", "payments"), ALL_COLUMNS[1:2] + ALL_COLUMNS[3:], EVERY_CELL[1:2] + EVERY_CELL[3:]),
    (("-A",), ALL_COLUMNS[:2] + ALL_COLUMNS[3:], EVERY_CELL[:2] + EVERY_CELL[3:]),
    (("-o", "wide"), ALL_COLUMNS, EVERY_CELL),
]


@pytest.mark.parametrize(("where", "columns", "cells"), LISTS)
def test_what_waits_is_listed_without_what_is_the_same_everywhere(
    chaperone: Chaperone, where: tuple[str, ...], columns: list[str], cells: list[str]
) -> None:
    done = chaperone.run("approvals", "list", *where, COLUMNS="120")
    assert done.code == 0, done.error
    header, row = done.out.splitlines()
    assert header.split() == columns
    assert row.split()[: len(cells)] == cells


@pytest.mark.parametrize(("verdict", "role"), [("deny", "approver"), ("break-glass", "break-glass")])
def test_without_the_right_the_admins_command_is_told(chaperone: Chaperone, verdict: str, role: str) -> None:
    done = chaperone.run("approvals", verdict, NAME, "--reason", "no right")
    assert done.code == 4
    binding = f"kubectl create rolebinding chaperone-{role} -n payments --clusterrole=chaperone-{role}"
    assert f"{binding} --user=bob" in done.error


def test_credentials_that_are_none_are_told(chaperone: Chaperone, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(chaperone.kubeconfig.read_text().replace("token: word", "token: other"))
    done = chaperone.run("approvals", "list", "--kubeconfig", str(file))
    assert done.code == 4
    assert "this context's credentials are not valid" in done.error


def test_a_program_gets_all_columns(chaperone: Chaperone) -> None:
    assert chaperone.out("approvals", "list").split()[:7] == ALL_COLUMNS


def test_json_is_what_the_api_server_gave(chaperone: Chaperone) -> None:
    assert json.loads(chaperone.run("approvals", "list", "-o", "json").out)["items"] == [TICKET]
    assert json.loads(chaperone.run("approvals", "show", NAME, "-o", "json").out) == TICKET


def test_everything_known_is_shown(chaperone: Chaperone) -> None:
    out = chaperone.run("approvals", "show", NAME).out
    for word in (f"payments/{NAME}", "ls -la", "alice", "p/r", TICKET["spec"]["digest"], *PROGRAM):
        assert word in out


SAYS = [
    (("approve",), "approved; alice can do it once by 13:15:00"),
    (("deny", "--reason", "no"), "denied; the same is refused until 14:00:00"),
    (("break-glass", "-r", "shop down"), "go on by 13:15:00 by doing exactly the same again, once; "),
    (("review", "-r", "it was needed"), "reviewed"),
]


@pytest.mark.parametrize(("words", "said"), SAYS)
def test_deciding_says_what_came_of_it(chaperone: Chaperone, words: tuple[str, ...], said: str) -> None:
    command, *rest = words
    out = chaperone.out("approvals", command, NAME, *rest)
    assert out.startswith(f"{NAME}: {said}")
    assert out.count("\n") == 1


def test_what_is_approved_is_what_was_read(chaperone: Chaperone) -> None:
    SAID.clear()
    done = chaperone.run("approvals", "approve", NAME, "-r", "agreed")
    digest = TICKET["spec"]["digest"]
    assert done.error == f"alice asks for exec: ls -la (digest {digest[:8]})\n"
    assert [SAID.pop()] == [{"verdict": "approve", "reason": "agreed", "digest": digest}]


def test_what_was_shown_and_is_another_by_now_is_not_approved(chaperone: Chaperone) -> None:
    command = next(line for line in chaperone.out("approvals", "show", NAME).splitlines() if "To app" in line)
    words = command.split("chaperone ")[1].split()
    digest = TICKET["spec"]["digest"]
    assert words[-2:] == ["--digest", digest[:8]]
    assert chaperone.run(*words).code == 0
    SAID.clear()
    for wrong in ("0" * 8, digest[:7], digest + "0"):
        done = chaperone.run(*words[:-1], wrong)
        assert (done.code, done.out) == (1, "")
        assert f"is {digest}, which does not begin with --digest {wrong}" in done.error
    assert not SAID, "nothing was written"


def test_a_refusal_is_told_as_the_cluster_says_it(chaperone: Chaperone) -> None:
    refused = chaperone.run("approvals", "deny", NAME, "--reason", "mine")
    assert (refused.code, refused.out) == (4, "")
    assert refused.error == "chaperone: nobody decides on their own request\n"


def test_who_breaks_the_glass_or_reviews_says_why(chaperone: Chaperone) -> None:
    for command in ("break-glass", "review"):
        assert chaperone.run("approvals", command, NAME).code == 2


def test_a_standing_approval_is_given_from_a_request(chaperone: Chaperone) -> None:
    WRITTEN.clear()
    out = chaperone.out("approvals", "stand", NAME, "--for", "30m", "--words", "1", "-r", "migration")
    given, approved = out.splitlines()
    assert given.startswith("standing-x: alice may ls … until ")
    assert approved.startswith(f"{NAME}: approved")
    [made] = WRITTEN
    assert made["spec"] == {
        "user": "alice",
        "policy": "p",
        "rule": "r",
        "door": "exec",
        "operation": "CONNECT",
        "resource": "pods",
        "argvPrefix": ["ls"],
        "container": "app",
        "seconds": 1800,
        "reason": "migration",
    }
    wrong = chaperone.run("approvals", "stand", NAME, "--for", "30m", "--words", "9")
    assert (wrong.code, "the command has 2" in wrong.error) == (2, True)
    assert "is no duration" in chaperone.run("approvals", "stand", NAME, "--for", "soon").error


def test_standing_approvals_are_listed_and_revoked(chaperone: Chaperone) -> None:
    header, row = chaperone.out("approvals", "standing", "-A").splitlines()
    assert header.split() == ["NAMESPACE", "NAME", "PHASE", "USER", "WHAT", "GIVEN-BY", "UNTIL"]
    assert row.split()[:7] == ["payments", "standing-x", "Active", "alice", "ls", "…", "bob"]
    assert json.loads(chaperone.out("approvals", "standing", "-o", "json"))["items"] == [GIVEN]
    WRITTEN.clear()
    assert "has to ask again" in chaperone.out("approvals", "revoke", "standing-x", "-r", "done")
    assert WRITTEN == [{"revoke": {"reason": "done"}}]


def test_nothing_to_review_is_said(chaperone: Chaperone) -> None:
    done = chaperone.run("approvals", "list", "--unreviewed")
    assert (done.out, done.error) == ("", "Nothing is to be reviewed in namespace payments.\n")


def test_one_that_is_not_there(chaperone: Chaperone) -> None:
    done = chaperone.run("approvals", "show", "other")
    assert done.code == 3
    assert 'no approval request "other" in namespace payments' in done.error
