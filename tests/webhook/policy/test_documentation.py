"""The examples of docs/policies.md hold."""

import re
from pathlib import Path

import msgspec
import yaml
from policy_samples import Object, policies, policy, question, rule

from sidecar.commands.judging import Denial, Judge, Wait
from sidecar.contract.grants import PatternKind
from webhook.policy.cases import check_cases
from webhook.policy.compiling import Workshop, compile_policy
from webhook.policy.decision import Action
from webhook.policy.facts import VARIABLES
from webhook.policy.loading import read_file, read_object
from webhook.policy.packs import read_packs
from webhook.policy.privileges import Privilege
from webhook.policy.secret_managers import SecretManager
from webhook.settings import PACKS

DOCUMENT = (Path(__file__).parents[3] / "docs/policies.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_policy_compiles_and_keeps_its_cases() -> None:
    [(found, place)] = read_file(EXAMPLES[0].encode(), "policies.md")
    check_cases(found, compile_policy(found, place, Workshop()), place)


def test_the_terms_are_terms() -> None:
    terms: Object = yaml.safe_load(EXAMPLES[1])
    compile_policy(*read_object(msgspec.json.encode(policy(rule("audit", **terms)))), Workshop())


def test_the_rule_about_programs_compiles_and_travels() -> None:
    found = policy(*yaml.safe_load(EXAMPLES[5]))
    [compiled] = compile_policy(*read_object(msgspec.json.encode(found)), Workshop())
    [commands] = compiled.terms.commands
    assert commands.reason == "data stays in the cluster"
    assert [pattern.words[0] for pattern in commands.deny][:2] == ["pg_dump", "psql"]
    assert commands.deny[2].kind is PatternKind.CEL
    assert [pattern.words[0] for pattern in commands.approve] == ["rm"]


def test_the_rule_about_logs_compiles_and_keeps_its_case() -> None:
    written: Object = yaml.safe_load(EXAMPLES[7])
    found, place = read_object(msgspec.json.encode(policy(*written["rules"], cases=written["cases"])))
    check_cases(found, compile_policy(found, place, Workshop()), place)


def test_the_rule_about_lines_compiles_and_travels() -> None:
    found = policy(*yaml.safe_load(EXAMPLES[6]))
    [compiled] = compile_policy(*read_object(msgspec.json.encode(found)), Workshop())
    judge = Judge(compiled.terms.commands)
    assert judge.reads_lines
    for line in ("true && cd /etc", "exec 3<>/dev/tcp/10.0.0.1/80", "rm x"):
        assert isinstance(judge.judge_line(line), Denial)
    assert isinstance(judge.judge_line("export A=b"), Wait)
    assert judge.judge_line("ls -l") is None


def test_the_rule_about_debugging_lets_it_be_done_untraced() -> None:
    decided = policies(policy(*yaml.safe_load(EXAMPLES[2]), name="p")).decide(
        question(argv=("gdb", "-p", "7"), groups=("on-call",))
    )
    assert (decided.action, decided.untraced) == (Action.APPROVE, "p/debugging")


def test_rules_about_what_is_not_recorded_and_about_root_compile() -> None:
    for example in EXAMPLES[3:5]:
        [written] = yaml.safe_load(example)
        compile_policy(*read_object(msgspec.json.encode(policy(written))), Workshop())


def test_the_managers_of_secrets_are_some() -> None:
    written: Object = yaml.safe_load(EXAMPLES[8])["policies"]
    managers = msgspec.convert(written["secretManagers"], list[SecretManager])
    for found, place in read_packs(PACKS, ["pci-dss"], managers):
        compile_policy(found, place, Workshop())


def test_everything_a_rule_can_ask_is_named() -> None:
    for word in (*VARIABLES, *(privilege.value for privilege in Privilege)):
        assert f"`{word}`" in DOCUMENT
