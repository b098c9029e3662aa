"""What every store finds in command lines and masked output, and that no text is syntax."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import Growing, make_record

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Channel
from webhook.store.contract import Passage, Phase, Query, Store

NEEDLE = Query(text="needle")


def told(store: Store, *texts: str, offset_ms: int = 0, **changes: object) -> Growing:
    """A session whose output was these texts."""
    growing = Growing(store.create(make_record(offset_ms, **changes)))
    for number, text in enumerate(texts):
        record, frames = growing.grow(b"%d" % number)
        store.append(record, frames, [growing.says(text, at=number)])
    return growing


def found(store: Store, text: str, **fields: object) -> list[str]:
    """The highlighted pieces of each hit."""
    hits = store.search(msgspec.convert({"text": text, **fields}, Query))
    return [
        "|".join(
            (hit.passage.text if hit.passage else " ".join(hit.record.argv))[start:end]
            for start, end in hit.highlight
        )
        for hit in hits
    ]


def test_a_hit_leads_to_the_moment(store: Store) -> None:
    growing = told(store, "booting", "panic: out of memory")
    (hit,) = store.search(Query(text="memory"))
    assert hit.record == growing.record
    assert hit.passage is not None
    assert (hit.passage.sequence, hit.passage.at, hit.passage.channel) == (1, 1, Channel.STDOUT)
    assert hit.highlight == ((14, 20),)


def test_a_command_line_is_found_without_a_passage(store: Store) -> None:
    growing = told(store, argv=("kubectl", "delete", "secret/stripe"))
    (hit,) = store.search(Query(text="stripe"))
    assert (hit.record, hit.passage, hit.highlight) == (growing.record, None, ((22, 28),))


def test_a_program_is_found_and_kept_once(store: Store) -> None:
    growing = told(store, "booting")
    record, frames = growing.grow(b"program")
    passage = Passage(record.session, 1, 7, None, "/usr/bin/pg_dump: pg_dump orders")
    for _ in range(2):
        store.append(record, frames, [passage])
    (hit,) = store.search(Query(text="pg_dump"))
    assert hit.passage == passage


def test_words_are_found_in_any_case_and_order_but_all_of_them(store: Store) -> None:
    told(store, "Connection to DB refused", "connection made")
    assert found(store, "refused CONNECTION") == ["Connection|refused"]
    assert sorted(found(store, "connection")) == ["Connection", "connection"]
    assert found(store, "connection lost") == []


def test_parts_of_words_are_not_found(store: Store) -> None:
    told(store, "reconnection")
    assert found(store, "connection") == []


def test_a_phrase_is_found_in_its_order_only(store: Store) -> None:
    told(store, "drop table users", "table to drop: users")
    assert found(store, '"drop table"') == ["drop table"]
    assert sorted(found(store, "drop users")) == ["drop|users", "drop|users"]
    assert found(store, '"drop table') == ["drop table"]
    assert found(store, 'users "drop table"') == ["drop table|users"]


def test_separators_inside_a_word_keep_its_parts_together(store: Store) -> None:
    told(store, "label app.kubernetes.io/name=api", "name io kubernetes app")
    assert found(store, "app.kubernetes.io/name") == ["app.kubernetes.io/name"]
    assert found(store, "kubernetes_io") == ["kubernetes.io"]
    assert sorted(found(store, "kubernetes")) == ["kubernetes", "kubernetes"]


def test_masked_numbers_are_found_by_what_is_left(store: Store) -> None:
    told(store, "card 411111******1111 taken")
    assert found(store, "411111******1111") == ["411111******1111"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Überweisung erhalten", "überWEISUNG"),
        ("пароль принят", "ПАРОЛЬ"),
        ("a\u0301b c", "a\u0301b"),
        ("before\0after", "after"),
        ("tab\tline\r\nnext\x1b[0m", "next"),
        ("😀 smile", "smile"),
        ("snake_case_name", "case"),
        ("x" * 200, "X" * 200),
    ],
)
def test_text_of_any_kind_is_kept_and_found(store: Store, text: str, words: str) -> None:
    growing = told(store, text)
    (hit,) = store.search(Query(text=words))
    assert hit.passage == growing.says(text, at=0)
    ((start, end),) = hit.highlight
    assert text[start:end].lower() == words.lower()


HOSTILE = [
    '"',
    '""',
    "'",
    "*",
    "a*",
    "NEAR(a b)",
    "a AND",
    "NOT",
    "OR a",
    "text:a",
    "{a}:b",
    "^a",
    "a + b",
    "-a",
    "(",
    '") OR 1=1 --',
    "'; DROP TABLE sessions; --",
    "\0",
    "a\0b",
    "{{a}}",
    '{"match_all":{}}',
    "\\",
    "\\u0022",
    "%s",
    "~2",
    "[a TO b]",
    "𝕒" * 100,
    "\ufffd",
    "\N{PILE OF POO}",
]
"""Texts that a query language would read as more than words."""


def test_no_text_is_syntax(store: Store) -> None:
    told(store, "unrelated output")
    for text in HOSTILE:
        assert store.search(Query(text=text)) == [], text
        assert store.sessions(Query(text=text)) == [], text
    assert len(store.sessions(Query())) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_no_text_fails(store: Store, text: str) -> None:
    store.search(Query(text=text))


def test_operators_are_words(store: Store) -> None:
    told(store, "this and that or not near", "this that")
    assert found(store, "this AND that") == ["this|and|that"]
    assert found(store, "NOT NEAR") == ["not|near"]


def test_no_text_and_text_without_words_find_nothing(store: Store) -> None:
    told(store, "words")
    assert store.search(Query()) == []
    assert found(store, " \t--- ") == []


def test_too_long_a_text_is_the_callers_fault(store: Store) -> None:
    with pytest.raises(CallerError, match="at most"):
        store.search(Query(text="word " * 100))
    with pytest.raises(CallerError, match="at most"):
        store.sessions(Query(text="x" * 5000))


def test_the_sessions_are_filtered(store: Store) -> None:
    growing = [
        told(store, "shared words", offset_ms=0, namespace="shop"),
        told(store, "shared words", offset_ms=1),
        told(store, "shared words", offset_ms=2),
    ]
    last = growing[2].record

    def sessions(**fields: object) -> set[str]:
        query = msgspec.convert({"text": "shared", **fields}, Query)
        return {hit.record.session for hit in store.search(query)}

    ids = [item.session for item in growing]
    assert sessions() == set(ids)
    assert sessions(namespace="shop") == {ids[0]}
    assert sessions(since=last.started_at) == {ids[2]}
    assert sessions(until=last.started_at) == {ids[0], ids[1]}
    assert sessions(before=ids[1]) == {ids[0]}
    assert sessions(user="nobody") == set()
    store.append(*growing[1].grow(b"end", phase=Phase.COMPLETED), [])
    assert sessions(phase="Completed") == {ids[1]}
    assert sessions(phase="Active") == {ids[0], ids[2]}
    assert len(store.search(Query(text="shared", limit=2))) == 2


def test_the_newest_session_comes_first_and_of_it_what_was_said_last(store: Store) -> None:
    older = told(store, "needle " * 5, "needle")
    newer = told(store, "needle", "hay", "needle", offset_ms=1000, argv=("find", "needle"))
    hits = [
        (hit.record.session, hit.passage.sequence if hit.passage else None) for hit in store.search(NEEDLE)
    ]
    expected = [(newer.session, 2), (newer.session, 0), (newer.session, None)]
    assert hits == [*expected, (older.session, 1), (older.session, 0)]


def test_text_of_a_session_that_goes_on_stays_with_its_start(store: Store) -> None:
    older = told(store, "needle")
    newer = told(store, "needle", offset_ms=1000)
    record, frames = older.grow(b"more")
    store.append(record, frames, [older.says("needle", at=9)])
    assert [hit.record.session for hit in store.search(NEEDLE)] == [
        newer.session,
        older.session,
        older.session,
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="a\ue000\ue123 ", max_size=12))
def test_characters_of_private_use_are_no_way_into_other_fields(store: Store, text: str) -> None:
    told(store, "a b", namespace="a", pod="a")
    for hit in store.search(Query(text=text, limit=3)):
        assert hit.highlight
