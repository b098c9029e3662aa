"""The examples of docs/policies.md hold."""

import re
from pathlib import Path

import msgspec
import yaml
from policy_samples import Object, policy, rule

from webhook.policy.cases import check_cases
from webhook.policy.compiling import Workshop, compile_policy
from webhook.policy.facts import VARIABLES
from webhook.policy.loading import read_file, read_object
from webhook.policy.privileges import Privilege

DOCUMENT = (Path(__file__).parents[3] / "docs/policies.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_policy_compiles_and_keeps_its_cases() -> None:
    [(found, place)] = read_file(EXAMPLES[0].encode(), "policies.md")
    check_cases(found, compile_policy(found, place, Workshop()), place)


def test_the_terms_are_terms() -> None:
    terms: Object = yaml.safe_load(EXAMPLES[1])
    compile_policy(*read_object(msgspec.json.encode(policy(rule("audit", **terms)))), Workshop())


def test_the_rule_about_programs_compiles_and_travels() -> None:
    found = policy(*yaml.safe_load(EXAMPLES[2]))
    [compiled] = compile_policy(*read_object(msgspec.json.encode(found)), Workshop())
    [commands] = compiled.terms.commands
    assert commands.reason == "data stays in the cluster"
    assert [pattern.words[0] for pattern in commands.deny] == ["pg_dump", "psql"]


def test_everything_a_rule_can_ask_is_named() -> None:
    for word in (*VARIABLES, *(privilege.value for privilege in Privilege)):
        assert f"`{word}`" in DOCUMENT
