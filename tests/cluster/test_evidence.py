"""Evidence of a real installation: exported by an auditor, verified and read without the cluster."""

import base64
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from evidence_browser import chromium, opened, unzip
from evidence_by_hand import by_hand, unpacked
from impersonating import impersonating
from kube import NAMESPACE, REPOSITORY, Kubectl, chaperone, until
from places import sealed
from recorder_told import root_of
from sessions import API, Audit, marker
from tickets import echo, for_word, policy, say, ticket_of, waiting

COMMAND = REPOSITORY / ".venv/bin/chaperone"


def alone(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``chaperone`` with nothing that leads to a cluster."""
    return subprocess.run(
        [COMMAND, *arguments],
        env={"HOME": str(folder), "KUBECONFIG": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_an_approved_session_to_a_page_that_needs_nothing(
    admin: Kubectl,
    agent: Kubectl,
    approver: Kubectl,
    auditor: Kubectl,
    audit: Audit,
    app: str,
    tmp_path: Path,
) -> None:
    since, word, mark = datetime.now(UTC).isoformat(), marker(), marker()
    with policy(admin, for_word(word)):
        name = ticket_of(waiting(lambda: echo(agent, app, word, mark)))
        assert say(approver, name, "approve", "ticket T-42").code == 0
        until(lambda: echo(agent, app, word, mark).code == 0, what="the approved session")
    session = audit.recorded(mark).name
    sealed(auditor, session)
    path = tmp_path / "bundle.zip"
    who = audit.recorded(mark).object["spec"]["user"]["username"]
    chaperone(auditor, "evidence", "export", "--agent", who, "--since", since, "-o", str(path))

    done = alone("evidence", "verify", str(path), "--root", root_of(admin, app), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "the collector's counts of entries" in done.stdout
    assert done.stdout.endswith("The evidence holds.\n")
    content = zipfile.ZipFile(path)
    approvals = json.loads(content.read("record/approvals.json"))
    [ours] = [row for row in approvals if row["name"] == name]
    assert (ours["state"], ours["verdicts"][-1]["reason"], ours["requester"]) == ("used", "ticket T-42", who)
    policies = json.loads(content.read("record/policies.json"))
    assert any(len(row["digest"]) == 64 and row["generation"] for row in policies)

    with chromium() as browser, opened(browser, unzip(path, tmp_path / "page")) as pages:
        page = pages.go("#sessions")
        page.get_by_role("link", name=mark).first.click()
        page.locator(".ap-player").wait_for()
        page.locator(".lines .line", has_text=f"{word} {mark}").first.wait_for()
        assert pages.problems == []
    path.write_bytes(path.read_bytes().replace(b"session.cast", b"session.cost", 1))
    assert alone("evidence", "verify", str(path), folder=tmp_path).returncode == 1


def test_two_exports_at_once_hold_and_one_is_checked_by_hand(
    admin: Kubectl, auditor: Kubectl, audit: Audit, app: str, tmp_path: Path
) -> None:
    """Of somebody who does nothing else, so that there is little to check."""
    since, who, mark = datetime.now(UTC).isoformat(), f"hand-{marker()}", marker()
    folder = tmp_path / "people"
    folder.mkdir()
    hand = impersonating(admin, folder, who, "system:masters")
    hand.run("exec", "-n", NAMESPACE, app, "--", "echo", mark)
    session = audit.recorded(mark).name
    sealed(auditor, session)
    paths = [tmp_path / f"{number}.zip" for number in range(2)]
    environment = {**auditor.env(), "KUBECONFIG": str(auditor.kubeconfig)}
    wanted = ("evidence", "export", "--agent", who, "--since", since)
    exports = [
        subprocess.Popen([COMMAND, *wanted, "-o", path], env=environment, stderr=subprocess.PIPE, text=True)
        for path in paths
    ]
    for export in exports:
        _, said = export.communicate(timeout=180)
        assert export.returncode == 0, said
    root = root_of(admin, app)
    for path in paths:
        done = alone("evidence", "verify", str(path), "--root", root, "-o", "json", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["holds"], found["sessions"], found["pages"]) == (True, 1, True)
    done = by_hand(unpacked(paths[0].read_bytes(), tmp_path, base64.b64decode(root)), session, user=who)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["holds"]), done.stderr


def test_an_export_is_an_audit_event_and_takes_a_right(
    agent: Kubectl, auditor: Kubectl, tmp_path: Path
) -> None:
    asked = f"{API}/auditevents?fieldSelector=type%3Drecord-read&limit=500"
    chaperone(auditor, "evidence", "export", "-n", "nothing", "--since", "1m", "-o", str(tmp_path / "a.zip"))
    events = [item for item in auditor.raw(asked)["items"] if item["operation"] == "export"]
    ours = [item for item in events if item["asked"].startswith("namespace nothing, from ")]
    assert {bool(item["details"].get("digest")) for item in ours} == {True, False}
    assert {item["about"]["resource"] for item in ours} == {"exports.audit.chaperone.dev"}
    done = subprocess.run(
        [COMMAND, "evidence", "export", "--since", "1m", "-o", str(tmp_path / "b.zip")],
        env={**agent.env(), "KUBECONFIG": str(agent.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "may not create exports of audit.chaperone.dev in all namespaces" in done.stderr
    assert "kubectl create clusterrolebinding" in done.stderr
    assert not (tmp_path / "b.zip").exists()
