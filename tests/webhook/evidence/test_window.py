"""Which part of a ledger proves a range: found in ledgers of every age."""

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from evidence_bundles import DeskSource, bundle, check, selected
from evidence_desk import AGENT, BOB, MINUTE, SINCE, EvidenceDesk
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_desk import ROOT
from ledger_samples import ledger_key
from store_samples import T0

from sidecar.contract.errors import CallerError
from webhook.evidence import window as window_module
from webhook.evidence.selection import Selection
from webhook.evidence.window import MARGIN_NS, find_window, key_in_force, walk
from webhook.journal.events import Kind
from webhook.store.contract import SessionRecord


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> EvidenceDesk:
    """An event a minute for a day, a checkpoint each seventh."""
    desk = EvidenceDesk(tmp_path_factory.mktemp("long") / "store.db")
    for minutes in range(400):
        desk.at(minutes)
        desk.tell(Kind.DECISION, AGENT)
        if minutes % 7 == 6:
            desk.sign(minutes + 0.5)
    return desk


@settings(max_examples=25, deadline=None)
@given(begin=st.integers(0, 380), length=st.integers(1, 200), page=st.sampled_from([3, 20, 500]))
def test_every_range_is_proven_and_complete(long: EvidenceDesk, begin: int, length: int, page: int) -> None:
    selection = Selection(user="agent", since=T0 + begin * MINUTE, until=T0 + (begin + length) * MINUTE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_module, "_PAGE", page)
        found = find_window(DeskSource(long), selection)
        walked = walk(DeskSource(long), found, selection, lambda _: None)
    shown = [entry for entry in walked.disclosed if selection.shows(entry.value)]
    assert len(shown) == min(399, begin + length) - begin
    if found.first is not None:
        assert found.first.exported.at <= selection.since - MARGIN_NS
        assert found.start <= found.first.exported.size
    assert (found.first is None) == (begin < 17)


def test_an_event_that_came_late_is_in_the_bundle_of_the_range_in_which_it_came(tmp_path: Path) -> None:
    """The collector was away for two hours: what was noted then is in one bundle, of whichever range."""
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in range(0, 600, 5):
        desk.at(minutes)
        desk.tell(Kind.DECISION, AGENT)
        if minutes == 270:
            for kind, who in ((Kind.DECISION, AGENT), (Kind.DECISION, BOB), (Kind.CONTROL_FAILED, BOB)):
                desk.tell(kind, who, at=T0 + 118 * MINUTE, reason=f"late {kind.value} of {who.username}")
        desk.sign(minutes + 0.5)
    found: list[list[str]] = []
    for hours in range(1, 6):
        since = T0 + hours * 60 * MINUTE
        selection = Selection(user="agent", since=since, until=since + 60 * MINUTE)
        made = bundle(desk, selection)
        check(made)
        told = json.loads(ZipFile(BytesIO(made)).read("record/audit-events.json"))
        assert len([event for event in told if not event["reason"]]) == 12
        found.append([event["reason"] for event in told if event["reason"]])
    assert found == [[], [], [], ["late decision of agent", "late control-failed of bob"], []]
    desk.store.close()


def test_what_a_clock_said_before_it_was_set_back_proves_no_range_complete(tmp_path: Path) -> None:
    """It was hours ahead for twenty minutes. What happened afterwards is in the bundle, with its proof."""
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in range(0, 300, 10):
        ahead = 600 if minutes in (100, 110) else 0
        desk.recorded(minutes + ahead, ["date"])
        if minutes == 120:
            desk.restart()
        desk.sign(minutes + ahead + 1)
        if minutes == 110:
            soon = Selection(user="agent", since=SINCE, until=T0 + 125 * MINUTE)
            assert check(bundle(desk, soon)).complete, "nobody can know yet"
    for since, until, sessions in ((60, 130, 5), (130, 180, 5), (130, 160, 3)):
        selection = Selection(user="agent", since=T0 + since * MINUTE, until=T0 + until * MINUTE)
        found = check(bundle(desk, selection))
        assert (found.sessions, found.complete) == (sessions, True), (since, until)
    late = Selection(user="agent", since=T0 + 130 * MINUTE, until=T0 + 400 * MINUTE)
    assert not check(bundle(desk, late)).complete
    desk.verify()
    desk.store.close()


def test_a_bundle_from_the_middle_holds(long: EvidenceDesk) -> None:
    selection = Selection(user="agent", since=T0 + 200 * MINUTE, until=T0 + 220 * MINUTE)
    found = check(bundle(long, selection))
    assert (found.start > 200, found.holds) == (True, True)
    assert found.size - found.start < 60


def test_a_ledger_without_checkpoints_proves_nothing_yet(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    desk.recorded(70, ["date"])
    with pytest.raises(CallerError, match="chaperone ledger checkpoint --now"):
        find_window(DeskSource(desk), selected())
    desk.store.close()


def test_a_range_longer_ago_than_the_keys_is_proven_by_the_key_of_then(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in range(0, 300, 10):
        if minutes in (30, 100, 200):
            desk.keys.append(ledger_key(ROOT, until=T0 // 10**9 + 24 * 3600))
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    source = DeskSource(desk)
    window = find_window(source, selected())
    kept = key_in_force(source, window)
    assert kept is not None
    assert kept.key == f"key/{desk.keys[1].public.hex()}"
    assert kept.index < window.start
    assert check(bundle(desk)).sessions == 12
    desk.store.close()


def test_a_ledger_from_before_there_was_a_census_is_taken_from_its_start(
    desk: EvidenceDesk, sessions: dict[str, SessionRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sessions
    monkeypatch.setattr(window_module, "_CENSUS_WITHIN", 0)
    found = find_window(DeskSource(desk), selected(user="agent"))
    assert (found.start, found.first) == (0, None)


def test_a_changed_entry_ends_an_export(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (70, 190, 200):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    desk.tamper("UPDATE ledger SET data = substr(data, 2) WHERE number = 2")
    with pytest.raises(CallerError, match="entry 2 does not follow those before"):
        bundle(desk)
    desk.tamper("DELETE FROM ledger WHERE number = 3")
    with pytest.raises(CallerError, match="ledger is missing"):
        bundle(desk, Selection(user="agent", since=SINCE, until=SINCE + MINUTE))
    desk.store.close()
