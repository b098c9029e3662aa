"""Words with wildcards agree with the plain meaning, and never take long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.commands.globs import Glob, is_literal

CHARACTERS = st.text(alphabet="ab*?.[\n", max_size=8)


def plain(glob: str) -> str:
    """Give a regular expression that is obviously right, if slow."""
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in glob)


@given(glob=CHARACTERS, word=CHARACTERS)
def test_globs_mean_what_they_say(glob: str, word: str) -> None:
    assert Glob(glob).fits(word) is (re.fullmatch(plain(glob), word, re.DOTALL) is not None)


@pytest.mark.parametrize(("glob", "literal"), [("abc", True), ("a*", False), ("?", False), ("[a]", True)])
def test_only_stars_and_question_marks_are_wild(glob: str, literal: bool) -> None:
    assert is_literal(glob) is literal
    assert Glob(glob).literal == (glob if literal else None)


def test_many_stars_do_not_multiply() -> None:
    assert not Glob("*a" * 30 + "*b").fits("a" * 20_000)
