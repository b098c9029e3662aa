"""Reports of a real installation: each says what was done on this cluster, in every form."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from kube import NAMESPACE, Kubectl, Object, chaperone, until
from places import sealed
from recorder_told import root_of
from sessions import Audit, marker
from tickets import echo, for_word, policy, say, ticket_of, waiting

from sidecar.contract.environment import read_roots
from webhook.ledger.entries import read_certificate
from webhook.ledger.keys import KeyRing
from webhook.ledger.vouching import check_vouched

FORMS = ("html", "csv", "json")
REASON = "ticket T-42"
Row = dict[str, str]


@dataclass(frozen=True)
class Done:
    """What was done: ``word`` is in the command line of what was refused."""

    day: str
    word: str
    session: str


@pytest.fixture(scope="module")
def done(admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, audit: Audit, app: str) -> Done:
    """An approved session, and a refused one."""
    day, ask, no, mark = f"{datetime.now().astimezone():%Y-%m-%d}", marker(), marker(), marker()
    deny: Object = {**for_word(no), "name": "no", "action": "deny"}
    with policy(admin, for_word(ask), deny):
        name = ticket_of(waiting(lambda: echo(agent, app, ask, mark)))
        assert say(approver, name, "approve", REASON).code == 0
        until(lambda: echo(agent, app, ask, mark).code == 0, what="the approved session")
        until(lambda: "denied by rule no" in echo(agent, app, no).error, what="the refusal")
    session = audit.recorded(mark).name
    sealed(auditor, session)
    return Done(day, no, session)


class Reports:
    """One report in all its forms, made one after another: each is on record, and may be in the next."""

    def __init__(self, user: Kubectl, folder: Path, *words: str) -> None:
        self.texts: dict[str, str] = {}
        for form in FORMS:
            path = folder / f"{words[0]}.{form}"
            chaperone(user, "report", *words, "-o", str(path))
            self.texts[form] = path.read_text()
        self.json: Any = json.loads(self.texts["json"])

    def rows(self, table: str) -> list[Row]:
        """A table as JSON has it."""
        [found] = [one for one in self.json["tables"] if one["title"] == table]
        return found["rows"]

    def csv(self, table: str) -> list[Row]:
        """The same as comma-separated values have it: its own header comes first."""
        lines = list(csv.reader(io.StringIO(self.texts["csv"])))
        rows = [number for number, line in enumerate(lines) if line[0] == table]
        assert rows, f"{table} in CSV"
        header = lines[rows[0] - 1]
        return [dict(zip(header[1:], lines[number][1:], strict=True)) for number in rows]

    def everywhere(self, table: str, **wanted: str) -> Row:
        """Give the first row of JSON that says all this; the other forms say it, too."""

        def fits(row: Row) -> bool:
            return all(text in row[column] for column, text in wanted.items())

        assert any(fits(row) for row in self.csv(table)), f"{wanted} in CSV"
        for text in wanted.values():
            assert text in self.texts["html"], f"{text} in HTML"
        return next(row for row in self.rows(table) if fits(row))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


def test_the_daily_review_says_what_happened_today(done: Done, auditor: Kubectl, folder: Path) -> None:
    reports = Reports(auditor, folder, "daily", "--day", done.day)
    refused = reports.everywhere("To look at", what="decision", who="agent", details=done.word)
    assert NAMESPACE in refused["where"]
    assert int(refused["entry"]) > 0
    assert int(reports.everywhere("Who", user="agent")["sessions"]) > 0
    [sessions] = [row for row in reports.rows("What happened") if row["kind"] == "sessions"]
    assert int(sessions["count"]) > 0
    assert reports.json["attention"] == len(reports.rows("To look at"))
    assert reports.json["checkpoint"].splitlines()[0] == reports.json["origin"]


def test_the_access_review_says_who_could_who_did_and_who_approved(
    done: Done, admin: Kubectl, auditor: Kubectl, folder: Path
) -> None:
    reports = Reports(admin, folder, "access", "--since", done.day)
    assert reports.everywhere("Who could", who="agents", may="exec")["in namespace"] == NAMESPACE
    assert "approver" in reports.everywhere("Who did", user="agent")["approved by"]
    approved = reports.everywhere("Approvals", requester="agent", verdicts=f"approve by approver: {REASON}")
    assert approved["used"]
    without = json.loads(chaperone(auditor, "report", "access", "--since", done.day))
    assert any("Who could: Not known" in remark for remark in without["remarks"])


def test_the_retention_statement_counts_what_the_cluster_has(
    done: Done, auditor: Kubectl, folder: Path
) -> None:
    reports = Reports(auditor, folder, "retention", "--since", "7d")
    month = reports.everywhere("By month", month=done.day[:7])
    assert int(month["sessions sealed"]) == int(month["kept"]) > 0
    assert (month["missing"], reports.json["attention"]) == ("0", 0)
    assert int(month["events kept"]) > 0


def test_a_report_is_signed_by_the_collector(
    done: Done, admin: Kubectl, auditor: Kubectl, app: str, folder: Path
) -> None:
    path = folder / "signed.json"
    chaperone(auditor, "report", "daily", "--day", done.day, "-o", str(path), "--sign")
    ring = KeyRing(json.loads(path.read_text())["origin"], read_roots(root_of(admin, app)))
    ring.add(read_certificate(path.with_name("signed.json.certificate").read_text().strip()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check_vouched(path.with_name("signed.json.sig").read_bytes(), digest, ring)
