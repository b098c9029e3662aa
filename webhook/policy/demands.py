"""Of several that want an approval: which asks for most, and what of the others counts as well."""

from collections.abc import Sequence

from msgspec.structs import replace

from webhook.policy.decision import Action, Approval, Decision, StandingTerms, strictness

Demand = tuple[int, bool, bool, bool, bool, bool]


def demand(approval: Approval) -> Demand:
    """Give how much an approval asks for; more is stricter. People first, then who they must be."""
    people = max(approval.count, len(approval.groups) if approval.each_group else 0)
    return (
        people,
        approval.each_group,
        _names(approval),
        approval.exclude_service_accounts,
        approval.reason_required,
        approval.standing is None,
    )


def strictest(decisions: Sequence[Decision]) -> Decision:
    """Give the strictest of the decisions on all questions that one request asks.

    Where it is to ask for an approval, the one that asks for most counts, with what the others tighten. The
    glass can be broken only where each of them lets it.
    """
    found = max(decisions, key=strictness)
    asking = [one for one in decisions if one.action is Action.APPROVE and one.approval is not None]
    if found.action is not Action.APPROVE or len(asking) < 2:
        return found
    approvals = [one.approval for one in asking if one.approval is not None]
    most = max(range(len(asking)), key=lambda number: demand(approvals[number]))
    approval = joined(approvals[most], [*approvals[:most], *approvals[most + 1 :]])
    glass = asking[most].glass if all(one.glass for one in asking) else None
    return replace(asking[most], approval=approval, glass=glass, would=found.would)


def joined(strictest: Approval, others: Sequence[Approval]) -> Approval:
    """Give the strictest with what the others tighten: count, reasons, service accounts, standing approvals.

    Who may approve stays as the strictest says, or, where that names nobody, as the strictest that does.
    """
    everything = (strictest, *others)
    return replace(
        strictest if _names(strictest) else _named(strictest, others),
        count=max(one.count for one in everything),
        exclude_service_accounts=any(one.exclude_service_accounts for one in everything),
        reason_required=any(one.reason_required for one in everything),
        standing=_standing([one.standing for one in everything]),
    )


def _names(approval: Approval) -> bool:
    return bool(approval.users or approval.groups)


def _named(strictest: Approval, others: Sequence[Approval]) -> Approval:
    """Give an approval that names nobody with those whom the strictest of others names, if one does."""
    naming = [one for one in others if _names(one)]
    if not naming:
        return strictest
    one = max(naming, key=demand)
    return replace(
        strictest, users=one.users, groups=one.groups, each_group=one.each_group, delegates=one.delegates
    )


def _standing(terms: Sequence[StandingTerms | None]) -> StandingTerms | None:
    given = [one for one in terms if one is not None]
    if len(given) < len(terms):
        return None
    return StandingTerms(
        max_seconds=min(one.max_seconds for one in given), objects=all(one.objects for one in given)
    )
