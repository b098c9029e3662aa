"""What is counted and searched of a session."""

import pytest
from intake_desk import Desk
from recorded import Authority

from sidecar.contract.events import (
    MAX_FOUND_EVENTS,
    MAX_PROGRAM_ARGV_BYTES,
    Channel,
    End,
    Ending,
    Event,
    Found,
    Program,
    Untraced,
)
from sidecar.contract.wire import (
    Refused,
)
from webhook.store.contract import SEARCHED_PROGRAMS, Query


def test_findings_beyond_those_recorded_one_by_one_are_counted_at_the_end(
    desk: Desk, authority: Authority
) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    few = made.frame(Found(1, Channel.STDOUT, "cvv", "", 0, 3))
    many = [made.frame(Found(1, Channel.STDOUT, "pan", "visa", 17 * n, 16)) for n in range(MAX_FOUND_EVENTS)]
    claimed = {"pan/visa": 10_000, "cvv/": 0, "track2/visa": 3}
    desk.send(made, start, few, *many, made.frame(End(2, Ending.EXITED, findings=claimed)))
    assert desk.record(made).findings == {"pan/visa": 10_000, "cvv/": 1, "track2/visa": 3}


def test_the_end_adds_no_finding_of_which_there_is_no_record(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    found = made.frame(Found(1, Channel.STDOUT, "pan", "visa", 0, 16))
    desk.send(made, start, found, made.frame(End(2, Ending.EXITED, findings={"pan/visa": 9})))
    assert desk.record(made).findings == {"pan/visa": 1}


def program(*argv: str, at: int = 1, uid: int = 0) -> Program:
    return Program(at, 12, 1, uid, "/usr/bin/psql", "/", argv or ("psql",))


def test_programs_are_counted_and_found(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    ran = [made.start(), made.frame(program("psql", "-l")), made.frame(program("pg_dump", "orders", at=5))]
    desk.send(made, *ran, made.frame(End(6, Ending.EXITED, programs=9)))
    assert (desk.record(made).programs, desk.record(made).untraced) == (2, "")
    [hit] = desk.store.search(Query(text="pg_dump orders"))
    assert hit.passage is not None
    assert (hit.passage.sequence, hit.passage.at, hit.passage.channel) == (2, 5, None)
    assert hit.passage.text == "/usr/bin/psql: pg_dump orders"


def test_programs_are_counted_as_they_are_recorded_and_some_thousands_searched(
    desk: Desk, authority: Authority
) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), *(made.frame(program()) for _ in range(SEARCHED_PROGRAMS + 1)))
    desk.send(made, made.frame(End(2, Ending.EXITED, programs=30_000)))
    assert desk.record(made).programs == SEARCHED_PROGRAMS + 1
    assert not desk.record(made).searchable
    assert len(desk.store.search(Query(text="psql", limit=10_000))) == SEARCHED_PROGRAMS


def test_a_session_that_is_not_traced_is_known_as_such(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), made.frame(Untraced(1, "ptrace fails with EPERM")), made.end())
    assert desk.record(made).untraced == "ptrace fails with EPERM"


@pytest.mark.parametrize(
    "event", [program("x" * (MAX_PROGRAM_ARGV_BYTES + 1)), program(uid=-1), Untraced(1, "x" * 600)]
)
def test_an_impossible_program_is_not_believed(desk: Desk, authority: Authority, event: Event) -> None:
    made = authority.session()
    desk.open(made)
    *_, answer = desk.send(made, made.start(), made.frame(event))
    assert isinstance(answer, Refused)
    assert "impossible value" in answer.reason


def test_kinds_of_findings_are_bounded(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    start = made.start()
    findings = [made.frame(Found(1, Channel.STDOUT, "pan", f"b{n}", 0, 1)) for n in range(300)]
    *_, answer = desk.send(made, start, *findings)
    assert answer == Refused(made.session, "the session has too many kinds of findings")
    assert len(desk.record(made).findings) == 256
