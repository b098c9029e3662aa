"""Command lines of documents, as grants carry them and as they are asked."""

from sidecar.commands.lines import CommandLineError, CompiledCommandLine
from sidecar.commands.regexes import Regexes
from sidecar.contract.grants import CommandPattern, PatternKind
from webhook.policy.document import CommandLine


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
