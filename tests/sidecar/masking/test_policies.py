"""Masking policies: the shipped ones hold, compiled tables are current, bad rules are refused."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import hyperscan
import pytest
from masking_inputs import cut_everywhere, run

from sidecar.contract.errors import ConfigurationError
from sidecar.masking import Engine, Profile, card_table, context_table, sad_table
from sidecar.masking.authoring import cards_module, context_module
from sidecar.masking.authoring.cases import Tried, failures, try_cases
from sidecar.masking.authoring.user_rules import MOST_RULES, check_all, load_all, load_rules
from sidecar.masking.user import Show
from sidecar.masking.user_patterns import parse_rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

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
def test_the_compiled_tables_are_current(
    file: str, module: ModuleType, render: Callable[[bytes], str]
) -> None:
    source = (POLICIES / file).read_bytes()
    assert Path(str(module.__file__)).read_text() == render(source)
    version = f'VERSION = "{module.VERSION}"'
    assert version in render(source)
    assert version not in render(source + b"# reviewed again\n")


GOOD = {
    "name": "token",
    "pattern": "'tok_[0-9a-f]{8}'",
    "positive": "[tok_0123abcd]",
    "negative": "[tok_]",
}
# Lines in what ``rule`` gives.
RULE, NAME, PATTERN, POSITIVE, NEGATIVE, MORE = 3, 3, 4, 5, 6, 7


def rule(**parts: str | None) -> bytes:
    """A file with one rule on the lines named above; None leaves a key out."""
    lines = {**GOOD, **parts}
    body = "\n    ".join(f"{key}: {value}" for key, value in lines.items() if value is not None)
    return f"# comment\nrules:\n  - {body}\n".encode()


def second(source: bytes, **parts: str | None) -> bytes:
    return source + rule(**parts).split(b"rules:\n")[1]


def refusals(source: bytes) -> list[str]:
    return [str(error) for error in check_all([("team.yaml", source)]).refused]


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        # patterns that cannot be: catastrophic, unbounded, invalid, too wide
        (rule(pattern="'tok_(a+)+'"), PATTERN, "groups"),
        (rule(pattern="'tok_(a|aa)*b'"), PATTERN, "groups"),
        (rule(pattern="'tok_[a-z]*'"), PATTERN, "repeats"),
        (rule(pattern="'tok_[a-z]+'"), PATTERN, "repeats"),
        (rule(pattern="'tok_[a-z]{2,}'"), PATTERN, "repeats"),
        (rule(pattern="'tok_.{8}'"), PATTERN, "dots"),
        (rule(pattern="'tok_a|b'"), PATTERN, "alternatives"),
        (rule(pattern="'^tok_[a-z]{3}$'"), PATTERN, "only characters"),
        (rule(pattern=r"'tok_(?=a)[a-z]{3}'"), PATTERN, "groups"),
        (rule(pattern=r"'tok_\1[a-z]{3}'"), PATTERN, "only characters"),
        (rule(pattern="'tok_[z-a]{3}'"), PATTERN, "bad character range"),
        (rule(pattern="'tok_[a-z'"), PATTERN, "only characters"),
        (rule(pattern="'tok_[0-9]{3,2}'"), PATTERN, "empty"),
        (rule(pattern="'tok_[[:alpha:]]{3}'"), PATTERN, "need a backslash"),
        (rule(pattern="'tok_[a-z--b]{3}'"), PATTERN, "need a backslash"),
        (rule(pattern="'tok_[é]{3}'"), PATTERN, "only ASCII"),
        (rule(pattern="'tök_[a-z]{3}'"), PATTERN, "only ASCII"),
        (rule(pattern="'tok_[0-9]{9999}'"), PATTERN, "limit"),
        (rule(pattern=f"'tok_{'[0-9]{60}' * 5}'"), PATTERN, "limit"),
        (rule(pattern=f"'tok_{'[0-9]' * 100_000}'"), PATTERN, "limit"),
        (rule(pattern="'tok_[0-9]{%s}'" % ("9" * 5000)), PATTERN, "only characters"),
        # patterns that one text fits in many ways, which Python tries one by one
        (rule(pattern="'tok_" + "a?" * 40 + "a{40}'"), PATTERN, "one text in 1099511627776 ways"),
        (rule(pattern="'tok_[a-z]{0,40}[a-f]{0,40}[0-9e]{0,40}x'"), PATTERN, "one text in 1681 ways"),
        (rule(pattern="'tok_[0-9]{1,17}-?[0-9]{1,17}-?[0-9]'"), PATTERN, "one text in 289 ways"),
        # what a stream has not before its first byte
        (rule(pattern='"\\ntok_[0-9]{4}"'), PATTERN, "end of a line"),
        # patterns that match nothing, or nothing worth hiding
        (rule(pattern="''"), PATTERN, "begin with"),
        (rule(pattern="'[a-z]{8}'"), PATTERN, "begin with"),
        (rule(pattern="'to[a-z]{8}'"), PATTERN, "begin with"),
        (rule(pattern="'tok?_[a-z]{8}'"), PATTERN, "begin with"),
        (rule(pattern="'tok_'"), PATTERN, "nothing behind"),
        (rule(pattern="'tok_[a-z]?'"), PATTERN, "nothing behind"),
        (rule(pattern="'tok_[a-z]{0,8}'"), PATTERN, "nothing behind"),
        (rule(pattern="'tok_[0-9a-f]{4,8}'", show="last4"), PATTERN, "last4 shows all"),
        (rule(pattern="'tok_[0-9a-f]{4}'", show="last4"), PATTERN, "last4 shows all"),
        # keys and values
        (rule(colour="red"), MORE, "unknown key colour"),
        (rule(name=None), PATTERN - 1, "missing key name"),
        (rule(pattern=None), RULE, "missing key pattern"),
        (rule(positive=None), RULE, "missing key positive"),
        (rule(negative=None), RULE, "missing key negative"),
        (rule(name="[a]"), NAME, "name: Expected str, got array"),
        (rule(name="17"), NAME, "name: Expected str, got int"),
        (rule(pattern="{a: b}"), PATTERN, "pattern: Expected str, got object"),
        (rule(positive="tok_0123abcd"), POSITIVE, "positive: Expected array, got str"),
        (rule(positive="[17]"), POSITIVE, "Expected str, got int"),
        (rule(negative="[tok_, 17]"), NEGATIVE, r"negative\[1\]: Expected str, got int"),
        (rule(show="everything"), MORE, "show: Invalid enum value 'everything'"),
        (rule(show="4"), MORE, "show: Expected str, got int"),
        (rule(luhn="mod97"), MORE, "luhn: Expected bool, got str"),
        (rule(luhn="1"), MORE, "luhn: Expected bool, got int"),
        (rule(pattern="'tok_[a-f]{9}'\n    pattern: 'tok_[0-9a-f]{8}'"), PATTERN + 1, "is there twice"),
        # names
        (rule(name="''"), NAME, "a name is"),
        (rule(name="Token"), NAME, "a name is"),
        (rule(name='"a\\nb"'), NAME, "a name is"),
        (rule(name="a" * 64), NAME, "a name is"),
        *((rule(name=own), NAME, f"{own} is the name of a built-in rule")
          for own in ("pan", "cvv", "pin", "track1", "track2", "emv-57", "emv-5a", "emv-9f6b", "iso8583")),
        (second(rule()), 7, "rule token is there already: team.yaml:3"),
        # cases
        (rule(positive="[]"), RULE, "needs positive and negative"),
        (rule(negative="[]"), RULE, "needs positive and negative"),
        (rule(positive="[nothing]"), POSITIVE, "positive case 1 is not masked"),
        (rule(positive="[tok_0123abcd, tok_0]"), POSITIVE, "positive case 2 is not masked"),
        (rule(positive="\n      - tok_0123abcd\n      - tok_0"), POSITIVE + 2, "case 2 is not masked"),
        (rule(negative="[tok_0123abcd]"), NEGATIVE, "negative case 1 is masked"),
        (rule(luhn="true"), POSITIVE, "positive case 1 is not masked"),
        # what is no file of rules
        (b"- a", 1, "expected one key, rules"),
        (b"other: []", 1, "expected one key, rules"),
        (b"rules: []\nother: 1", 1, "expected one key, rules"),
        (b"rules: token", 1, "expected one key, rules"),
        (b"rules:\n- token", 2, "Expected object, got str"),
        (b"\nrules: [", 2, "expected the node content"),
        (b"rules:\n  - a: b\n c: d", 3, "expected"),
        (b"rules: !!python/object/apply:os.system [id]", 1, "remove !!python/object/apply:os.system"),
        (b"rules:\n- name: !!bool abc", 2, "remove !!bool"),
        (b"\nrules: !!timestamp abc", 2, "remove !!timestamp"),
        (b"rules: ! []", 1, "remove !"),
        (b"rules:\n- &b {name: a}\n- {<<: *b, name: c}", 3, r"merges \(<<\) are not taken"),
        (rule(negative='["\\ud800"]'), NEGATIVE, "half of a UTF-16 character"),
        (b"rules:\n" + b"- a\n" * 262_144, 1, "larger than 1048576 bytes"),
        (b"", 1, "empty"),
        (b"# nothing\n", 1, "empty"),
        (b"rules: []\n---\nrules: []\n", 2, "but found another document"),
        (b"rules:\n- \x00", 2, "not YAML text"),
        (b"rules:\n- \xff\xfe", 2, "not YAML text"),
        (b"rules: 2026-13-45", 1, "month"),
        (b"\nrules: " + b"[" * 5000 + b"]" * 5000, 2, "nested too deeply"),
        (b"".join(b" " * depth + b"a:\n" for depth in range(40)), 33, "nested too deeply"),
    ],
)  # fmt: skip
def test_bad_rules_are_refused_with_their_place(source: bytes, line: int, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\Ateam\.yaml:{line}: .*{reason}"):
        load_rules(source, "team.yaml")


@pytest.mark.parametrize(
    "source",
    [
        rule(),
        rule(show="last4", luhn="false"),
        rule(pattern=r"'tok_\d{4}[a-f]{4}'", positive="[tok_0123abcd]"),
        rule(pattern=r"'tok_[\[\--]?[0-9a-f]{5,8}'", show="last4"),
        rule(pattern=r"'\.x_[-+]?\w{2,4}'", positive="[.x_-ab]", negative="[.x]"),
        rule(pattern="'tok_[0-9a-f]{1,60}[a-z]{3}'"),
        rule(pattern="'tok_[0-9]{1,60}[a-z]{1,60}[0-9]{0,60}x?'"),
        second(rule(), name="other"),
        b"rules: []",
    ],
)
def test_good_rules_are_taken(source: bytes) -> None:
    assert refusals(source) == []
    load_rules(source, "team.yaml")


def test_the_slowest_rule_that_is_taken_is_quick() -> None:
    rule = parse_rule("slow", f"tok_{'a?' * 8}[a]{{200}}b", Show.NOTHING, check_digit=False)
    mask = Engine.load(Profile.STRICT, (rule,)).masks()
    start = time.process_time()
    assert mask(b"tok_" + b"a" * 252 + b" ")[1] == []
    assert mask(b"tok_" + b"a" * 204 + b"b ")[0] == b"tok_" + b"*" * 205 + b" "
    assert time.process_time() - start < 5


def test_every_bad_rule_is_named() -> None:
    source = second(second(rule(pattern="'tok_.*'"), name="good"), name="bad", negative="[tok_0123abcd]")
    checked = check_all([("team.yaml", source)])
    assert [kept.name for kept in checked.rules] == ["good"]
    assert [error.line for error in checked.refused] == [4, 14]
    with pytest.raises(ConfigurationError, match=r"team\.yaml:4: [^\n]*\nteam\.yaml:14: "):
        load_rules(source, "team.yaml")


def test_names_are_unique_across_files() -> None:
    with pytest.raises(ConfigurationError, match=r"\Ab\.yaml:3: rule token is there already: a\.yaml:3\Z"):
        load_all([("a.yaml", rule()), ("b.yaml", rule())])


def test_many_rules_are_too_costly() -> None:
    source = rule(name="r0", pattern="'tok_[0-9a-f]{8}'")
    for number in range(1, MOST_RULES + 1):
        source = second(source, name=f"r{number}")
    (error,) = refusals(source)
    assert "more than 100 rules are too costly" in error


@pytest.mark.parametrize("kind", [hyperscan.CompilerError, hyperscan.NoMemoryError])
def test_what_hyperscan_will_not_compile_is_refused(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    """None of the patterns that are allowed is known to be so; another release may think otherwise."""

    class Unwilling(hyperscan.Database):
        def compile(self, *_: object, **_named: object) -> None:
            raise kind("Pattern is too large: tok_secret")

    Engine.load(Profile.STRICT)  # the built-in databases are there
    monkeypatch.setattr(hyperscan, "Database", Unwilling)
    (error,) = refusals(rule())
    refused = f"Hyperscan refused the masking patterns ({kind.__name__})"
    assert error == f"team.yaml:4: pattern: too costly: {refused}"


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    with pytest.raises(ConfigurationError, match="expected one key"):
        load_rules("\n".join(lines).encode(), "team.yaml")
    with pytest.raises(ConfigurationError, match="unknown key k"):
        load_rules(("rules:\n- k: v\n  " + "\n  ".join(lines)).encode(), "team.yaml")


def test_a_refusal_never_shows_a_case() -> None:
    source = rule(positive="['tok_ 4111111111111111']", negative="['4111111111111111 tok_0123abcd']")
    assert "4111" not in "".join(refusals(source))


def copied(folder: Path) -> Path:
    shutil.copytree(POLICIES, folder / "masking")
    return folder / "masking"


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("cards.yaml", '"4111111111111111"\n', '"4111111111111112"\n', "positive case 1 is not masked"),
        ("cards.yaml", '"1700000000000"', '"5555555555554444"', "negative case 3 is masked"),
        ("cards.yaml", "\nbrands:", "\nbands:", "unknown key bands"),
        ("cards.yaml", "lengths: [15]", "lengths: [many]", r"brands\[2\]\.lengths\[0\]: Expected int"),
        ("context.yaml", '"blk_-4111111111111111"', '"4111111111111111"', "negative case 1 is masked"),
        ("context.yaml", "AD: 24", "AD: x", "Expected int"),
        ("sad.yaml", 'masked: "cvv=***"', 'masked: "cvv=*"', "positive case 1 is not masked as it says"),
        ("sad.yaml", "length: [3, 4]", "length: [3]", "length: Expected array of length 2"),
        ("sad.yaml", "negative:", "negative: [", "expected|but found|could not"),
        ("rules/tokens.yaml", "{16,99}", "+", "pattern: at"),
    ],
)  # fmt: skip
def test_a_policy_folder_with_an_error_fails(
    tmp_path: Path, file: str, before: str, after: str, complaint: str
) -> None:
    folder = copied(tmp_path)
    text = (folder / file).read_text()
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1))
    bad = try_cases(folder).failures
    assert re.match(rf"{re.escape(file)}:\d+: .*(?:{complaint})", bad[0]), bad


def test_cases_are_counted(tmp_path: Path) -> None:
    assert try_cases(POLICIES).held > 30
    (tmp_path / "mine.yaml").write_bytes(rule())
    assert try_cases(tmp_path / "mine.yaml") == Tried(2, ())
    (tmp_path / "mine.yaml").write_bytes(rule(positive="[x]"))
    assert try_cases(tmp_path / "mine.yaml") == Tried(0, ("mine.yaml:5: positive case 1 is not masked",))


@pytest.mark.parametrize("name", ["mine.yaml", "mine.yml"])
def test_a_folders_rules_are_found_by_either_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / name).write_bytes(rule(positive="[x]"))
    assert try_cases(tmp_path) == Tried(0, (f"rules/{name}:5: positive case 1 is not masked",))


@pytest.mark.parametrize(("path", "complaint"), [(".", "no masking policies here"), ("gone", "No such file")])
def test_what_is_not_there_is_said(tmp_path: Path, path: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        try_cases(tmp_path / path)


def test_rules_mask_whatever_the_cut() -> None:
    rules = load_rules((POLICIES / "rules/tokens.yaml").read_bytes(), "tokens.yaml")
    engine = Engine.load(Profile.MODERN, rules)
    data = b"sk_live_0123456789abcdefABCDEF, AKIAIOSFODNN7EXAMPLE sk_live_x 4111111111111111."
    masked = b"sk_live_**********************, AKIA************MPLE sk_live_x 411111******1111."
    assert cut_everywhere(engine.stream, data)[0] == masked


@pytest.mark.parametrize("behind", [r"\d", r"\d{1,2}", r"\d?[a-c]", r"[a-c]\d{0,3}", "[b]"])
def test_rules_that_hide_a_byte_or_two_mask_whatever_the_cut(behind: str) -> None:
    short = parse_rule("short", f"a.b{behind}".replace(".", r"\."), Show.NOTHING, check_digit=False)
    engine = Engine.load(Profile.STRICT, (short,))
    data = b"a.b1.a.bb a.b12,a.ba.b1 a.bc345 a.b"
    whole = run(engine, [data])
    assert whole[1]
    for first in range(1, len(data)):
        for second in range(first, len(data) + 1):
            assert run(engine, [data[:first], data[first:second], data[second:]]) == whole


@pytest.mark.parametrize("end", [b"", b"\n", b" x", b"\n\n"])
@pytest.mark.parametrize("behind", [r'[^"]{8,20}', r"[\d\s]{8,20}", r"\d{8}\D?", r"\d\W{0,9}\d{7}\W?"])
def test_rules_mask_the_last_bytes(behind: str, end: bytes) -> None:
    """What a rule would take more of is decided by the end of the stream."""
    engine = Engine.load(Profile.STRICT, (parse_rule("t", f"tok_{behind}", Show.NOTHING, check_digit=False),))
    data = b"a tok_12345678" + end
    out, (finding,) = cut_everywhere(engine.stream, data)
    assert out.startswith(b"a tok_********")
    assert finding.offset + finding.length <= len(data)


def test_a_rule_with_a_long_beginning_masks_whatever_the_cut() -> None:
    beginning = f"-----BEGIN {'x' * 230}"
    rule = parse_rule("long", beginning + r"\d{8}", Show.NOTHING, check_digit=False)
    engine = Engine.load(Profile.STRICT, (rule,))
    data = b"text " + beginning.encode() + b"12345678" + b" plain" * 300
    assert b"x******** plain" in cut_everywhere(engine.stream, data)[0]


@pytest.mark.parametrize("profile", Profile)
def test_a_check_digit_is_asked_for_where_the_rule_says_so(profile: Profile) -> None:
    checked = parse_rule("member", r"member-\d{9}", Show.LAST_FOUR, check_digit=True)
    data = b"member-123456782 member-123456783 member-000000000 member-12345678 member-1234567820"
    masked = b"member-*****6782 member-123456783 member-*****0000 member-12345678 member-*****67820"
    out, findings = cut_everywhere(Engine.load(profile, (checked,)).stream, data)
    assert out == masked
    assert [finding.offset for finding in findings] == [0, 34, 67]
    unchecked = parse_rule("member", r"member-\d{9}", Show.LAST_FOUR, check_digit=False)
    assert b"member-*****6783" in run(Engine.load(profile, (unchecked,)), [data])[0]


def test_the_check_digit_is_that_of_all_digits_of_a_match() -> None:
    rule = parse_rule("card", r"no\.7992[- ]?\d{3}[- ]?\d{4}x?", Show.NOTHING, check_digit=True)
    mask = Engine.load(Profile.MODERN, (rule,)).masks()
    assert mask(b"no.7992-739-8713x")[0] == b"no.7992**********"
    assert mask(b"no.7992-739-8714x") == (b"no.7992-739-8714x", [])


def test_the_version_names_the_rules() -> None:
    rules = load_rules(rule(), "team.yaml")
    assert Engine.load(Profile.STRICT, rules).version != Engine.load(Profile.STRICT).version
