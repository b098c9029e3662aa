"""What the kubelet makes of a command line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.admission.filling_in import Line, is_filled_in, line_of
from webhook.admission.pods import Container, EnvironmentVariable

ENV = (
    EnvironmentVariable("A", "a"),
    EnvironmentVariable("WHO", "till"),
    EnvironmentVariable("EMPTY"),
    EnvironmentVariable("ODD NAME", "odd"),
    EnvironmentVariable("FROM_SECRET", value_from={"secretKeyRef": {"name": "s", "key": "k"}}),
    EnvironmentVariable("NESTED", "$(A)"),
    EnvironmentVariable("TWICE", value_from={"fieldRef": {}}),
    EnvironmentVariable("TWICE", "second"),
)


def line(*words: str, more: bool = False) -> Line:
    return line_of(
        Container("app", command=words, env=ENV, env_from=({"secretRef": {"name": "s"}},) if more else None)
    )


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("plain", "plain"),
        ("$", "$"),
        ("costs $5", "costs $5"),
        ("$$", "$"),
        ("$$$$", "$$"),
        ("$$$", "$$"),
        ("echo $$; date", "echo $; date"),
        ("$(WHO)", "till"),
        ("$(A)$(WHO)", "atill"),
        ("$$(WHO)", "$(WHO)"),
        ("$$$(WHO)", "$till"),
        ("-$(EMPTY)-", "--"),
        ("$(ODD NAME)", "odd"),
        ("$(TWICE)", "second"),
        ("$(date +%s)", "$(date +%s)"),
        ("$(who)", "$(who)"),
        ("$()", "$()"),
        ("$(A$(A))", "$(A$(A))"),
        ("$(WHO", "$(WHO"),
        ("$(WHO $$", "$(WHO $"),
        ("line\n$(a\nb)$(A)", "line\n$(a\nb)a"),
    ],
)
def test_words_that_the_manifest_tells(written: str, run: str) -> None:
    assert line("sh", written) == Line(("sh", run))


@pytest.mark.parametrize("word", ["$(FROM_SECRET)", "x$(NESTED)", "$(TILL_SERVICE_HOST)", "$é", "$$(A)$(B)"])
def test_words_that_nobody_knows_yet(word: str) -> None:
    assert line("sh", "$$", word, "$(A)") == Line(("sh", "$", word, "a"), (2,))


def test_a_container_may_have_variables_that_its_manifest_does_not_name() -> None:
    assert line("$(who)", "$(A)", more=True) == Line(("$(who)", "a"), (0,))


def test_a_word_that_no_kubelet_changes_is_not_filled_in() -> None:
    assert not is_filled_in(["echo", "$HOME", "a$", "${A}", "(A)"])
    assert all(is_filled_in([word]) for word in ("$(A)", "$(A", "$$", "$é"))


@pytest.mark.parametrize("word", ["$(" * 400_000, "$" * 800_000, "$(A" * 250_000 + ")", "$$(" * 250_000])
def test_long_words_take_no_time(word: str) -> None:
    began = time.monotonic()
    assert not line(word).unknown
    assert is_filled_in([word])
    assert time.monotonic() - began < 30, "a second or two even beside much else; n² steps take hours"


def test_variables_do_not_multiply() -> None:
    """Else a manifest of 1 MB would need more memory than there is."""
    large = Container("app", command=("$(A)",) * 10_000, env=(EnvironmentVariable("A", "a" * 100_000),))
    assert line_of(large).unknown == tuple(range(20, 10_000))
    many = Container("app", command=("$(A)" * 100_000,), env=(EnvironmentVariable("A", "a" * 100_000),))
    assert line_of(many).unknown == (0,)


def kubelets(word: str) -> str:
    """The same by the kubelet's way, one letter after the other."""
    values, done, at = {"A": "a", "WHO": "till"}, "", 0
    while at < len(word):
        following = word[at + 1 : at + 2]
        if word[at] != "$" or not following:
            done, at = done + word[at], at + 1
        elif following == "(" and ")" in word[at + 2 :]:
            end = word.index(")", at + 2)
            done, at = done + values.get(word[at + 2 : end], word[at : end + 1]), end + 1
        else:
            done, at = done + (following if following == "$" else "$" + following), at + 2
    return done


@given(st.lists(st.sampled_from(["$", "(", ")", "A", "WHO", "b", " "]), max_size=12).map("".join))
def test_every_word_is_filled_in_as_by_the_kubelet(word: str) -> None:
    found = line(word)
    assert found.unknown or found.words == (kubelets(word),)
    assert found.words == (word,) or is_filled_in([word])
