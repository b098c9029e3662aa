"""Command lines of documents, as grants carry them and as they are asked."""

from collections.abc import Sequence

from sidecar.commands.expressions import ExpressionError
from sidecar.commands.judging import Programs
from sidecar.commands.lines import CommandLineError, CompiledCommandLine
from sidecar.commands.regexes import RegexError, Regexes
from sidecar.contract.grants import CommandPattern, CommandRule, GrantError, PatternKind, check_commands
from webhook.policy.document import CommandLine, Program, Rule
from webhook.policy.places import Path


class CommandsError(ValueError):
    """Rules about programs that are refused: the place among them, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


def pattern_of(line: CommandLine) -> CommandPattern:
    """Give a description as it travels. Raises CommandLineError."""
    cel = line.cel if isinstance(line, Program) else None
    regex, expression = (None if text is None else (text,) for text in (line.regex, cel))
    words = dict(zip(PatternKind, (line.exact, line.prefix, line.glob, regex, expression), strict=True))
    given = [CommandPattern(kind, text) for kind, text in words.items() if text is not None]
    if len(given) != 1:
        kinds = "glob, regex and cel" if isinstance(line, Program) else "glob and regex"
        raise CommandLineError(f"give exactly one of exact, prefix, {kinds}")
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
        lines=rule.commands.shell_lines,
    )
    try:
        check_commands((commands,))
    except GrantError as error:
        raise CommandsError((), str(error)) from None
    return (commands,)


def _patterns(field: str, programs: Sequence[Program], regexes: Regexes) -> tuple[CommandPattern, ...]:
    patterns: list[CommandPattern] = []
    for index, program in enumerate(programs):
        try:
            pattern = pattern_of(program)
            Programs((pattern,), regexes)  # as the recorder will
        except (CommandLineError, RegexError, ExpressionError) as error:
            raise CommandsError((field, index), str(error)) from None
        patterns.append(pattern)
    return tuple(patterns)
