"""``chaperone evidence`` and ``report`` as an auditor runs them, through the API server."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from audit_front import AGENT, AUDITOR, PAYMENTS_ONLY, Front, front
from audit_server import Served, serve
from cli_runner import Chaperone
from evidence_bundles import files, forged, of_another_version
from evidence_desk import SINCE, UNTIL, EvidenceDesk, day
from ledger_desk import ROOTS

from webhook.audit_api.access import Action
from webhook.audit_api.objects import rfc3339
from webhook.store.contract import SessionRecord

ROOT = base64.b64encode(ROOTS[0]).decode()
RANGE = ("--since", rfc3339(SINCE), "--until", rfc3339(UNTIL))


@dataclass
class Office:
    desk: EvidenceDesk
    sessions: dict[str, SessionRecord]
    served: Served
    front: Front
    auditor: Chaperone


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    desk = EvidenceDesk(folder / "store.db")
    sessions = day(desk)
    sign = lambda: desk.checkpoints.give_out().checkpoint  # noqa: E731
    with serve(desk.store, folder, sign=sign, vouch=desk.vouch) as served, front(served) as running:
        yield Office(desk, sessions, served, running, Chaperone(running.kubeconfig(folder, AUDITOR)))
    desk.store.close()


@pytest.fixture(scope="module")
def exported(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "agent.zip"
    done = office.auditor.run("evidence", "export", "--agent", "agent", *RANGE, "-o", str(path))
    assert done.code == 0, done.error
    assert done.error.splitlines() == [
        "ledger …",
        "sessions …",
        "summary …",
        f"{path}: user agent, from 2026-09-21T15:13:20Z until before 2026-09-21T17:13:20Z",
        "sessions: 5; entries of the ledger: 34, proven by the checkpoint of 52",
        "let start and not sealed yet, so listed and not replayed: 1",
    ]
    return path


def test_the_export_is_announced_and_signed_before_anybody_has_it(office: Office, exported: Path) -> None:
    assert exported.exists()
    first, *_, last = office.served.reads
    assert (first.action, last.action, first.reader.username) == (Action.EXPORT, Action.EXPORT, AUDITOR)
    assert first.asked == "user agent, from 2026-09-21T15:13:20Z until before 2026-09-21T17:13:20Z"
    assert first.details == {}
    assert len(last.details["digest"]) == 64


def test_it_verifies_without_a_cluster(office: Office, exported: Path, tmp_path: Path) -> None:
    alone = Chaperone(tmp_path / "none")
    done = alone.process("evidence", "verify", str(exported), "--root", ROOT)
    assert done.code == 0, done.error
    assert done.out.splitlines() == [
        "Evidence      user agent, from 2026-09-21T15:13:20Z until before 2026-09-21T17:13:20Z",
        f"Ledger        {office.desk.book.origin}",
        f"Root          {ROOT}",
        "Checkpoint    52 entries; the range lies in those from 10 on",
        "Entries       34 given and proven; of 11 others it has hashes",
        "Complete      the collector's counts of entries 10 to 50 agree",
        "Sessions      5, as they were sealed, frame by frame",
        "Not sealed    1 were let start, and never began or had not ended",
        "The evidence holds.",
    ]
    assert "compare it" in alone.offline("evidence", "verify", str(exported)).out
    assert alone.offline("evidence", "verify", str(exported), "-o", "json").json["holds"] is True


def test_a_range_that_is_not_over_is_not_called_complete(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "early.zip"
    until = ("--until", "2026-12-31T00:00:00Z")
    office.auditor.out("evidence", "export", "--agent", "agent", *RANGE[:2], *until, "-o", str(path))
    out = office.auditor.offline("evidence", "verify", str(path)).out
    assert "Counted       the collector's counts of entries " in out
    assert "Complete" not in out
    assert "Range         its end is later than what was sealed" in out


def test_one_session_is_not_called_complete(office: Office, tmp_path: Path) -> None:
    """What is left out of such a bundle, nothing counts."""
    path, session = tmp_path / "one.zip", office.sessions["cards"].session
    office.auditor.out("evidence", "export", "--session", session, *RANGE, "-o", str(path))
    out = office.auditor.offline("evidence", "verify", str(path)).out
    assert "Counted       not asked of a single session" in out
    assert "Complete" not in out


def test_a_page_of_another_version_is_not_called_compared(
    office: Office, exported: Path, tmp_path: Path
) -> None:
    """Whoever may export has any page signed."""
    other = tmp_path / "other.zip"
    other.write_bytes(forged(of_another_version(files(exported.read_bytes())), office.desk.vouch))
    out = office.auditor.offline("evidence", "verify", str(other)).out
    assert out.endswith("The record holds. What tables and page say beside it was not compared.\n")
    assert "The evidence holds" not in out


def test_what_does_not_hold_is_named(office: Office, exported: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    data = bytearray(exported.read_bytes())
    data[data.index(b"PK\x03\x04", 40) + 60] ^= 1
    broken.write_bytes(data)
    done = office.auditor.offline("evidence", "verify", str(broken))
    assert (done.code, done.error.startswith("chaperone: the evidence is broken: ")) == (1, True)
    done = office.auditor.offline("evidence", "verify", str(broken), "-o", "json")
    assert (done.code, done.json["holds"]) == (1, False)
    other = base64.b64encode(bytes(32)).decode()
    assert office.auditor.offline("evidence", "verify", str(exported), "--root", other).code == 1
    assert office.auditor.offline("evidence", "verify", str(tmp_path / "none")).code == 2
    kept = tmp_path / "kept"
    kept.write_text(office.desk.data["checkpoint"])
    done = office.auditor.offline("evidence", "verify", str(exported), "--checkpoint", str(kept))
    assert (done.code, "more than the bundle goes up to" in done.error) == (1, True)


@pytest.mark.parametrize("user", [AGENT, PAYMENTS_ONLY])
def test_who_may_not_is_told_how_it_could_be_allowed(office: Office, tmp_path: Path, user: str) -> None:
    path = tmp_path / "bundle.zip"
    chaperone = Chaperone(office.front.kubeconfig(tmp_path, user))
    done = chaperone.run("evidence", "export", *RANGE, "-o", str(path))
    assert done.code == 4
    assert "may not create exports of audit.chaperone.dev in all namespaces" in done.error
    assert "kubectl create clusterrolebinding" in done.error
    assert list(tmp_path.glob("*.zip*")) == []


def test_wrong_usage_is_told(office: Office, exported: Path) -> None:
    run = office.auditor.run
    done = run("evidence", "export", *RANGE, "-o", str(exported))
    assert (done.code, "is there already" in done.error) == (2, True)
    for command in (("evidence", "export", *RANGE), ("report", "daily")):
        done = run(*command, "-o", str(exported.parent / "none/new.html"))
        assert (done.code, "there is no folder" in done.error, done.out) == (2, True, "")
    new = str(exported.with_name("new.zip"))
    done = run("evidence", "export", "--since", "1h", "--until", "2h", "-o", new)
    assert (done.code, "the range is empty" in done.error) == (1, True)
    done = run("evidence", "export", *RANGE, "--size", "13", "-o", new)
    assert (done.code, "no checkpoint of 13 entries was signed" in done.error) == (1, True)
    assert run("evidence", "export", "-o", new).code == 2
    done = run("evidence", "export", "--since", "", "-o", new)
    assert (done.code, "--since is empty" in done.error) == (2, True)
    done = run("evidence", "export", "--since", "3000-01-01", "--until", "3001-01-01", "-o", new)
    assert (done.code, "the range begins in the future" in done.error) == (2, True)


@pytest.mark.parametrize(
    ("kind", "arguments", "title"),
    [
        ("daily", ("--day", "2026-09-21"), "Daily review"),
        ("access", RANGE, "Access review"),
        ("retention", ("--since", rfc3339(SINCE)), "Retention statement"),
    ],
)
def test_reports_are_written_and_signed(
    office: Office, tmp_path: Path, kind: str, arguments: tuple[str, ...], title: str
) -> None:
    for end in ("json", "html", "csv"):
        path = tmp_path / f"report.{end}"
        done = office.auditor.run("report", kind, *arguments, "-o", str(path), "--sign")
        assert done.code == 0, done.error
        assert path.with_name(f"report.{end}.sig").read_text().startswith("chaperone.dev/evidence/v1\n")
    assert json.loads((tmp_path / "report.json").read_text())["title"] == title
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_the_retention_statement_finds_everything_there(office: Office) -> None:
    told = office.auditor.run("report", "retention", "--since", rfc3339(SINCE)).json
    assert told["attention"] == 0
    [months, missing] = told["tables"]
    assert missing["rows"] == []
    assert all(row["sessions sealed"] == row["kept"] for row in months["rows"])


def test_reports_say_what_they_may_not_know(office: Office) -> None:
    told = office.auditor.run("report", "access", *RANGE).json
    [could] = [table for table in told["tables"] if table["title"] == "Who could"]
    assert could["note"].startswith("Not known: you may not list roles and bindings of this cluster; an ")
    assert told["remarks"] == [f"Who could: {could['note']}"]


def test_wrong_usage_of_reports_is_told(office: Office, tmp_path: Path) -> None:
    run = office.auditor.run
    assert run("report", "daily", "--day", "soon").code == 2
    assert run("report", "daily", "--day", "3000-01-01").code == 2
    done = run("report", "daily", "--day", "9999-12-31")
    assert (done.code, "the last day that there is" in done.error) == (2, True)
    assert run("report", "daily", "-o", str(tmp_path / "report.txt")).code == 2
    assert run("report", "daily", "--sign").code == 2
    assert "-o FILE" in run("report", "daily", "--sign").error
