"""The page in a real browser: it shows everything, obeys keys, and recorded text stays text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_browser import Pages, chromium, opened, unzip
from evidence_bundles import bundle, selected
from evidence_desk import NASTY, EvidenceDesk, said
from playwright.sync_api import Browser, expect

from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def folder(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page")
    (place / "bundle.zip").write_bytes(whole)
    return unzip(place / "bundle.zip", place / "unzipped")


@pytest.fixture
def pages(browser: Browser, folder: Path) -> Iterator[Pages]:
    with opened(browser, folder) as found:
        yield found
        assert found.problems == []
        assert all(url.startswith(("file:", "data:")) for url in found.asked)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_part_is_shown_in_its_width(
    browser: Browser, folder: Path, sessions: Sessions, width: int, dark: bool
) -> None:
    parts = ["", "#sessions", "#events", "#approvals", "#policies", "#people", "#ledger", "#search/select"]
    with opened(browser, folder, width=width, dark=dark) as pages:
        for part in [*parts, f"#session/{sessions['nasty'].session}"]:
            page = pages.go(part)
            assert page.locator("main").inner_text().strip()
            assert not pages.is_too_wide, part
        background = pages.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(20, 24, 29)") is dark
        assert pages.problems == []


def test_the_summary_leads_to_what_it_counts(pages: Pages) -> None:
    page = pages.go()
    assert page.title().startswith("Evidence: user agent, from 2026-09-21T15:13:20Z")
    assert "1 broken glass without a review" in page.locator("main").inner_text()
    page.locator(".cards a", has_text="sessions").click()
    assert page.locator("tbody tr").count() == 5
    page.get_by_role("link", name="cat /data/orders.csv").click()
    page.locator(".ap-player").wait_for()
    assert "411111******1111" in page.locator(".lines").inner_text()


def test_a_search_looks_through_commands_and_output_and_leads_into_the_replay(pages: Pages) -> None:
    page = pages.go()
    page.keyboard.press("/")
    page.keyboard.type('"line 7"')
    page.keyboard.press("Enter")
    page.get_by_text("places in 5 sessions").wait_for()
    hits = page.locator(".hits a")
    assert hits.count() == 1
    assert page.locator(".hits mark").all_inner_texts() == ["line 7"]
    hits.first.click()
    page.locator(".ap-player").wait_for()
    expect(page.locator(".ap-player")).to_contain_text("line 7")
    assert "line 9" not in page.locator(".ap-player").inner_text()


def test_keys_play_seek_and_lead_back(pages: Pages, sessions: Sessions) -> None:
    page = pages.go("#sessions")
    page.goto(pages.index + f"#session/{sessions['killed'].session}")
    expect(page.locator(".ap-player")).to_contain_text("line 0")
    page.keyboard.press("Space")
    expect(page.locator(".ap-player")).to_contain_text("line 12")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ap-player")).to_contain_text("line 39")
    page.get_by_role("searchbox", name="Find in this session").fill('"line 2"')
    assert page.locator(".lines .line").count() == 11
    page.get_by_role("button", name="line 25").click()
    expect(page.locator(".ap-player")).not_to_contain_text("line 39")
    page.keyboard.press("Escape")
    page.locator("h1", has_text="Sessions").wait_for()


def test_every_session_of_many_has_a_player(browser: Browser, tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (40, 55):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    shown = {
        desk.recorded(61 + number, ["say"], said(f"words of {number}.\n", "and over.\n")).session: number
        for number in range(30)
    }
    for minutes in (185, 190, 200):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    (tmp_path / "bundle.zip").write_bytes(bundle(desk, selected(namespace="payments")))
    desk.store.close()
    with opened(browser, unzip(tmp_path / "bundle.zip", tmp_path / "unzipped")) as pages:
        page = pages.go("#sessions")
        rows = page.locator("tbody a[href^='#session/']")
        parts = {str(row.get_attribute("href")) for row in rows.all()}
        assert parts == {f"#session/{session}" for session in shown}
        for session, number in shown.items():
            page = pages.go(f"#session/{session}")
            page.get_by_role("button", name="and over.").click()
            expect(page.locator(".ap-player")).to_contain_text(f"words of {number}.")
        assert pages.problems == []


def test_hostile_text_stays_text(pages: Pages, sessions: Sessions) -> None:
    nasty = sessions["nasty"].session
    for part in ("#sessions", "#events", f"#session/{nasty}", "#search/script", f"#session/{nasty}/4/forged"):
        page = pages.go(part)
        page.wait_for_timeout(200)
        assert page.locator("main script, main img, main iframe, main [onerror]").count() == 0, part
        assert "forged" not in page.title()
    page = pages.go(f"#session/{nasty}")
    page.locator(".lines .line").first.wait_for()
    shown = page.locator(".lines").inner_text()
    assert NASTY[0] in shown
    assert "\\u202egnp.exe" in shown
    assert "tags \\U000e0061\\U000e0062 and \\U0001d173beams" in shown
    assert not [c for c in shown if not c.isprintable() and c != "\n"]
    assert "\u202e" not in page.locator("body").inner_text()


def test_a_forged_address_is_no_way_in(pages: Pages) -> None:
    for part in (
        "#session/%3Cimg%20src=x%20onerror=alert(1)%3E",
        "#search/%3Cscript%3E",
        "#approvals/%",
        "#nothing",
    ):
        page = pages.go(part)
        page.wait_for_timeout(100)
        assert page.locator("main img, main script").count() == 0


def test_tables_sort_and_filter(browser: Browser, folder: Path) -> None:
    with opened(browser, folder) as pages:
        page = pages.go("#events")
        page.get_by_role("searchbox", name="Filter this table").fill("rm -rf")
        assert page.locator("tbody tr").count() == 1
        page.get_by_role("searchbox", name="Filter this table").fill("")
        page.get_by_role("button", name="Entry").click()
        page.get_by_role("button", name="Entry").click()
        entries = [int(text) for text in page.locator("tbody td:last-child").all_inner_texts()]
        assert entries == sorted(entries, reverse=True)
        assert page.locator("th[aria-sort=descending]").inner_text().startswith("Entry")
