"""Reports say what the ledger holds, in three forms, and hostile text stays text in each."""

import csv
import html
import io
import json
import re

import pytest
from evidence_browser import chromium
from evidence_bundles import DeskSource, bundle, files, selected
from evidence_desk import MINUTE, EvidenceDesk
from store_samples import T0

from sidecar.contract.sealing import Identity
from webhook.evidence.report_forms import as_csv, as_html, as_json
from webhook.evidence.reports import Proven, Report, Table, access_review, daily_review, retention_statement
from webhook.evidence.rights import Binding, Meta, Role, RoleRef, Rule, Subject, rights_table, unknown_rights
from webhook.evidence.selection import Selection
from webhook.evidence.window import find_window, walk
from webhook.journal.events import Kind
from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]


def proven(desk: EvidenceDesk, selection: Selection) -> Proven:
    source = DeskSource(desk)
    window = find_window(source, selection)
    walked = walk(source, window, selection, lambda _: None)
    exported = window.last.exported
    return Proven(selection, desk.book.origin, window.size, exported.checkpoint, walked.disclosed)


@pytest.fixture(scope="module")
def daily(desk: EvidenceDesk, sessions: Sessions) -> Report:
    assert sessions
    return daily_review(proven(desk, selected()))


def rows(report: Report, title: str) -> list[dict[str, str]]:
    [table] = [table for table in report.tables if table.title == title]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_daily_review_lists_what_needs_eyes(daily: Report, sessions: Sessions) -> None:
    found = {row["what"]: row for row in rows(daily, "To look at")}
    assert set(found) == {
        "decision",
        "broken glass without a review",
        "control-failed",
        "policy-changed",
        "session not sealed",
    }
    assert found["decision"]["details"] == "exec into pod api-7d9c: rm -rf /: a policy forbids it"
    assert found["control-failed"]["details"] == "the store was gone for 12 s"
    assert daily.attention == 5
    happened = {row["kind"]: row for row in rows(daily, "What happened")}
    assert (happened["sessions"]["count"], happened["decision"]["failures"]) == ("7", "1")
    who = {row["user"]: row for row in rows(daily, "Who")}
    assert (who["agent"]["sessions"], who["bob"]["namespaces"]) == ("5", "billing, payments")
    assert sessions["cards"].identity.username == "agent"


