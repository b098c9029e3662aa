"""Explanations and differences as tables and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from rich.text import Text

from webhook.cli.columns import Column, lay_out
from webhook.cli.output import console, print_json, width_of
from webhook.policy.decision import Action, Decision, Question
from webhook.policy.demands import strictest
from webhook.policy.explaining import Explanation, Trace
from webhook.replay.safety import printable

Explained = Sequence[tuple[Question, Explanation]]
_STYLES: Final = {Action.ALLOW: "green", Action.AUDIT: "green", Action.APPROVE: "yellow", Action.DENY: "red"}


def print_explanation(explanation: Explanation, *, everything: bool) -> None:
    """Print the decision, its terms, and the rules behind it; with ``everything`` the others too."""
    decision, screen = explanation.decision, console()
    screen.print(_headline(decision))
    for line in _details(decision):
        screen.print(f"  {line}", markup=False)
    shown = [trace for trace in explanation.rules if trace.matches or everything]
    if shown:
        columns = [
            Column("POLICY"),
            Column("RULE"),
            Column("ACTION"),
            Column("MATCHES"),
            Column("WHY", weight=1),
        ]
        screen.print()
        for line in lay_out(columns, [_row(trace) for trace in shown], width_of(screen)):
            screen.print(line)
    hidden = len(explanation.rules) - len(shown)
    if hidden:
        screen.print(f"\n{hidden} other rules are not about this; -v shows why.")


def print_explanations(explained: Explained, *, everything: bool) -> None:
    """Print what is said to each question of one request, and which of the answers counts."""
    screen = console()
    for number, (question, explanation) in enumerate(explained):
        if len(explained) > 1:
            inside = f", container {printable(question.container)}" if question.container else ""
            screen.print(f"{chr(10) if number else ''}At door {question.door.value}{inside}:", markup=False)
        print_explanation(explanation, everything=everything)
    if len(explained) > 1:
        _, counts = _strictest(explained)
        screen.print(Text("\nOf these the strictest counts: ").append_text(_headline(counts.decision)))


def explanation_json(explained: Explained) -> None:
    """Print the same for programs: what counts, and what was asked."""
    _, counts = _strictest(explained)
    asked = [
        {"door": question.door.value, "container": question.container, **_explanation_object(explanation)}
        for question, explanation in explained
    ]
    print_json({**_explanation_object(counts), "asked": asked})


def _strictest(explained: Explained) -> tuple[Question, Explanation]:
    decision = strictest([explanation.decision for _, explanation in explained])
    rule = (decision.policy, decision.rule)
    question, counts = next(
        one for one in explained if (one[1].decision.policy, one[1].decision.rule) == rule
    )
    return question, replace(counts, decision=decision)


def _explanation_object(explanation: Explanation) -> dict[str, Any]:
    rules = [
        {
            "policy": trace.policy,
            "rule": trace.rule,
            "mode": trace.mode,
            "action": trace.action.value,
            "matches": trace.matches,
            "decides": trace.decides,
            "why": trace.why,
        }
        for trace in explanation.rules
    ]
    return {"decision": decision_object(explanation.decision), "rules": rules}


def decision_object(decision: Decision) -> dict[str, Any]:
    """Give a decision as an object for programs."""
    would = decision.would
    return {
        "action": decision.action.value,
        "policy": decision.policy,
        "rule": decision.rule,
        "reason": decision.reason,
        "breakGlass": msgspec.to_builtins(decision.glass),
        "profile": decision.profile,
        "limits": {
            "idleSeconds": decision.limits.idle_seconds,
            "totalSeconds": decision.limits.total_seconds,
            "outputBytes": decision.limits.output_bytes,
            "findings": decision.limits.findings,
        },
        "unrecorded": decision.unrecorded,
        "tracing": "required" if decision.traced else "none" if decision.untraced else "optional",
        "maskingRules": [rule.name for rule in decision.masking_rules],
        "mainProcess": msgspec.to_builtins(decision.main_processes),
        "approval": msgspec.to_builtins(decision.approval),
        "would": None
        if would is None
        else {"action": would.action.value, "policy": would.policy, "rule": would.rule},
    }


def print_changes(changes: Sequence[tuple[Question, Decision, Decision]]) -> None:
    """Print what is decided otherwise."""
    columns = [
        Column("USER", weight=1),
        Column("NAMESPACE"),
        Column("DOOR"),
        Column("WHAT", weight=2),
        Column("BEFORE", weight=1),
        Column("NOW", weight=1),
    ]
    screen = console()
    rows = [_change(*change) for change in changes]
    for line in lay_out(columns, rows, width_of(screen)):
        screen.print(line)


def _headline(decision: Decision) -> Text:
    by = f" by rule {printable(decision.rule)} of policy {printable(decision.policy)}"
    return Text(decision.action.value, f"bold {_STYLES[decision.action]}").append(by, "default")


def _details(decision: Decision) -> list[str]:
    limits = decision.limits
    lines = [f"reason: {printable(decision.reason)}"] if decision.reason else []
    if decision.glass is not None:
        by = printable(f"{decision.glass.policy}/{decision.glass.rule}")
        how = "with a reason" if decision.glass.reason_required else "at once"
        lines.append(f"in an emergency: may go on {how}, says {by}; others review it")
    if decision.approval is not None:
        who = ", ".join((*decision.approval.users, *decision.approval.groups)) or "whoever RBAC lets approve"
        lines.append(f"approval: {decision.approval.count} of {printable(who)}")
    if decision.would is not None:
        would = decision.would
        lines.append(
            f"audit mode: {would.action.value} by {printable(f'{would.policy}/{would.rule}')} is not enforced"
        )
    lines.append(
        f"session: profile {decision.profile}, idle {limits.idle_seconds} s, total {limits.total_seconds} s,"
        f" output {limits.output_bytes} bytes, findings {limits.findings} (0 is no limit)"
    )
    if decision.unrecorded:
        lines.append("recording: none, for what cannot be recorded")
    if decision.untraced:
        lines.append(f"tracing: none, says {printable(decision.untraced)}; no program inside is recorded")
    if decision.masking_rules:
        lines.append(f"masking rules: {', '.join(rule.name for rule in decision.masking_rules)}")
    for process in decision.main_processes:
        whose = printable(", ".join(process.containers)) or "all containers but init containers"
        by = printable(f"{process.policy}/{process.rule}")
        recorded = " and recorded" if process.recorded else ""
        lines.append(f"main process: log masked{recorded} of {whose}, says {by}")
    return lines


def _row(trace: Trace) -> list[Text]:
    mode = " (audit mode)" if trace.mode == "audit" else ""
    matches = "decides" if trace.decides else "yes" if trace.matches else "no"
    return [
        Text(printable(trace.policy)),
        Text(printable(trace.rule)),
        Text(trace.action.value + mode, _STYLES[trace.action] if trace.matches else "dim"),
        Text(matches, "bold" if trace.decides else ""),
        Text(printable(trace.why)),
    ]


def _change(question: Question, before: Decision, now: Decision) -> list[Text]:
    what = " ".join(question.argv) or question.name
    return [
        Text(printable(question.identity.username)),
        Text(printable(question.namespace)),
        Text(question.door.value),
        Text(printable(what)),
        _short(before),
        _short(now),
    ]


def _short(decision: Decision) -> Text:
    text = f"{decision.action.value} ({printable(decision.policy)}/{printable(decision.rule)})"
    return Text(text, _STYLES[decision.action])
