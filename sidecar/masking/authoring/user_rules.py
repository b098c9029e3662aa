"""Masking rules, in YAML: read, checked, tried on their own cases, or refused with file, line and reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sidecar.contract.errors import BugError, ConfigurationError
from sidecar.masking.authoring.documents import RefusedError, read
from sidecar.masking.engine import Engine
from sidecar.masking.model import Profile
from sidecar.masking.sad_table import KEYED
from sidecar.masking.user import Show, UserRule
from sidecar.masking.user_patterns import PatternError, parse_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sidecar.masking.authoring.documents import Document

MOST_RULES = 100
"""Every rule costs every feed a look at its end."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_OWN_NAMES = {"pan", "track1", "track2", "emv-57", "emv-5a", "emv-9f6b", "iso8583"} | {
    rule.name for rule in KEYED
}


class RuleSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule as it is written."""

    name: str
    pattern: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    show: Show = Show.NOTHING
    luhn: bool = False


class Checked(NamedTuple):
    """What a file of rules gave: the rules that hold, and one error for each that does not."""

    rules: tuple[UserRule, ...]
    cases: int
    """Cases that were tried and held."""
    refused: tuple[RefusedError, ...]


def load_rules(source: bytes, file: str) -> tuple[UserRule, ...]:
    """The rules in ``source``; raises ConfigurationError that says ``file:line: reason`` for each bad one."""
    return load_all([(file, source)])


def load_all(files: Iterable[tuple[str, bytes]]) -> tuple[UserRule, ...]:
    """The rules of several files, each given as its name and content; raises as ``load_rules``."""
    checked = check_all(files)
    if checked.refused:
        raise ConfigurationError("\n".join(str(error) for error in checked.refused))
    return checked.rules


def check_all(files: Iterable[tuple[str, bytes]]) -> Checked:
    """Try every rule of every file, and go on after one that is refused."""
    rules: list[UserRule] = []
    refused: list[RefusedError] = []
    places: dict[str, str] = {}
    cases = 0
    for file, source in files:
        try:
            items = _items(read(source, file))
        except RefusedError as error:
            refused.append(error)
            continue
        for item in items:
            try:
                rule, tried = _rule(item)
                _refuse_second(item, rule.name, places)
                if len(rules) == MOST_RULES:
                    raise item.refused(f"more than {MOST_RULES} rules are too costly for a stream")
            except RefusedError as error:
                refused.append(error)
            else:
                rules.append(rule)
                cases += tried
    return Checked(tuple(rules), cases, tuple(refused))


def _items(document: Document) -> list[Document]:
    """The rules: the document is one mapping with the key ``rules``."""
    rules = document.at("rules")
    if document.keys() != ["rules"] or not isinstance(rules.value, list):
        raise document.refused("expected one key, rules, with a list of rules")
    return rules.items()


def _refuse_second(item: Document, name: str, places: dict[str, str]) -> None:
    """A name belongs to one rule; ``places`` says where those before stand."""
    if name in places:
        raise item.at("name").refused(f"rule {name} is there already: {places[name]}")
    places[name] = f"{item.file}:{item.line}"


def _rule(item: Document) -> tuple[UserRule, int]:
    """The rule in ``item``, and how many cases of its own it was tried on."""
    written = item.to(RuleSource)
    if _NAME.fullmatch(written.name) is None:
        raise item.at("name").refused("a name is 2 to 63 lower-case letters, digits and dashes")
    if written.name in _OWN_NAMES:
        raise item.at("name").refused(f"{written.name} is the name of a built-in rule")
    try:
        rule = parse_rule(written.name, written.pattern, written.show, check_digit=written.luhn)
    except PatternError as error:
        raise item.at("pattern").refused(f"pattern: {error}") from None
    return rule, _try(rule, written, item)


def _try(rule: UserRule, written: RuleSource, item: Document) -> int:
    """Run the rule's own cases; give how many there were."""
    if not written.positive or not written.negative:
        raise item.refused("a rule needs positive and negative cases")
    try:
        mask = Engine.load(Profile.STRICT, (rule,)).masks()
    except BugError as error:
        raise item.at("pattern").refused(f"pattern: too costly: {error}") from None
    for kind, cases in (("positive", written.positive), ("negative", written.negative)):
        for number, (case, place) in enumerate(zip(cases, item.at(kind).items(), strict=True), start=1):
            found = any(finding.rule == rule.name for finding in mask(case.encode())[1])
            if found is not (kind == "positive"):
                raise place.refused(f"{kind} case {number} is {'' if found else 'not '}masked")
    return len(written.positive) + len(written.negative)
