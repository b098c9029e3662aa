"""``chaperone search``."""

import csv
import io

import pytest
from cli_runner import Chaperone

from webhook.store.contract import SessionRecord

Kept = dict[str, SessionRecord]


def test_words_lead_to_a_session_and_a_moment(chaperone: Chaperone, kept: Kept) -> None:
    header, place, replay = chaperone.out("search", "alice").splitlines()
    assert header.startswith(f"{kept['shell'].session}  agent  payments/shop-5d9f")
    assert place.split()[:3] == ["0.1s", "stdout", "alice"]
    assert replay == f"  chaperone replay {kept['shell'].session} -n payments --at 0.1"


def test_places_of_one_session_stand_together(chaperone: Chaperone, kept: Kept) -> None:
    lines = chaperone.out("search", '"no such order"', "-A").splitlines()
    assert [line.startswith(" ") for line in lines] == [False, True, True, True] * 2
    names = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert names == {kept["failing"].session, kept["elsewhere"].session}


def test_what_was_looked_for_stands_out_on_a_terminal(chaperone: Chaperone) -> None:
    assert "\x1b[1;33malice\x1b[0m" in chaperone.out("search", "alice", FORCE_COLOR="1", TERM="xterm")


def test_a_search_for_programs_is_the_apis_own(chaperone: Chaperone, kept: Kept) -> None:
    answer = chaperone.run("search", "alice", "-o", "json").json
    assert answer["kind"] == "Search"
    assert answer["status"]["hits"][0]["session"]["metadata"]["name"] == kept["shell"].session


def test_nothing_found_says_so(chaperone: Chaperone) -> None:
    done = chaperone.run("search", "nothing\x1b[31m like this", "-A")
    assert (done.code, done.out) == (0, "")
    assert done.error == "Nothing found for nothing\\x1b[31m like this in any namespace.\n"


@pytest.mark.parametrize("number", ["4111111111111111", "4111 1111 1111 1111", "paid 3782-822463-10005"])
def test_who_searches_for_a_card_is_told_how_it_is_on_record(chaperone: Chaperone, number: str) -> None:
    for arguments in (
        ["search", number],
        ["search", number, "-o", "json"],
        ["sessions", "list", "--text", number],
    ):
        done = chaperone.run(*arguments)
        assert done.code == 0
        assert "on record as 411111******1111" in done.error
        assert number not in done.error
    assert "Nothing found for this number in namespace payments." in chaperone.run("search", number).error


def test_the_hint_about_cards_leads_to_them(chaperone: Chaperone, kept: Kept) -> None:
    assert "last four digits" in chaperone.run("search", "4012888888881881").error
    done = chaperone.run("search", "1881")
    assert kept["shell"].session in done.out
    assert done.error == ""


def test_results_fit_their_terminal(chaperone: Chaperone) -> None:
    out = chaperone.out("search", "order", "-A", COLUMNS="60")
    assert max(map(len, out.splitlines())) <= 60


def test_a_cut_answer_says_so(chaperone: Chaperone) -> None:
    assert "--limit" in chaperone.run("search", "order", "-A", "--limit", "1").error


def test_a_search_too_long_is_refused(chaperone: Chaperone) -> None:
    done = chaperone.run("search", "x" * 5000)
    assert (done.code, "at most" in done.error) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--exit", "7"], {"failing", "elsewhere"}),
        (["--exit", "failed"], {"failing", "elsewhere"}),
        (["--exit", "0"], set[str]()),
        (["--finding", "any"], set[str]()),
        (["--agent", "agent"], {"failing", "elsewhere"}),
        (["--agent", "nobody"], set[str]()),
        (["--phase", "completed"], {"failing", "elsewhere"}),
        (["--approved-by", "bob"], set[str]()),
        (["--user", "agent"], {"failing", "elsewhere"}),
        (["--user", "nobody"], set[str]()),
        (["--pod", "api-7d9c"], {"failing", "elsewhere"}),
        (["--pod", "shop-5d9f"], set[str]()),
        (["--since", "2026-09-21T14:20:00Z"], {"elsewhere"}),
        (["--until", "2026-09-21T14:20:00Z"], {"failing"}),
        (["--since", "2026-09-22"], set[str]()),
    ],
)
def test_a_search_is_narrowed(
    chaperone: Chaperone, kept: Kept, arguments: list[str], found: set[str]
) -> None:
    answer = chaperone.run("search", "order", "-A", "-o", "json", *arguments).json
    names = {hit["session"]["metadata"]["name"] for hit in answer["status"]["hits"]}
    assert names == {kept[name].session for name in found}


def test_findings_are_looked_for_by_rule_and_brand(chaperone: Chaperone, kept: Kept) -> None:
    for finding in ("any", "pan", "pan/visa"):
        assert kept["shell"].session in chaperone.out("search", "alice", "--finding", finding)
    assert chaperone.out("search", "alice", "--finding", "pan/amex") == ""


@pytest.mark.parametrize("code", ["x", "-1", "256", "7.0", "٣", "1" * 5000])
def test_an_exit_code_that_is_none_is_refused(chaperone: Chaperone, code: str) -> None:
    done = chaperone.run("search", "x", f"--exit={code}")
    assert (done.code, "--exit" in done.error) == (2, True)


def test_csv_has_a_line_a_place_and_no_formula(chaperone: Chaperone, kept: Kept) -> None:
    text = chaperone.run("search", "forged", "-A", "-o", "csv").out
    lines = text.splitlines()
    assert len(lines) == 2
    assert text.isprintable() is False
    assert all(character.isprintable() or character == "\n" for character in text)
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["session"] == kept["hostile"].session
    assert row["channel"] == "command"
    assert row["text"].startswith("sh -c \\x1b]0;owned\\x07\\nforged row")
    assert row["matches"] == "forged"
    assert row["replay"] == f"chaperone replay {row['session']} -n payments --at 0.0"


def test_an_empty_csv_has_its_columns(chaperone: Chaperone) -> None:
    assert chaperone.out("search", "nowhere", "-o", "csv").startswith("session,namespace,pod,")


def test_a_table_holds_no_control_characters(chaperone: Chaperone) -> None:
    out = chaperone.out("search", "forged", "-A", COLUMNS="80")
    assert all(character.isprintable() or character == "\n" for character in out)
    assert max(map(len, out.splitlines())) <= 80


def test_the_printed_command_replays_from_the_moment(chaperone: Chaperone) -> None:
    *_, command = chaperone.out("search", "alice").splitlines()
    words = command.split()
    assert words[:2] == ["chaperone", "replay"]
    replayed = chaperone.process(*words[1:], "--speed", "1000", "--idle-limit", "0")
    assert replayed.code == 0, replayed.error
    assert "alice" in replayed.out
