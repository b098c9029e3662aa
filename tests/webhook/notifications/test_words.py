"""Somebody else's words stay words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.notifications import words

_PIECES = st.sampled_from(
    [
        "@",
        "@everyone",
        "@here",
        "<!channel>",
        "<@U1>",
        "[a](http://b)",
        "](",
        "<",
        ">",
        "`",
        "*",
        "_",
        "~",
        "|",
        "\n",
        "\r",
        "\t",
        "\x1b[2J",
        "\u202e",
        "\u200b",
        "\u2028",
        "https://evil.example",
        "www.evil.example",
        " ",
        "a",
        "\\",
    ]
)
HOSTILE = st.lists(_PIECES | st.characters(), max_size=30).map("".join)


@given(HOSTILE)
def test_a_value_is_one_line_without_mentions_links_or_tags(text: str) -> None:
    shown = words.value(text, 200)
    assert shown.isprintable()
    assert not re.search(r"(?<![A-Za-z0-9._%+-])@|@(everyone|here|channel|all)\b", shown, re.IGNORECASE)
    assert not re.search(r"[A-Za-z]://|\]\(|\]\[|<[^ =0-9]", shown)
    assert not re.search(r"\bwww\.", shown, re.IGNORECASE)


@given(HOSTILE)
def test_a_heading_holds_no_mark_up_at_all(text: str) -> None:
    shown = words.heading(text, 200)
    assert not set(shown) & set("<>[]*|\\~`")
    assert not re.search(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", shown)


@given(HOSTILE)
def test_code_ends_where_it_should(text: str) -> None:
    assert "`" not in words.code(words.value(text, 200))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice@example.com", "alice@example.com"),
        ("system:serviceaccount:agents:coder", "system:serviceaccount:agents:coder"),
        ("cat /data/orders.csv > /tmp/x 2>&1 < y", "cat /data/orders.csv > /tmp/x 2>&1 < y"),
        ("a\nApprove: b", "a\\nApprove: b"),
        ("a          b", "a  b"),
        ("ping @channel x@everyone", "ping ＠channel x＠everyone"),
        ("curl https://evil.example/x", "curl https[:]//evil.example/x"),
        ("[ok](javascript:x)", "[ok] (javascript:x)"),
    ],
)
def test_ordinary_words_stay_as_they_are(text: str, shown: str) -> None:
    assert words.value(text, 200) == shown


def test_a_long_text_says_how_much_is_left_out() -> None:
    assert words.value("x" * 500, 200) == "x" * 200 + "… (300 characters more)"
