"""Which rules can be about a question at all: bits of one number, so that their count hardly matters.

For each field that a rule gives as words, the index knows for a word which rules it satisfies, as the bits of
one integer; the rules that give no such field are satisfied by every word. What all fields leave is asked.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sidecar.commands.globs import Glob, is_literal
from sidecar.commands.lines import REST
from webhook.policy.compiling import CompiledRule
from webhook.policy.document import CommandLine, Match
from webhook.policy.facts import Facts

_REMEMBERED: Final = 4096
"""Words whose rules are remembered, for each field."""
_STRETCH: Final = 64
"""Rules that are taken in between two calls of ``pace``."""
Words = tuple[str, ...]


class _Field:
    """One field of all rules."""

    def __init__(
        self, wanted: Iterable[Words | None], asked: Callable[[Facts], Words], pace: Callable[[], None]
    ) -> None:
        self._asked = asked
        self._anything = 0
        self._exact: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        self._globs: dict[str, int] = {}
        self._remembered: dict[str, int] = {}
        for number, words in enumerate(wanted):
            self._add(1 << number, words)
            if number % _STRETCH == 0:
                pace()
        self._lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._compiled = [(Glob(text), bits) for text, bits in self._globs.items()]

    def _add(self, bit: int, words: Words | None) -> None:
        if words is None:
            self._anything |= bit
        for word in words or ():
            table, key = self._place(word)
            table[key] = table.get(key, 0) | bit

    def _place(self, word: str) -> tuple[dict[str, int], str]:
        """Give where a word is looked up, and by what."""
        if is_literal(word):
            return self._exact, word
        beginning = word.removesuffix("*")
        return (self._prefixes, beginning) if is_literal(beginning) else (self._globs, word)

    def rules(self, facts: Facts) -> int:
        """Give the rules that this field does not exclude."""
        found = self._anything
        for word in self._asked(facts):
            found |= self._of(word)
        return found

    def _of(self, word: str) -> int:
        found = self._remembered.get(word)
        if found is None:
            found = self._exact.get(word, 0)
            for length in self._lengths:
                found |= self._prefixes.get(word[:length], 0)
            for glob, bits in self._compiled:
                if glob.fits(word):
                    found |= bits
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[word] = found
        return found


class Index:
    """The rules of all policies."""

    def __init__(self, rules: Sequence[CompiledRule], pace: Callable[[], None]) -> None:
        """``pace`` is called now and again: building it takes long where there are thousands."""
        matches = [rule.rule.match for rule in rules]
        self._rules = tuple(rules)
        fields: tuple[tuple[Iterable[Words | None], Callable[[Facts], Words]], ...] = (
            ((_values(match.doors) for match in matches), lambda f: (f.question.door.value,)),
            ((_values(match.operations) for match in matches), lambda f: (f.question.operation.value,)),
            ((match.namespaces for match in matches), lambda f: (f.question.namespace,)),
            ((match.users for match in matches), lambda f: (f.question.identity.username,)),
            ((match.groups for match in matches), lambda f: f.question.identity.groups),
            ((match.service_accounts for match in matches), lambda f: (f.service_account,)),
            (
                (_programs(match) for match in matches),
                lambda f: tuple(argv[0] for argv, _ in f.called if argv),
            ),
        )
        self._fields = tuple(_Field(wanted, asked, pace) for wanted, asked in fields)

    def candidates(self, facts: Facts) -> Iterator[CompiledRule]:
        """Give the rules that may be about a question, in their order."""
        bits = (1 << len(self._rules)) - 1
        for field in self._fields:
            bits &= field.rules(facts)
            if not bits:
                return
        while bits:
            lowest = bits & -bits
            yield self._rules[lowest.bit_length() - 1]
            bits ^= lowest


def _values(members: Sequence[object] | None) -> Words | None:
    return None if members is None else tuple(str(getattr(member, "value", member)) for member in members)


def _programs(match: Match) -> Words | None:
    """Give the first arguments that fit, as globs; None when they cannot be told."""
    firsts = [_program(line) for line in match.argv or ()]
    return None if not firsts or None in firsts else tuple(word for word in firsts if word is not None)


def _program(line: CommandLine) -> str | None:
    words = line.exact or line.prefix
    if words is not None:
        return words[0] if is_literal(words[0]) else None
    return line.glob[0] if line.glob is not None and line.glob[0] != REST else None
