"""How search text is read, and where it is found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.contract.errors import CallerError
from webhook.store.text import MAX_CHARACTERS, highlight, parse_text


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("", ()),
        ("  \t\n", ()),
        ("one two", ("one", "two")),
        ('say "hello there" now', ("say", "hello there", "now")),
        ('"open end', ("open end",)),
        ('a"b"c', ("a", "b", "c")),
        ('"" "--" -', ()),
        ("app.kubernetes.io/name", ("app.kubernetes.io/name",)),
        ("a\0b", ("a", "b")),
        ("411111******1111", ("411111******1111",)),
    ],
)
def test_text_is_cut_into_phrases(text: str, phrases: tuple[str, ...]) -> None:
    assert parse_text(text) == phrases


def test_text_has_its_limits() -> None:
    assert len(parse_text("w " * 64)) == 64
    with pytest.raises(CallerError, match="65 words"):
        parse_text("w " * 65)
    with pytest.raises(CallerError, match="characters"):
        parse_text("w" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("text", "phrases", "pieces"),
    [
        ("drop table users", ("table",), ["table"]),
        ("Drop TABLE drop", ("drop",), ["Drop", "drop"]),
        ("a b a b a", ("a b",), ["a b", "a b"]),
        ("a a a", ("a a",), ["a a a"]),
        ("one two three", ("one two", "two three"), ["one two three"]),
        ("x.y-z", ("y z",), ["y-z"]),
        ("nothing here", ("else",), []),
        ("ÄRGER", ("ärger",), ["ÄRGER"]),
    ],
)
def test_places_are_found(text: str, phrases: tuple[str, ...], pieces: list[str]) -> None:
    assert [text[start:end] for start, end in highlight(text, phrases)] == pieces


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=20))
def test_places_are_in_order_inside_the_text_and_apart(text: str, wanted: str) -> None:
    spans = highlight(text, parse_text(wanted))
    ends = [0, *(end for _, end in spans)]
    assert all(before <= start < end <= len(text) for before, (start, end) in zip(ends, spans, strict=False))
