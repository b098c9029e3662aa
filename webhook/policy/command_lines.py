"""Command lines of documents, as grants carry them and as they are asked."""

from collections.abc import Sequence

from sidecar.commands.lines import CommandLineError, CompiledCommandLine
from sidecar.commands.regexes import RegexError, Regexes
from sidecar.contract.grants import CommandPattern, CommandRule, GrantError, PatternKind, check_commands
from webhook.policy.document import CommandLine, Rule
from webhook.policy.places import Path


class CommandsError(ValueError):
    """Rules about programs that are refused: the place among them, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


def pattern_of(line: CommandLine) -> CommandPattern:
    """Give a description as it travels. Raises CommandLineError."""
    regex = None if line.regex is None else (line.regex,)
    words = dict(zip(PatternKind, (line.exact, line.prefix, line.glob, regex), strict=True))
    given = [CommandPattern(kind, text) for kind, text in words.items() if text is not None]
    if len(given) != 1:
        raise CommandLineError("give exactly one of exact, prefix, glob and regex")
    return given[0]


def compiled(line: CommandLine, regexes: Regexes) -> CompiledCommandLine:
    """Compile a description. Raises CommandLineError, or RegexError."""
    return CompiledCommandLine(pattern_of(line), regexes)


def travelling(policy: str, rule: Rule, regexes: Regexes) -> tuple[CommandRule, ...]:
    """Give what a rule says of the programs inside a session, as grants carry it. Raises CommandsError."""
    if rule.commands is None:
        return ()
    commands = CommandRule(
        rule=f"{policy}/{rule.name}",
        reason=rule.reason,
        allow=_patterns("allow", rule.commands.allow, regexes),
        deny=_patterns("deny", rule.commands.deny, regexes),
        ends=rule.commands.end_session,
        approve=_patterns("approve", rule.commands.approve, regexes),
        wait_seconds=rule.commands.wait_seconds if rule.commands.approve else 0,
    )
    try:
        check_commands((commands,))
    except GrantError as error:
        raise CommandsError((), str(error)) from None
    return (commands,)


def _patterns(field: str, lines: Sequence[CommandLine], regexes: Regexes) -> tuple[CommandPattern, ...]:
    patterns: list[CommandPattern] = []
    for index, line in enumerate(lines):
        try:
            compiled(line, regexes)  # as the recorder will
        except (CommandLineError, RegexError) as error:
            raise CommandsError((field, index), str(error)) from None
        patterns.append(pattern_of(line))
    return tuple(patterns)
