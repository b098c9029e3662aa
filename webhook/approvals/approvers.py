"""Who counts as an approver, and who must still agree. Pure; ``now`` is always passed in."""

import datetime as dt
from collections.abc import Iterable, Sequence

from webhook.accounts import SERVICE_ACCOUNT
from webhook.approvals.objects import Decided, Person, Verdict
from webhook.policy.decision import Approval


def is_same(one: Person, other: Person) -> bool:
    """Tell whether two are one and the same."""
    return one.username == other.username or bool(one.uid and one.uid == other.uid)


def is_service_account(person: Person) -> bool:
    """Tell whether it is a service account: the API server gives that name to nobody else."""
    return person.username.startswith(SERVICE_ACCOUNT)


def stands_for(approval: Approval, person: Person, now: dt.datetime) -> tuple[str, ...]:
    """Give the groups of an approval that somebody is a member of, or stands in for now."""
    own = set(person.groups)
    lent = [
        delegate.for_
        for delegate in approval.delegates
        if delegate.group in own
        and now < delegate.until
        and (delegate.from_ is None or delegate.from_ <= now)
    ]
    everywhere = "" in lent
    return tuple(group for group in approval.groups if group in own or everywhere or group in lent)


def may_decide(approval: Approval, person: Person, now: dt.datetime) -> bool:
    """Tell whether a policy lets somebody decide; the cluster's rights are not asked here."""
    anybody = not approval.users and not approval.groups
    return anybody or person.username in approval.users or bool(stands_for(approval, person, now))


def is_excluded(approval: Approval, approver: Person, requester: Person) -> bool:
    """Tell whether a service account would decide for another, where that is excluded."""
    excluded = approval.exclude_service_accounts
    return excluded and is_service_account(approver) and is_service_account(requester)


def agreed(decisions: Iterable[Decided]) -> tuple[Decided, ...]:
    """Give the verdicts of different people who agree."""
    found = {decided.by.username: decided for decided in decisions if decided.verdict is Verdict.APPROVE}
    return tuple(found.values())


def missing(approval: Approval, decisions: Sequence[Decided]) -> int:
    """Give how many people must still agree."""
    people = agreed(decisions)
    return max(0, approval.count - len(people), len(missing_groups(approval, decisions)))


def missing_groups(approval: Approval, decisions: Sequence[Decided]) -> tuple[str, ...]:
    """Give the groups that nobody speaks for yet, where each must agree; one person speaks for one group.

    People are given to groups so that as few as can be stay open: augmenting paths in a bipartite graph.
    """
    if not approval.each_group:
        return ()
    choices = [decided.stands_for for decided in agreed(decisions)]
    speaker: dict[str, int] = {}
    for person in range(len(choices)):
        _place(person, choices, speaker, set())
    return tuple(group for group in approval.groups if group not in speaker)


def _place(person: int, choices: Sequence[tuple[str, ...]], speaker: dict[str, int], tried: set[str]) -> bool:
    """Have a person speak for a group, others making room for that; False when there is none."""
    for group in choices[person]:
        if group in tried:
            continue
        tried.add(group)
        if group not in speaker or _place(speaker[group], choices, speaker, tried):
            speaker[group] = person
            return True
    return False


def who(approval: Approval) -> str:
    """Give who may decide, in words; nothing where RBAC alone says so."""
    users = [f"user {name}" for name in approval.users]
    return ", ".join([*users, *(f"members of {name}" for name in approval.groups)])
