"""Why a decision is as it is: every rule of a set, whether it is about the question, and if not, why not."""

from collections.abc import Sequence
from textwrap import shorten
from typing import Final

import msgspec

from sidecar.commands.expressions import ExpressionError
from webhook.policy.compiling import CompiledRule
from webhook.policy.decision import Action, Decision, Question
from webhook.policy.evaluation import PolicySet, ask
from webhook.policy.facts import Facts
from webhook.policy.matching import Check

_MOST_WANTED: Final = 120


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one rule."""

    policy: str
    rule: str
    mode: str
    action: Action
    """What the rule says, or deny where its expression failed."""
    matches: bool
    decides: bool
    why: str
    """Why it is about the question or not, in words."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision and where it comes from."""

    decision: Decision
    rules: tuple[Trace, ...]


def explain(policies: PolicySet, question: Question) -> Explanation:
    """Give the decision on a question with what came of every rule."""
    facts = Facts(question)
    decision = policies.decide(question)
    return Explanation(
        decision=decision, rules=tuple(_trace(rule, facts, decision) for rule in policies.rules)
    )


def _trace(rule: CompiledRule, facts: Facts, decision: Decision) -> Trace:
    match = ask(rule, facts)
    name = (rule.policy, rule.rule.name)
    return Trace(
        policy=rule.policy,
        rule=rule.rule.name,
        mode=rule.mode.value,
        action=match.action if match else rule.rule.action,
        matches=match is not None,
        decides=match is not None and name == (decision.policy, decision.rule),
        why=(match.reason if match.broken else _fitting(rule)) if match else _failing(rule, facts),
    )


def _fitting(rule: CompiledRule) -> str:
    fields = [check.field for check in rule.checks]
    return f"{', '.join(fields)} fit" if fields else "it is about everything"


def _failing(rule: CompiledRule, facts: Facts) -> str:
    for check in rule.checks:
        if not check.fits(facts):
            return f"{check.field} must be {shorten(check.wanted, _MOST_WANTED, placeholder=' …')}"
    for number, exception in enumerate(rule.exceptions, start=1):
        if _holds(exception, facts):
            return f"exception {number} takes it away"
    return "it does not fit"


def _holds(checks: Sequence[Check], facts: Facts) -> bool:
    try:
        return all(check.fits(facts) for check in checks)
    except ExpressionError:
        return False
