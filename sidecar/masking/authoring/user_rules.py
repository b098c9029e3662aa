"""Masking rules, in YAML: read, checked, tried on their own cases, or refused with a reason."""

from __future__ import annotations

import msgspec
import yaml

from sidecar.contract.errors import BugError, ConfigurationError
from sidecar.masking.engine import Engine
from sidecar.masking.model import Profile
from sidecar.masking.user import PatternError, Show, UserRule, parse_rule


class RuleSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule as it is written."""

    name: str
    pattern: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    show: Show = Show.NOTHING
    luhn: bool = False


def load_rules(source: bytes, file: str) -> tuple[UserRule, ...]:
    """The rules in ``source``; raises ConfigurationError that says ``file:line: reason``."""
    try:
        root = yaml.compose(source, Loader=yaml.SafeLoader)
        document: object = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise ConfigurationError(f"{file}:{line}: {error.problem}") from None
    rules: list[UserRule] = []
    for number, line in enumerate(_lines(root, file)):
        rules.append(_rule(_item(document, number), f"{file}:{line}"))
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{file}: two rules are named {name}")
    return tuple(rules)


def _lines(root: yaml.Node | None, file: str) -> list[int]:
    """The lines on which the rules start; the document is one mapping with the key ``rules``."""
    if isinstance(root, yaml.MappingNode) and len(root.value) == 1:
        key, value = root.value[0]
        if key.value == "rules" and isinstance(value, yaml.SequenceNode):
            return [item.start_mark.line + 1 for item in value.value]
    raise ConfigurationError(f"{file}:1: expected one key, rules, with a list of rules")


def _item(document: object, number: int) -> object:
    return msgspec.convert(document, dict[str, list[object]])["rules"][number]


def _rule(item: object, place: str) -> UserRule:
    try:
        written = msgspec.convert(item, RuleSource)
        rule = parse_rule(written.name, written.pattern, written.show, check_digit=written.luhn)
        _try(rule, written)
    except (msgspec.ValidationError, PatternError) as error:
        raise ConfigurationError(f"{place}: {error}") from None
    except BugError as error:
        raise ConfigurationError(f"{place}: too costly for Hyperscan ({error})") from None
    return rule


def _try(rule: UserRule, written: RuleSource) -> None:
    """Run the rule's own cases."""
    if not written.positive or not written.negative:
        raise PatternError("needs positive and negative cases")
    mask = Engine.load(Profile.STRICT, (rule,)).masks()
    for wanted, cases in ((True, written.positive), (False, written.negative)):
        for index, case in enumerate(cases):
            found = any(finding.rule == rule.name for finding in mask(case.encode())[1])
            if found is not wanted:
                kind = "positive" if wanted else "negative"
                raise PatternError(f"{kind} case {index + 1} is {'not ' if wanted else ''}masked")
