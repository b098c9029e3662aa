"""The evaluator: all policies of an installation, asked about one request.

1. Every rule that is about the request counts; a rule whose expression cannot be evaluated counts as deny.
2. The most restrictive action wins: deny, approve, audit, allow. Of equals, the first by the policy's name
   and then by the order in its document gives name and reason.
3. Where an approval is needed, a rule with ``breakGlass`` that is about the request says that the requester
   may go on without it, by default once they have given a reason.
4. A session's terms are those of all rules that count; the strictest of each.
5. When no rule is about the request, the built-in policy decides: everything happens and is recorded.
6. An attach or a debug container that would not be recorded is denied by the built-in policy, unless a rule
   that counts says that it may go unrecorded, and none that it may not.
7. A policy in audit mode decides nothing and changes no terms; what it would have done is noted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from sidecar.commands.expressions import ExpressionError
from webhook.policy.builtin import not_recorded
from webhook.policy.compiling import CompiledRule
from webhook.policy.decision import Action, Approval, Decision, Glass, Judgement, Question
from webhook.policy.demands import Demand, demand, joined
from webhook.policy.document import Mode, Tracing
from webhook.policy.facts import Facts
from webhook.policy.index import Index
from webhook.policy.terms import (
    commands_of,
    goes_untraced,
    limits_of,
    main_processes_of,
    masking_of,
    may_go_unrecorded,
    profile_of,
    program_approvals_of,
    traced_by,
)


def without_rest() -> None:
    """Work on: nobody else needs the interpreter."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that is about a question, and what it says to it."""

    rule: CompiledRule
    action: Action
    reason: str
    broken: bool = False
    """Whether its expression could not be evaluated."""


class PolicySet:
    """Policies that hold together from one moment to another; never changed. Asked on one thread."""

    def __init__(
        self,
        rules: Iterable[CompiledRule],
        *,
        otherwise: Decision,
        audit: bool = False,
        pace: Callable[[], None] = without_rest,
    ) -> None:
        """Take compiled rules. ``audit`` puts all into audit mode; ``pace`` is called now and again."""
        self.rules = tuple(sorted(rules, key=lambda rule: rule.policy))
        self._otherwise = otherwise
        self._audit = audit
        self._index = Index(self.rules, pace)

    def decide(self, question: Question) -> Decision:
        """Give the decision on one question."""
        return self._conclude(self.matches(Facts(question)), question)

    def matches(self, facts: Facts) -> tuple[Match, ...]:
        """Give the rules that are about a question, in their order."""
        found = (ask(rule, facts) for rule in self._index.candidates(facts))
        return tuple(match for match in found if match is not None)

    def _conclude(self, matches: Sequence[Match], question: Question) -> Decision:
        """Give what follows when these rules are about a question."""
        enforced = [match for match in matches if self._enforces(match.rule)]
        decision = self._decision(enforced)
        if not self._audit:
            decision = not_recorded(question, decision) or decision
        if len(enforced) == len(matches) and not self._audit:
            return decision
        would = self._decision(matches)
        would = not_recorded(question, would) or would
        return decision if would.action.rank <= decision.action.rank else _with_would(decision, would)

    def _enforces(self, rule: CompiledRule) -> bool:
        return rule.mode is Mode.ENFORCE and not self._audit

    def _decision(self, enforced: Sequence[Match]) -> Decision:
        winner = decider(enforced)
        if winner is None:
            return self._otherwise
        terms = [match.rule.terms for match in enforced]
        return Decision(
            action=winner.action,
            policy=winner.rule.policy,
            rule=winner.rule.rule.name,
            reason=winner.reason,
            profile=profile_of(terms, self._otherwise.profile),
            limits=limits_of(terms, self._otherwise.limits),
            masking_rules=masking_of(terms),
            commands=commands_of(terms),
            program_approvals=program_approvals_of(terms),
            traced=traced_by(terms),
            untraced=_untraced_by(enforced) if goes_untraced(terms) else "",
            main_processes=main_processes_of(terms),
            unrecorded=may_go_unrecorded(terms),
            approval=_approval(winner, enforced),
            glass=_glass(enforced) if winner.action is Action.APPROVE else None,
        )


def ask(rule: CompiledRule, facts: Facts) -> Match | None:
    """Give what a rule says to a question, None when it is not about it."""
    try:
        if not rule.matches(facts):
            return None
    except ExpressionError as error:
        return Match(rule, Action.DENY, f"the rule's expression failed: {error}", broken=True)
    return Match(rule, rule.rule.action, rule.rule.reason)


def decider(matches: Sequence[Match]) -> Match | None:
    """Give the rule that decides among those that count, None when there are none."""
    return _strictest(matches) if matches else None


def _untraced_by(matches: Sequence[Match]) -> str:
    """Give the first rule that wants no tracing, ``policy/rule``."""
    rules = (match.rule for match in matches if match.rule.terms.tracing is Tracing.NONE)
    return next((f"{one.policy}/{one.rule.name}" for one in rules), "")


def _glass(matches: Sequence[Match]) -> Glass | None:
    """Give how the requester may go on without an approval; of several rules the one that asks for more."""
    found = [match.rule for match in matches if match.rule.rule.break_glass]
    if not found:
        return None
    first = max(found, key=lambda one: one.rule.reason_required)
    return Glass(policy=first.policy, rule=first.rule.name, reason_required=first.rule.reason_required)


def _approval(winner: Match, matches: Sequence[Match]) -> Approval | None:
    """Give how the deciding rule wants it approved, and what others that want it approved tighten."""
    if winner.action is not Action.APPROVE:
        return winner.rule.rule.approval
    others = [match for match in matches if match.action is Action.APPROVE and match is not winner]
    return joined(_asked_of(winner), [_asked_of(match) for match in others])


def _strictest(matches: Sequence[Match]) -> Match:
    """Give the most restrictive, of approvals the one that asks for most; of equals the first."""
    return max(matches, key=lambda match: (match.action.rank, _demand(match)))


def _demand(match: Match) -> Demand | tuple[()]:
    return demand(_asked_of(match)) if match.action is Action.APPROVE else ()


def _asked_of(match: Match) -> Approval:
    return match.rule.rule.approval or Approval()


def _with_would(decision: Decision, would: Decision) -> Decision:
    judged = Judgement(action=would.action, policy=would.policy, rule=would.rule, reason=would.reason)
    return msgspec.structs.replace(decision, would=judged)
