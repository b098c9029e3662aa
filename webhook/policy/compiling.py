"""From a document to rules that can be asked, or the reason why not."""

from dataclasses import dataclass, field
from typing import Never

from sidecar.commands.regexes import Regexes
from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import CommandRule, GrantError, MaskingRule, check_rules
from webhook.policy.command_lines import CommandsError, travelling
from webhook.policy.decision import MOST_PEOPLE, Action, Approval, Delegate, Door, MainProcess
from webhook.policy.document import Commands, GuardPolicy, Match, Mode, Rule, Session, SessionLimits, Tracing
from webhook.policy.facts import Facts
from webhook.policy.masking import MaskingError, MaskingRules
from webhook.policy.matching import Check, MatchError, compile_match
from webhook.policy.places import Path, Place
from webhook.policy.terms import Terms


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule of one policy."""

    policy: str
    mode: Mode
    rule: Rule
    checks: tuple[Check, ...]
    exceptions: tuple[tuple[Check, ...], ...]
    terms: Terms

    def matches(self, facts: Facts) -> bool:
        """Tell whether the rule is about a question. Raises ExpressionError when that cannot be told."""
        return all(check.fits(facts) for check in self.checks) and not any(
            all(check.fits(facts) for check in exception) for exception in self.exceptions
        )


@dataclass
class Workshop:
    """What compiling keeps from one time to the next, because making it takes milliseconds.

    What was compiled with one workshop is asked on one thread.
    """

    regexes: Regexes = field(default_factory=Regexes)
    masking: MaskingRules = field(default_factory=MaskingRules)


def compile_policy(policy: GuardPolicy, place: Place, workshop: Workshop) -> tuple[CompiledRule, ...]:
    """Give a policy's rules in its own order. Raises ConfigurationError that names the place and the fix."""
    spec, names = policy.spec, [rule.name for rule in policy.spec.rules]
    for index, name in enumerate(names):
        if name in names[:index]:
            _refuse(place, ("spec", "rules", index, "name"), f"two rules are named {name}; rename one")
    _compile_session(spec.session, place, ("spec", "session"), workshop)
    return tuple(
        _compile_rule(policy, rule, place, ("spec", "rules", index), workshop)
        for index, rule in enumerate(spec.rules)
    )


def _compile_rule(
    policy: GuardPolicy, rule: Rule, place: Place, path: Path, workshop: Workshop
) -> CompiledRule:
    _check_rule(rule, place, path)
    return CompiledRule(
        policy=policy.metadata.name,
        mode=policy.spec.mode,
        rule=rule,
        checks=_compile_match(rule.match, place, (*path, "match"), workshop, doubtful=rule.action.refuses),
        exceptions=tuple(
            _compile_exception(match, place, (*path, "except", index), workshop)
            for index, match in enumerate(rule.except_)
        ),
        terms=_terms(policy, rule, place, path, workshop),
    )


def _check_rule(rule: Rule, place: Place, path: Path) -> None:
    commands = rule.commands
    if commands is not None:
        _check_commands(commands, rule.action, place, (*path, "commands"))
    if rule.main_process is not None:
        _check_main_process(rule, place, (*path, "mainProcess"))
    if rule.approval is not None and rule.action is not Action.APPROVE:
        _refuse(place, (*path, "approval"), "only a rule with action approve asks somebody; leave it out")
    if rule.approval is not None:
        _check_approval(rule.approval, place, (*path, "approval"))
    if rule.break_glass and rule.action is not Action.AUDIT:
        _refuse(place, (*path, "breakGlass"), "who breaks the glass is recorded; write action: audit")
    if rule.break_glass and not (rule.match.users or rule.match.groups or rule.match.service_accounts):
        _refuse(place, (*path, "match"), "say who may break the glass: users, groups or serviceAccounts")
    if not rule.reason_required and not rule.break_glass:
        _refuse(place, (*path, "reasonRequired"), "it is about breaking the glass; leave it out here")


def _check_commands(commands: Commands, action: Action, place: Place, path: Path) -> None:
    if not (commands.allow or commands.deny or commands.approve):
        _refuse(place, path, "say what may run and what may not: fill allow, deny or approve")
    if action is Action.DENY:
        _refuse(place, path, "there is no session to a rule with action deny; leave it out")
    if commands.shell_lines and not (commands.deny or commands.approve):
        _refuse(
            place, (*path, "shellLines"), "only deny and approve are about lines; fill one or leave it out"
        )
    if commands.approval is None:
        return
    if not commands.approve:
        _refuse(place, (*path, "approval"), "nothing in it waits for an approval; fill approve")
    _check_approval(commands.approval, place, (*path, "approval"))
    if commands.approval.standing is not None:
        why = "each program is approved by itself; leave it out"
        _refuse(place, (*path, "approval", "standing"), why)


def _check_main_process(rule: Rule, place: Place, path: Path) -> None:
    if rule.action is Action.DENY:
        _refuse(place, path, "there is no pod to a rule with action deny; leave it out")
    if Door.POD not in (rule.match.doors or (Door.POD,)):
        _refuse(place, path, "only a new pod has programs of its own; add pod to match.doors")


