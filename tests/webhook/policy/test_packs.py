"""The packs say what their cases say, and nothing else is in the folder."""

from pathlib import Path

import pytest

from webhook.policy.cases import check_cases, failures
from webhook.policy.compiling import Workshop, compile_policy
from webhook.policy.loading import read_file

PACKS = sorted((Path(__file__).parents[3] / "policies").glob("*.yaml"))


def test_the_packs_are_there() -> None:
    assert [pack.stem for pack in PACKS] == ["break-glass", "pci-dss", "read-only-agents"]


@pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.stem)
def test_a_pack_is_named_as_its_file_and_keeps_its_word(pack: Path) -> None:
    [(policy, place)] = read_file(pack.read_bytes(), pack.name)
    assert policy.metadata.name == pack.stem
    rules = compile_policy(policy, place, Workshop())
    check_cases(policy, rules, place)
    assert {case.rule for case in policy.spec.cases if case.rule} == {rule.rule.name for rule in rules}


def test_the_places_of_credentials_are_the_same_in_both_packs() -> None:
    def places(pack: str) -> object:
        [found] = [path for path in PACKS if path.stem == pack]
        [(policy, _)] = read_file(found.read_bytes(), found.name)
        [rule] = [rule for rule in policy.spec.rules if rule.name == "reading-of-credentials"]
        return rule.match.argv

    assert places("pci-dss") == places("read-only-agents")


def test_a_case_that_fails_says_where_and_what() -> None:
    text = (
        "apiVersion: chaperone.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {name: p}\nspec:\n"
        "  rules: [{name: a, action: deny, match: {users: [bob]}}]\n  cases:\n"
        "  - {name: wrong, ask: {door: exec}, action: deny}\n"
        "  - {name: wrong, ask: {door: exec, user: bob}, action: deny, rule: b}\n"
        "  - {name: wrong, ask: {door: exec, at: noon}, action: deny}\n"
        "  - {name: right, ask: {door: exec, user: bob}, action: deny}\n"
    )
    [(policy, place)] = read_file(text.encode(), "p.yaml")
    first, second, third = failures(policy, compile_policy(policy, place, Workshop()), place)
    assert first == "p.yaml:7: spec.cases[0]: case 'wrong': expected deny, got no rule"
    assert second.endswith("expected deny by b, got deny by a")
    assert "'noon' is no time" in third
