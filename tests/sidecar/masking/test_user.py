"""Users' rules of any form: what ``re`` finds at every beginning is what is hidden, however it is cut."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, run

from sidecar.masking import Engine, Profile
from sidecar.masking.cards import luhn
from sidecar.masking.user import Show, UserRule
from sidecar.masking.user_patterns import PatternError, parse_rule

_LETTERS = "ab1_"
_UNITS = ("a", "b", "1", "_", "[ab]", "[^a]", "[ab1]", r"\d", r"\D", r"\w", r"\W")
_REPEATS = ("", "?", "{2}", "{1,3}", "{0,4}", "{1,40}")
_ELEMENTS = st.tuples(st.sampled_from(_UNITS), st.sampled_from(_REPEATS)).map("".join)
_BEGINNINGS = st.text(_LETTERS, min_size=3, max_size=6) | st.text(_LETTERS, min_size=120, max_size=200)


def _rule(beginning: str, elements: list[str], show: Show, *, check_digit: bool) -> UserRule | None:
    try:
        return parse_rule("own", beginning + "".join(elements), show, check_digit=check_digit)
    except PatternError:
        return None


def rules() -> st.SearchStrategy[UserRule]:
    """Rules over few letters, so that much matches, and in more than one way."""
    elements = st.lists(_ELEMENTS, min_size=1, max_size=4)
    made = st.builds(_rule, _BEGINNINGS, elements, st.sampled_from(Show), check_digit=st.booleans())
    return made.flatmap(lambda rule: st.nothing() if rule is None else st.just(rule))


def found_by_re(rule: UserRule, data: bytes) -> list[tuple[int, int]]:
    """Offset and length of what the rule takes, as its pattern says."""
    pattern = re.compile(rule.pattern, re.DOTALL)
    places = [match.start() for match in re.finditer(rb"(?=" + re.escape(rule.beginning) + rb")", data)]
    matches = [match for at in places if (match := pattern.match(data, at)) is not None]
    if rule.luhn:
        matches = [match for match in matches if luhn(re.sub(rb"[^0-9]", b"", match.group()))]
    return sorted((match.end(), match.start()) for match in matches)


def hidden(rule: UserRule, data: bytes) -> bytes:
    """``data`` with what the rule takes hidden."""
    out = bytearray(data)
    for end, start in found_by_re(rule, data):
        low, high = start + len(rule.beginning), end - (4 if rule.show is Show.LAST_FOUR else 0)
        out[low:high] = b"*" * (high - low)
    return bytes(out)


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    rule=rules(),
    words=st.lists(st.text(_LETTERS + "\n ", max_size=30) | st.none() | st.just("plain " * 300), max_size=5),
    sizes=st.lists(st.integers(1, 40) | st.integers(900, 1500), max_size=30),
)
def test_rules_take_what_their_pattern_takes(
    rule: UserRule, words: list[str | None], sizes: list[int]
) -> None:
    engine = Engine.load(Profile.STRICT, (rule,))
    data = b"".join(rule.beginning if word is None else word.encode() for word in words)
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    out, findings = run(engine, [data])
    assert out == hidden(rule, data)
    assert [(one.offset + one.length, one.offset) for one in findings] == found_by_re(rule, data)
    assert run(engine, [*pieces, data[at:]]) == (out, findings)
