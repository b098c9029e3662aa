"""Refusals as people read them: commands can be copied as they stand."""

import pytest

from webhook.admission.denials import deny

REMEDIES = [
    ("do it another way", "Do it another way."),
    ("give it: kubectl create rolebinding a --user=b", "Give it: kubectl create rolebinding a --user=b"),
    (
        "review it: chaperone approvals review a --reason WHY",
        "Review it: chaperone approvals review a --reason WHY",
    ),
    ("run: kubectl get a; then do it again", "Run: kubectl get a; then do it again."),
    (
        "run: kubectl delete pod a (its Job makes another)",
        "Run: kubectl delete pod a (its Job makes another).",
    ),
    ("try it with chaperone policy lint FILE", "Try it with chaperone policy lint FILE."),
]


@pytest.mark.parametrize(("remedy", "told"), REMEDIES)
def test_a_command_at_the_end_stays_as_it_is_to_be_run(remedy: str, told: str) -> None:
    denial = deny("change of a", why="it may not be", remedy=remedy, rule="R").denial
    assert denial
    assert denial.message == f"change of a: it may not be. {told}"
    assert denial.causes[-1].message == remedy