def _check_approval(approval: Approval, place: Place, path: Path) -> None:
    _check_people(approval, place, path)
    if approval.each_group and not approval.groups:
        _refuse(place, (*path, "eachGroup"), "there are no groups; name them in groups")
    for index, delegate in enumerate(approval.delegates):
        _check_delegate(delegate, approval, place, (*path, "delegates", index))
    if approval.standing is not None and (approval.count > 1 or approval.each_group):
        why = "a standing approval is given by one person, and several must agree here; leave it out"
        _refuse(place, (*path, "standing"), why)


def _check_people(approval: Approval, place: Place, path: Path) -> None:
    """Refuse what no approval request could hold, or nobody could ever approve."""
    if approval.count < 1:
        _refuse(place, (*path, "count"), "at least one person must agree; write 1 or more")
    if approval.count > MOST_PEOPLE:
        _refuse(place, (*path, "count"), f"at most {MOST_PEOPLE} people can be asked for")
    if approval.users and not approval.groups and approval.count > len(set(approval.users)):
        why = "more people must agree than users are named; name more of them, or groups"
        _refuse(place, (*path, "count"), why)
    named = {"users": approval.users, "groups": approval.groups, "delegates": approval.delegates}
    for field_name, given in named.items():
        if len(given) > MOST_PEOPLE:
            _refuse(place, (*path, field_name), f"at most {MOST_PEOPLE} can be named")


def _check_delegate(delegate: Delegate, approval: Approval, place: Place, path: Path) -> None:
    if not approval.groups:
        _refuse(place, path, "there is no group to stand in for; name it in approval.groups")
    if delegate.for_ and delegate.for_ not in approval.groups:
        _refuse(place, (*path, "for"), f"{delegate.for_} is none of the approval's groups")
    if delegate.from_ is not None and delegate.from_ >= delegate.until:
        _refuse(place, (*path, "until"), "it ends before it begins")


def _compile_match(
    match: Match, place: Place, path: Path, workshop: Workshop, *, doubtful: bool = False
) -> tuple[Check, ...]:
    try:
        return compile_match(match, workshop.regexes, doubtful=doubtful)
    except MatchError as error:
        return _refuse(place, (*path, *error.path), str(error))


def _compile_exception(match: Match, place: Place, path: Path, workshop: Workshop) -> tuple[Check, ...]:
    checks = _compile_match(match, place, path, workshop)
    return checks or _refuse(place, path, "an empty exception takes everything away from the rule; fill it")


def _terms(policy: GuardPolicy, rule: Rule, place: Place, path: Path, workshop: Workshop) -> Terms:
    """Give the rule's own terms, and the policy's where the rule says nothing."""
    own = _compile_session(rule.session, place, (*path, "session"), workshop)
    common = _compile_session(policy.spec.session, place, ("spec", "session"), workshop)
    commands = _compile_commands(policy.metadata.name, rule, place, path, workshop)
    terms = Terms(
        profile=own.profile or common.profile,
        limits=SessionLimits(
            idle_seconds=_own(own.limits.idle_seconds, common.limits.idle_seconds),
            total_seconds=_own(own.limits.total_seconds, common.limits.total_seconds),
            output_bytes=_own(own.limits.output_bytes, common.limits.output_bytes),
            findings=_own(own.limits.findings, common.limits.findings),
        ),
        masking_rules=common.masking_rules + own.masking_rules,
        commands=commands,
        program_approvals=_program_approvals(policy.metadata.name, rule),
        main_processes=_main_processes(policy.metadata.name, rule),
        tracing=own.tracing or common.tracing,
        recording=own.recording or common.recording,
    )
    if terms.commands and terms.tracing is Tracing.NONE:
        why = "programs that are not traced cannot be judged; leave commands out, or tracing: none"
        _refuse(place, (*path, "commands"), why)
    try:
        check_rules(terms.masking_rules)
    except GrantError as error:
        return _refuse(place, (*path, "session", "maskingRules"), str(error))
    return terms


def _compile_commands(
    policy: str, rule: Rule, place: Place, path: Path, workshop: Workshop
) -> tuple[CommandRule, ...]:
    try:
        return travelling(policy, rule, workshop.regexes)
    except CommandsError as error:
        return _refuse(place, (*path, "commands", *error.path), str(error))


def _main_processes(policy: str, rule: Rule) -> tuple[MainProcess, ...]:
    if rule.main_process is None:
        return ()
    main = rule.main_process
    return (MainProcess(policy, rule.name, main.containers or (), recorded=main.recorded),)


def _program_approvals(policy: str, rule: Rule) -> dict[str, Approval]:
    if rule.commands is None or not rule.commands.approve:
        return {}
    return {f"{policy}/{rule.name}": rule.commands.approval or Approval()}


def _own(own: int | None, common: int | None) -> int | None:
    return common if own is None else own


def _compile_session(session: Session, place: Place, path: Path, workshop: Workshop) -> Terms:
    rules: list[MaskingRule] = []
    for index, source in enumerate(session.masking_rules):
        try:
            rules.append(workshop.masking.travelling(source))
        except MaskingError as error:
            _refuse(place, (*path, "maskingRules", index), str(error))
    return Terms(
        session.profile,
        session.limits,
        tuple(rules),
        tracing=session.tracing,
        recording=session.recording,
    )


def _refuse(place: Place, path: Path, why: str) -> Never:
    raise ConfigurationError(f"{place.at(path)}: {why}")
