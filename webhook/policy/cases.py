"""The cases that a policy carries: what it must say to given requests, tried on the policy alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from sidecar.contract.errors import CallerError, ConfigurationError
from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity
from sidecar.masking import FieldFinding
from webhook.policy.builtin import RecordEverything
from webhook.policy.compiling import CompiledRule
from webhook.policy.decision import Door, Operation, Question
from webhook.policy.document import Ask, Case, GuardPolicy
from webhook.policy.evaluation import PolicySet, decider
from webhook.policy.facts import Facts
from webhook.policy.own_programs import chosen_of
from webhook.policy.places import Place
from webhook.policy.privileges import Privilege
from webhook.policy.rights import privileges_of
from webhook.policy.terms import main_processes_of
from webhook.policy.volumes import KIND as VOLUME
from webhook.policy.volumes import volume_privileges

SESSION_DOORS: Final = frozenset({Door.EXEC, Door.ATTACH, Door.PORT_FORWARD, Door.PROXY})
"""Doors that are opened by CONNECT."""


def question_of(ask: Ask) -> Question:
    """Give the question a case asks. Raises CallerError."""
    manifest = msgspec.json.encode(ask.manifest)
    return Question(
        door=ask.door,
        operation=ask.operation or usual_operation(ask.door),
        identity=Identity(ask.user, "", ask.groups, ask.extra),
        at=_moment(ask.at),
        namespace=ask.namespace,
        namespace_labels=ask.namespace_labels,
        name=ask.name,
        labels=ask.labels,
        container=ask.container,
        argv=ask.argv,
        tty=ask.tty,
        stdin=ask.stdin,
        changed=ask.changed,
        findings=(FieldFinding("/data", "pan", ""),) if ask.card_data else (),
        ports=ask.ports,
        path=ask.path,
        privileges=_privileges(ask, manifest),
        object=msgspec.Raw(manifest),
        old_object=msgspec.Raw(msgspec.json.encode(ask.old_manifest)),
    )


def usual_operation(door: Door) -> Operation:
    """Give the operation that a door is mostly about."""
    if door is Door.EPHEMERAL_CONTAINER:
        return Operation.UPDATE
    return Operation.CONNECT if door in SESSION_DOORS else Operation.CREATE


def failures(policy: GuardPolicy, rules: Sequence[CompiledRule], place: Place) -> list[str]:
    """Give one line for each case that fails: place, name, what was expected and what came out."""
    otherwise = RecordEverything(profile="strict", limits=Limits()).decision
    policies = PolicySet(rules, otherwise=otherwise)
    lines: list[str] = []
    for index, case in enumerate(policy.spec.cases):
        try:
            wrong = _wrong(case, policies)
        except CallerError as error:
            wrong = str(error)
        if wrong:
            lines.append(f"{place.at(('spec', 'cases', index))}: case {case.name!r}: {wrong}")
    return lines


def check_cases(policy: GuardPolicy, rules: Sequence[CompiledRule], place: Place) -> None:
    """Raise ConfigurationError when a case fails."""
    failed = failures(policy, rules, place)
    if failed:
        raise ConfigurationError("\n".join(failed))


def _wrong(case: Case, policies: PolicySet) -> str:
    """Give how an answer differs from what the case expects; an audit-mode policy is asked as if enforced."""
    matches = policies.matches(Facts(question_of(case.ask)))
    winner = decider(matches)
    action = winner.action if winner else None
    rule = winner.rule.rule.name if winner else None
    if action is not case.action or case.rule not in {None, rule}:
        return f"expected {_said(case.action, case.rule)}, got {_said(action, rule)}"
    programs = chosen_of(main_processes_of([match.rule.terms for match in matches]), case.ask.manifest)
    recorded = [name for name, rules in programs.items() if any(one.recorded for one in rules)]
    return _differ("under the shim", programs, case.main_process) or _differ(
        "recorded", recorded, case.recorded
    )


def _differ(how: str, found: Iterable[str], expected: Sequence[str] | None) -> str:
    """Give how the containers found differ from those that a case expects, if it expects any."""
    if expected is None or sorted(found) == sorted(expected):
        return ""
    return f"expected the programs of {_listed(sorted(expected))} {how}, got {_listed(sorted(found))}"


def _listed(containers: Sequence[str]) -> str:
    return ", ".join(containers) or "no container"


def _said(action: object, rule: str | None) -> str:
    value = getattr(action, "value", None)
    return "no rule" if value is None else f"{value} by {rule}" if rule else str(value)


def _privileges(ask: Ask, manifest: bytes) -> tuple[Privilege, ...]:
    if ask.kind == VOLUME:
        return volume_privileges(manifest, msgspec.json.encode(ask.old_manifest))
    return privileges_of(ask.kind, manifest)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CallerError(f"{text!r} is no time; write it as in 2026-03-02T12:00:00Z") from None
    if moment.tzinfo is None:
        raise CallerError(f"{text!r} has no offset; end it with Z or as in +01:00")
    return int(moment.timestamp())
