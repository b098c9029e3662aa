"""Masking policies: the shipped ones hold, compiled tables are current, bad rules are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from masking_inputs import run

from sidecar.contract.errors import ConfigurationError
from sidecar.masking import Engine, Profile, card_table, context_table, sad_table
from sidecar.masking.authoring import cards_module, context_module
from sidecar.masking.authoring.cases import failures
from sidecar.masking.authoring.user_rules import load_rules

ROOT = Path(__file__).resolve().parents[3]
POLICIES = ROOT / "policies/masking"


def test_the_shipped_cases_hold() -> None:
    assert failures(POLICIES) == []


@pytest.mark.parametrize(
    ("file", "module", "render"),
    [
        ("cards.yaml", card_table, cards_module.render),
        ("context.yaml", context_table, context_module.render_context),
        ("sad.yaml", sad_table, context_module.render_sad),
    ],
)
def test_the_compiled_tables_are_current(file: str, module: object, render: object) -> None:
    assert callable(render)
    compiled = Path(str(getattr(module, "__file__", ""))).read_text()
    assert compiled == render((POLICIES / file).read_bytes())


def rule(**parts: str) -> bytes:
    lines = {
        "name": "token",
        "pattern": "'tok_[0-9a-f]{8}'",
        "positive": "[tok_0123abcd]",
        "negative": "[tok_]",
    }
    lines.update(parts)
    body = "\n    ".join(f"{key}: {value}" for key, value in lines.items())
    return f"# comment\nrules:\n  - {body}\n".encode()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (rule(pattern="'tok_(a+)+'"), "groups"),
        (rule(pattern="'tok_.*'"), "dots"),
        (rule(pattern="'[a-z]{8}'"), "begin with"),
        (rule(pattern="''"), "begin with"),
        (rule(pattern="'tok_'"), "nothing behind"),
        (rule(pattern="'tok_[z-a]{3}'"), "bad character range"),
        (rule(pattern="'tok_[0-9]{3,2}'"), "empty"),
        (rule(pattern="'tok_[0-9]{9999}'"), "limit"),
        (rule(colour="red"), "unknown field"),
        (rule(show="everything"), "Invalid enum"),
        (rule(positive="[nothing]"), "positive case 1 is not masked"),
        (rule(negative="[tok_0123abcd]"), "negative case 1 is masked"),
        (rule(negative="[]"), "needs positive and negative"),
    ],
)
def test_bad_rules_are_refused_with_their_place(source: bytes, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^team\.yaml:3: .*{reason}"):
        load_rules(source, "team.yaml")


@pytest.mark.parametrize("source", [b"- a", b"rules: [", b"other: []", b""])
def test_bad_files_are_refused(source: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^team\.yaml:\d+: "):
        load_rules(source, "team.yaml")


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two rules"):
        load_rules(rule() + rule().split(b"rules:\n")[1], "team.yaml")


def test_rules_mask_whatever_the_cut() -> None:
    rules = load_rules((POLICIES / "rules/tokens.yaml").read_bytes(), "tokens.yaml")
    engine = Engine.load(Profile.MODERN, rules)
    data = b"sk_live_0123456789abcdefABCDEF, AKIAIOSFODNN7EXAMPLE sk_live_x 4111111111111111."
    whole = run(engine, [data])
    assert whole[0] == b"sk_live_**********************, AKIA************MPLE sk_live_x 411111******1111."
    for cut in range(1, len(data)):
        assert run(engine, [data[:cut], data[cut:]]) == whole
    assert run(engine, [bytes([byte]) for byte in data]) == whole


def test_the_version_names_the_rules() -> None:
    rules = load_rules(rule(), "team.yaml")
    assert Engine.load(Profile.STRICT, rules).version != Engine.load(Profile.STRICT).version