def test_finding_peaks_and_interruptions_need_eyes(tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = EvidenceDesk(tmp_path_factory.mktemp("peaks") / "store.db")
    peak = desk.recorded(70, ["cat", "x"], findings={"pan/visa": 12})
    track = desk.recorded(71, ["cat", "y"], findings={"track/2": 1})
    own = desk.recorded(72, ["cat", "y"], findings={"panel-key": 1})
    desk.recorded(73, ["cat", "z"], findings={"pan/visa": 9})
    desk.sign(190)
    found = [
        row for row in rows(daily_review(proven(desk, selected())), "To look at") if row["what"] == "session"
    ]
    assert [row["details"] for row in found] == ["12 numbers masked", "1 numbers masked", "1 numbers masked"]
    assert peak.session < track.session < own.session
    summary = json.loads(files(bundle(desk, selected()))["record/summary.json"])
    told = {row["number"]: row["attention"] for row in summary["requirements"]}
    assert told["12.10.7"] == "1 session with 10 or more"
    assert told["3.3.1, 3.4.1, 3.5.1"] == "2 findings other than PAN"
    desk.store.close()


def test_the_access_review_tells_who_could_who_did_and_who_approved(desk: EvidenceDesk) -> None:
    report = access_review(proven(desk, selected()), could())
    [approved, glass] = rows(report, "Approvals")
    assert approved["verdicts"] == "approve by lead: ticket T-42"
    assert glass["state"] == "broken glass (not reviewed)"
    who = {(row["who"], row["may"], row["in namespace"]) for row in rows(report, "Who could")}
    assert who == {
        ("agent", "exec", "payments"),
        ("system:serviceaccount:payments:bot", "exec", "payments"),
        ("admins", "exec", "all"),
        ("admins", "attach", "all"),
        ("admins", "port-forward", "all"),
        ("admins", "approve", "all"),
        ("admins", "read the record", "all"),
        ("admins", "change policies", "all"),
    }


def could() -> Table:
    roles = [
        Role(Meta("edit", "payments"), (Rule(("create",), ("",), ("pods/exec",)),)),
        Role(Meta("admin"), (Rule(("*",), ("*",), ("*",)),)),
        Role(Meta("view"), (Rule(("get",), ("",), ("pods",)),)),
    ]
    bot = Subject("ServiceAccount", "bot", "payments")
    bindings = [
        Binding(Meta("b", "payments"), RoleRef("Role", "edit"), (Subject("User", "agent"), bot)),
        Binding(Meta("a"), RoleRef("ClusterRole", "admin"), (Subject("Group", "admins"),)),
        Binding(Meta("v"), RoleRef("ClusterRole", "view"), (Subject("Group", "viewers"),)),
        Binding(Meta("gone"), RoleRef("ClusterRole", "none"), None),
    ]
    return rights_table(roles, bindings)


def test_standing_approvals_are_listed_with_their_last_use(tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = EvidenceDesk(tmp_path_factory.mktemp("standing") / "store.db")
    agent, lead = Identity("agent"), Identity("lead")
    for name in ("used", "unused"):
        desk.at(70)
        details = {"verdict": "standing", "until": "2026-09-22T00:00:00Z"}
        desk.tell(
            Kind.APPROVAL_DECIDED,
            lead,
            approval=f"standing/{name}",
            requester="agent",
            reason="a batch",
            details=details,
        )
    desk.at(80)
    desk.tell(Kind.APPROVAL_USED, agent, approval="standing/used", requester="agent")
    desk.sign(190)
    report = access_review(proven(desk, selected()), unknown_rights("you may not list them"))
    unused, used = rows(report, "Standing approvals")
    assert (unused["name"], unused["last used"], unused["given by"]) == ("payments/unused", "never", "lead")
    assert used["last used"] == "2026-09-21T15:33:20.000000Z"
    assert report.attention == 1
    assert rows(report, "Approvals") == []
    desk.store.close()


def test_the_retention_statement_counts_by_month(desk: EvidenceDesk, sessions: Sessions) -> None:
    whole = Selection(since=T0, until=T0 + 200 * MINUTE)
    kept = {record.session for record in sessions.values()} - {
        sessions["cards"].session,
        sessions["bob"].session,
    }
    report = retention_statement(proven(desk, whole), kept, [sessions["bob"].session], {"2026-09": 20})
    [month] = rows(report, "By month")
    assert month["month"] == "2026-09"
    assert (month["removed by age"], month["events kept"]) == ("1", "20")
    missing = {row["session"] for row in rows(report, "Missing")}
    assert sessions["cards"].session in missing
    assert sessions["shell"].session not in missing
    assert report.attention == len(missing) == int(month["missing"])


def test_it_comes_in_three_forms_that_say_the_same(daily: Report) -> None:
    told = json.loads(as_json(daily))
    seen = {table["title"]: table["rows"] for table in told["tables"]}
    assert told["checkpoint"] == daily.checkpoint
    lines = list(csv.reader(io.StringIO(as_csv(daily))))
    assert len([line for line in lines if line[0] == "To look at"]) == len(seen["To look at"]) == 5
    assert ["About", "to look at", str(daily.attention)] in lines
    cells = re.findall("<td>(.*?)</td>", as_html(daily))
    assert "exec into pod api-7d9c: rm -rf /: a policy forbids it" in map(html.unescape, cells)


def test_hostile_text_stays_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    desk = EvidenceDesk(folder / "store.db")
    desk.at(70)
    for text in (
        "=1+1",
        "<script>document.title='forged'</script>",
        "\x1b[31m\u202e",
        '"><img src=x onerror=alert(1)>',
    ):
        desk.tell(Kind.DECISION, Identity(text), asked=text, reason=text)
    desk.sign(190)
    report = access_review(proven(desk, selected()), unknown_rights("<b>not</b>"))
    assert report.remarks[-1] == "Who could: Not known: <b>not</b>."
    assert "About,remark,Who could: Not known: <b>not</b>." in as_csv(report).splitlines()
    (folder / "report.html").write_text(as_html(report))
    for text in (as_html(report), as_csv(report), as_json(report)):
        assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "'=1+1" in as_csv(report)
    with chromium() as browser:
        page = browser.new_page()
        page.goto((folder / "report.html").as_uri())
        assert page.title().startswith("Access review")
        assert page.locator("script, img, b").count() == 0
    desk.store.close()
