"""Notices of recorders, and canaries, in bundles about whomever, and in the daily review."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evidence_bundles import DeskSource, bundle, check, files, selected
from evidence_desk import AGENT, EvidenceDesk
from store_samples import make_notice

from sidecar.contract.names import RECORDER_CONTAINER
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import NoticeKind
from webhook.collector.changes import Changes
from webhook.collector.writer import Writer
from webhook.evidence.reports import Proven, Report, daily_review
from webhook.evidence.window import find_window, walk
from webhook.journal.events import Kind, Outcome, Where

CANARY = Identity("system:serviceaccount:chaperone-canary:chaperone-canary")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[EvidenceDesk]:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (20, 40, 55):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    yield desk
    desk.store.close()


def noticed(desk: EvidenceDesk, minutes: float, kind: NoticeKind) -> None:
    """Take a recorder's notice as the collector does."""
    at = desk.at(minutes)
    writer = Writer(desk.store, Changes(), lambda: at, listeners=(desk.book.note,))
    kept = make_notice(int(minutes * 60_000), kind=kind, namespace="billing", reason="used before")
    asyncio.run(writer.note(kept))
    writer.close()


def finished(desk: EvidenceDesk) -> None:
    for minutes in (185, 190, 200):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)


def summary(data: bytes) -> dict[str, Any]:
    rows = json.loads(files(data)["record/summary.json"])["requirements"]
    return next(row for row in rows if row["number"] == "10.7.2, 10.7.3")


def review(desk: EvidenceDesk) -> Report:
    selection, source = selected(), DeskSource(desk)
    window = find_window(source, selection)
    entries = walk(source, window, selection, lambda _: None).disclosed
    return daily_review(Proven(selection, "", window.size, "", entries))


def table(report: Report, title: str) -> list[tuple[str, ...]]:
    return next(one.rows for one in report.tables if one.title == title)


def test_notices_are_proven_in_a_bundle_about_somebody_else(desk: EvidenceDesk) -> None:
    noticed(desk, 100, NoticeKind.GRANT_REPLAYED)
    noticed(desk, 101, NoticeKind.RECORD_GAP)
    finished(desk)
    data = bundle(desk)
    assert check(data).holds
    rows = {row["kind"]: row for row in json.loads(files(data)["record/audit-events.json"])}
    assert rows["incident"]["details"] == {"notice": "grant-replayed"}
    assert rows["incident"]["asked"].startswith("grant-replayed by the recorder of pod billing/api-7d9c")
    assert rows["control-failed"]["reason"] == "used before"
    found = summary(data)
    assert found["shows"].startswith("1 failure of controls, 1 incident at recorders")
    assert found["attention"] == "1 failure, 1 incident"


def test_canaries_are_in_every_bundle_and_in_the_review(desk: EvidenceDesk) -> None:
    desk.at(100)
    where = Where(namespace="chaperone-canary", resource="pods/exec", name="api-7d9c")
    refused = Where(
        namespace="chaperone-canary", resource="pods/exec", name="api-7d9c", container=RECORDER_CONTAINER
    )
    desk.tell(Kind.DECISION, CANARY, Outcome.FAILURE, where=refused, reason="the recorder is closed")
    desk.tell(Kind.CANARY, CANARY, where=where, reason="masked, refused and recorded")
    desk.tell(Kind.CANARY, CANARY, Outcome.FAILURE, where=where, reason="not masked")
    desk.tell(Kind.DECISION, AGENT, Outcome.FAILURE, where=refused, reason="the recorder is closed")
    finished(desk)
    found = summary(bundle(desk))
    assert found["shows"].endswith("2 canaries, 1 died.")
    assert found["attention"] == "1 canary died"
    report = review(desk)
    assert [row[3:5] for row in table(report, "Canaries")] == [
        ("success", "masked, refused and recorded"),
        ("failure", "not masked"),
    ]
    assert [row[1:3] for row in table(report, "To look at")] == [("canary", ""), ("decision", "agent")]


def test_a_day_without_a_canary_says_so(desk: EvidenceDesk) -> None:
    finished(desk)
    assert summary(bundle(desk))["shows"].endswith("no canary was sent.")
    [canaries] = [one for one in review(desk).tables if one.title == "Canaries"]
    assert (canaries.rows, canaries.note[:23]) == ([], "No canary was sent in t")
