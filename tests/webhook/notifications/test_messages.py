"""What people are told, as they would read it."""

import html
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from told import AGENT, TICKET, decided, event

from webhook.journal.events import Kind, Outcome, Where
from webhook.notifications.messages import Severity, message
from webhook.notifications.rendering import Format, render

_HOSTILE = st.lists(
    st.sampled_from(
        [
            "@everyone",
            "<!channel>",
            "[a](http://b)",
            "`",
            "**",
            "<b>",
            "</code>",
            "\n- **Approve:** x",
            "&lt;",
            "|",
            "a ",
        ]
    )
    | st.characters(),
    max_size=12,
).map("".join)


def text(told: Any, format: Format = Format.TEXT, **how: Any) -> str:  # noqa: A002
    return render(message(told), format, most=how.pop("most", 8000), **how)


def test_who_is_asked_can_decide_from_the_message_alone() -> None:
    assert message(event()).title == "Approval needed: exec into pod payments/shop, container app"
    assert text(event()) == (
        f"Who: {AGENT}\n"
        "Command: psql -c \"update cards set note = ''\"\n"
        "Rule: shells of policy pci-dss\n"
        "Decide before: 2026-03-02 13:00 UTC\n"
        f"Show: chaperone approvals show {TICKET} -n payments\n"
        f"Approve: chaperone approvals approve {TICKET} -n payments\n"
        f"Deny: chaperone approvals deny {TICKET} -n payments\n"
        f"Or with kubectl: kubectl patch approvalrequests {TICKET} -n payments --type=merge"
        ' -p \'{"decision":{"verdict":"approve"}}\''
    )


def test_what_a_policy_asks_of_approvers_is_in_the_commands() -> None:
    shown = text(event(details={"reason-required": "true", "people": "2"}))
    assert "People needed: 2\n" in shown
    assert f'Approve: chaperone approvals approve {TICKET} -n payments --reason "WHY"\n' in shown
    assert ',"reason":"WHY"}}' in shown


@pytest.mark.parametrize(
    ("verdict", "title", "severity"),
    [
        ("approve", "Approved: exec into pod", Severity.SUCCESS),
        ("deny", "Denied: exec into pod", Severity.INFO),
        ("review", "Reviewed: exec into pod", Severity.INFO),
        ("standing", "Standing approval given: exec into pod", Severity.WARNING),
        ("some*thing", "Decided (some∗thing): exec into pod", Severity.INFO),
    ],
)
def test_a_verdict_says_whose_and_why(verdict: str, title: str, severity: Severity) -> None:
    told = message(decided(verdict))
    assert told.title.startswith(title)
    assert told.severity is severity
    assert "Decided by: bob\nReason: agreed with the owner\n" in text(decided(verdict))
    assert "Approve:" not in text(decided(verdict))


def test_half_an_approval_says_so() -> None:
    assert "Still missing: 1 more to agree" in text(decided("approve", missing="1"))


def test_breaking_the_glass_is_loud() -> None:
    told = event(Kind.BREAK_GLASS, reason="database down", session="01kx", details={})
    assert message(told).loud
    assert message(told).severity is Severity.FAILURE
    assert message(told).title.startswith("BREAK GLASS: exec into pod")
    assert "Why: database down\nSession: 01kx\n" in text(told)
    assert text(told).endswith(f'Review: chaperone approvals review {TICKET} -n payments --reason "WHY"')


def test_a_failed_control_says_what_and_where() -> None:
    told = event(
        Kind.CONTROL_FAILED, asked="", reason="3 audit events were lost", approval="", details={"lost": "3"}
    )
    assert message(told).title == "A control of Chaperone failed: 3 audit events were lost"
    assert text(told) == "Why: 3 audit events were lost\nWhere: chaperone-admission-1\nlost: 3"


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_told(kind: Kind) -> None:
    told = event(kind, outcome=Outcome.FAILURE)
    for format in Format:  # noqa: A001
        assert text(told, format)


