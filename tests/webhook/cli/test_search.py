"""``chaperone search``."""

from cli_runner import Chaperone

from webhook.store.contract import SessionRecord

Kept = dict[str, SessionRecord]


def test_words_lead_to_a_session_and_a_moment(chaperone: Chaperone, kept: Kept) -> None:
    header, place = chaperone.out("search", "alice").splitlines()
    assert header.startswith(f"{kept['shell'].session}  agent  payments/shop-5d9f")
    assert place.split()[:3] == ["0.1s", "stdout", "alice"]


def test_places_of_one_session_stand_together(chaperone: Chaperone, kept: Kept) -> None:
    lines = chaperone.out("search", '"no such order"', "-A").splitlines()
    assert [line.startswith(" ") for line in lines] == [False, True, True] * 2
    names = {line.split()[0] for line in lines if not line.startswith(" ")}
    assert names == {kept["failing"].session, kept["elsewhere"].session}


def test_a_search_for_programs_is_the_apis_own(chaperone: Chaperone, kept: Kept) -> None:
    answer = chaperone.run("search", "alice", "-o", "json").json
    assert answer["kind"] == "Search"
    assert answer["status"]["hits"][0]["session"]["metadata"]["name"] == kept["shell"].session


def test_nothing_found_says_so(chaperone: Chaperone) -> None:
    done = chaperone.run("search", "nothing\x1b[31m like this", "-A")
    assert (done.code, done.out) == (0, "")
    assert done.error == "Nothing found for nothing\\x1b[31m like this in any namespace.\n"


def test_results_fit_their_terminal(chaperone: Chaperone) -> None:
    out = chaperone.out("search", "order", "-A", COLUMNS="60")
    assert max(map(len, out.splitlines())) <= 60


def test_a_cut_answer_says_so(chaperone: Chaperone) -> None:
    assert "--limit" in chaperone.run("search", "order", "-A", "--limit", "1").error


def test_a_search_too_long_is_refused(chaperone: Chaperone) -> None:
    done = chaperone.run("search", "x" * 5000)
    assert (done.code, "at most" in done.error) == (1, True)
