"""Who counts, who stands in for whom, and who must still agree."""

from itertools import combinations, permutations

import pytest
from approvals import NOW, after
from hypothesis import given
from hypothesis import strategies as st

from webhook.approvals.approvers import may_decide, missing, missing_groups, stands_for, who
from webhook.approvals.objects import Decided, Person, Verdict
from webhook.policy.decision import Approval, Delegate

DAVE = Person(username="dave", groups=("on-call", "staff"))
AWAY = Delegate(group="on-call", for_="dba", from_=after(10), until=after(20))


def approval(*delegates: Delegate) -> Approval:
    return Approval(groups=("dba", "security"), delegates=delegates)


@pytest.mark.parametrize(("seconds", "may"), [(9, False), (10, True), (19, True), (20, False)])
def test_a_group_stands_in_for_another_for_a_while(seconds: int, may: bool) -> None:
    assert may_decide(approval(AWAY), DAVE, after(seconds)) is may


def test_a_group_stands_in_for_the_one_that_is_named_or_for_all() -> None:
    everywhere = Delegate(group="staff", until=after(20))
    assert stands_for(approval(AWAY), DAVE, after(15)) == ("dba",)
    assert stands_for(approval(everywhere), DAVE, NOW) == ("dba", "security")
    other = Person(username="eve", groups=("guests",))
    assert stands_for(approval(AWAY, everywhere), other, after(15)) == ()


def test_who_may_decide_is_told() -> None:
    told = who(Approval(users=("carol",), groups=("dba",)))
    assert told == "user carol, members of dba"


def agreed(*groups: tuple[str, ...]) -> list[Decided]:
    return [
        Decided(verdict=Verdict.APPROVE, by=Person(username=f"p{number}"), at=NOW, stands_for=stood)
        for number, stood in enumerate(groups)
    ]


def test_one_person_speaks_for_one_group() -> None:
    both = Approval(groups=("dba", "security"), each_group=True)
    everywhere = ("dba", "security")
    assert missing(both, agreed()) == 2
    assert missing(both, agreed(everywhere)) == 1
    assert missing(both, agreed(everywhere, ("dba",))) == 0
    assert missing(both, agreed(("dba",), ("dba",))) == 1
    assert missing_groups(both, agreed(("dba",), ("dba",))) == ("security",)
    three = Approval(groups=("dba", "security"), each_group=True, count=3)
    assert missing(three, agreed(everywhere, ("dba",))) == 1


GROUPS = ("a", "b", "c")
STOOD = st.lists(st.sets(st.sampled_from(GROUPS)).map(lambda s: tuple(sorted(s))), max_size=4)


@given(STOOD)
def test_as_few_groups_as_can_be_stay_open(stood: list[tuple[str, ...]]) -> None:
    """Compared with trying all ways to give people to groups."""
    each = Approval(groups=GROUPS, each_group=True)
    best = max(
        size
        for size in range(len(GROUPS) + 1)
        for chosen in combinations(GROUPS, size)
        for people in permutations(stood, size)
        if all(group in person for group, person in zip(chosen, people, strict=True))
    )
    assert len(missing_groups(each, agreed(*stood))) == len(GROUPS) - best
