"""CEL expressions: what is refused beforehand; nothing else than an answer or an error comes of any."""

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_samples import question

from sidecar.commands.expressions import Expression, ExpressionError
from sidecar.commands.regexes import RegexError, Regexes
from webhook.policy.facts import VARIABLES, Facts


def holds(source: str, facts: Facts) -> bool:
    return Expression(source, Regexes(), VARIABLES).holds(facts.prepared, facts.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("argv.all(a, argv.all(b, argv.all(c, true)))", "too costly"),
        (" || ".join(["argv.exists(a, a == 'x')"] * 9), "too costly"),
        ("argv.all(a, (argv + argv).exists(b, a == b))", r"too costly: \+"),
        ("argv.all(a, argv.map(b, b + a).size() > 1)", r"too costly: \+"),
        ("line.matches(name)", "one literal pattern"),
        ("line.matches('a' + name)", "one literal pattern"),
        ("somebody == 'x'", "nothing known"),
        ("name.lowerAscii() == 'x'", "function lowerAscii is not offered"),
        ("fits_regex(line, 'a')", "cannot be evaluated here|is not offered"),
        ("'unclosed", "no CEL"),
        ("size(argv)", "neither true nor false"),
        ("object", "neither true nor false"),
        ("1 / 0 == 1", "arithmetic"),
        ("user == 1 || user < 2", "types do not fit"),
    ],
)
def test_what_is_refused_says_why(source: str, said: str) -> None:
    facts = Facts(question())
    with pytest.raises(ExpressionError, match=said):
        holds(source, facts)


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_fact_can_be_named(name: str) -> None:
    assert holds(f"{name} == {name}", Facts(question()))


@pytest.mark.parametrize(
    "source",
    [
        '"argv.all(a, argv.all(b, argv.all(c, 1" != line',
        "'line.matches(' != line",
        'line.matches("ls") // .matches(name)',
        'line.matches(r"^ls\\s") && line.matches("^ls\\\\s")',
        'argv.exists(a, a.matches("^-"))',
        '"agents" in user.groups && user.groups.filter(g, g == "agents").size() == 1',
        "has(user.extra.team) || !has(user.extra.team)",
        "hour == 12",
    ],
)
def test_text_that_looks_like_code_is_text(source: str) -> None:
    assert holds(source, Facts(question()))


def test_an_error_tells_nothing_of_the_facts() -> None:
    facts = Facts(question(argv=("pay", "4111111111111111")))
    with pytest.raises(ExpressionError) as caught:
        holds("object[argv[1]] == 1 || argv[1] < 1", facts)
    assert "4111" not in str(caught.value)


MACROS = [".all(x,", ".exists(x,", ".map(x,", ".matches('a')", ".size()", "has(", "x"]
WORDS = ["&&", "||", "==", "in", "true", "null", "0", "'a'", "r'\\'", "b'\\xff'", "/*", "//", "é"]
TOKENS = st.sampled_from([*VARIABLES, *WORDS, *MACROS, *"()[]{}.,!?:+-*/%<>=&|'\"\\\n"])


@given(source=st.lists(TOKENS, max_size=12).map("".join) | st.text(max_size=40))
def test_nothing_else_comes_of_any_text(source: str) -> None:
    facts = Facts(question())
    try:
        assert holds(source, facts) in {True, False}
    except (ExpressionError, RegexError):
        return


def test_what_was_prepared_for_a_question_goes_with_it() -> None:
    """Were it in a cycle through the library, each review would leave some memory behind."""
    facts = Facts(question())
    for source in ('line.matches("ls")', 'line.matches("ls") && user.name == "alice"'):
        assert holds(source, facts)
    prepared = weakref.ref(facts.prepared)
    gc.disable()
    try:
        del facts
        assert prepared() is None
    finally:
        gc.enable()