@pytest.mark.parametrize(
    "changes",
    [
        {"approval": "x; rm -rf /"},
        {"approval": "$(reboot)"},
        {"approval": "-oyaml"},
        {"approval": "X" * 10},
        {"where": Where(namespace="a b")},
        {"where": Where()},
    ],
)
def test_nothing_but_names_gets_into_a_command(changes: dict[str, Any]) -> None:
    assert message(event(**changes)).commands == ()


def test_a_short_service_gets_what_matters() -> None:
    whole = text(event(), Format.MARKDOWN)
    shorter = text(event(), Format.MARKDOWN, most=len(whole) - 1)
    assert "kubectl" in whole
    assert "kubectl" not in shorter
    assert shorter.splitlines() == whole.splitlines()[:-1]
    sms = text(event(), most=160, with_title=True)
    assert sms.startswith(
        "Approval needed: exec into pod payments/shop, container app\nShow: chaperone approvals show"
    )
    assert len(text(event(asked="x" * 500), most=100, with_title=True)) == 100


@settings(max_examples=60)
@given(_HOSTILE, st.integers(40, 3000))
def test_nobody_writes_a_line_of_a_message_but_us(words: str, most: int) -> None:
    told = event(
        asked=words, argv=("sh", words), reason=words, requester=words, actor=words, policy=words, rule=words
    )
    quiet = event(asked="x", argv=("sh", "x"), reason="x", requester="x", actor="x", policy="x", rule="x")
    for format in Format:  # noqa: A001
        body = text(told, format, most=most, with_title=True)
        assert len(body) <= most
        if most > 2900:
            labels = [re.sub(r"[^a-zA-Z ]", "", line.partition(":")[0]) for line in body.splitlines()]
            assert set(labels[1:]) - {"", "What"} <= {
                re.sub(r"[^a-zA-Z ]", "", line.partition(":")[0])
                for line in text(quiet, format, with_title=True).splitlines()
            }


@settings(max_examples=60)
@given(_HOSTILE)
def test_markdown_shows_the_words_as_they_are(words: str) -> None:
    body = text(event(asked="x", argv=(), reason=words, policy="", rule="", approval=""), Format.MARKDOWN)
    shown = MarkdownIt().render(body)
    allowed = {"ul", "li", "strong", "code"}
    assert set(re.findall(r"</?([a-z]+)[ />]", shown)) <= allowed
    assert "href" not in re.sub("<code>.*?</code>", "", shown, flags=re.DOTALL)
    without_code = MarkdownIt().render(body.replace("`", ""))
    assert without_code.count("<strong>") == len(body.splitlines())
    assert set(re.findall(r"</?([a-z]+)[ />]", without_code)) <= allowed


@settings(max_examples=60)
@given(_HOSTILE)
def test_html_shows_the_words_as_they_are(words: str) -> None:
    body = text(event(asked="x", argv=(), reason=words, policy="", rule="", approval=""), Format.HTML)
    assert set(re.findall(r"<(/?[a-z]+)", body)) <= {"b", "/b", "code", "/code", "br"}
    assert html.unescape(body)


def test_findings_in_a_session_lead_to_it_and_to_its_end() -> None:
    told = event(
        Kind.SESSION_FINDING,
        session="01kx3v7m2q8z4c9w5t6y1r0b2n",
        asked="session in pod payments/shop, container app",
        details={"findings": "10", "by rule": "pan/visa 9, cvv/ 1"},
    )
    said = message(told)
    assert said.title == "Card data found: session in pod payments/shop, container app"
    assert {fact.label: fact.text for fact in said.facts}["Which"] == "pan/visa 9, cvv/ 1"
    assert [command.line for command in said.commands] == [
        "chaperone sessions show 01kx3v7m2q8z4c9w5t6y1r0b2n -n payments",
        "chaperone sessions kill 01kx3v7m2q8z4c9w5t6y1r0b2n -n payments --reason WHY",
    ]


def test_a_session_of_an_impossible_name_is_in_no_command() -> None:
    for kind in (Kind.SESSION_FINDING, Kind.SESSION_LOST, Kind.SESSION_KILLED):
        assert message(event(kind, session="x; rm -rf /")).commands == ()
