"""Command lines as rules describe them."""

from collections.abc import Callable, Sequence
from typing import Final

from sidecar.commands.globs import Glob
from sidecar.commands.regexes import Regexes
from sidecar.contract.grants import CommandPattern, PatternKind

REST: Final = "**"
"""At the end of a glob: any further arguments, or none."""
Argv = tuple[str, ...]


class CommandLineError(ValueError):
    """A description that is refused; the text says why."""


class CompiledCommandLine:
    """One description. ``fits`` takes the arguments, and the line quoted as a shell would."""

    def __init__(self, pattern: CommandPattern, regexes: Regexes) -> None:
        """Compile it. Raises CommandLineError, or RegexError."""
        shown = pattern.words[0] if pattern.kind is PatternKind.REGEX else pattern.words
        self.text = f"{pattern.kind.value} {shown!r}"
        self.program = _program(pattern)
        """The first argument, where only one fits."""
        self.fits = _test(pattern, regexes)


def _program(pattern: CommandPattern) -> str | None:
    match pattern.kind:
        case PatternKind.REGEX | PatternKind.CEL:
            return None
        case PatternKind.GLOB:
            return Glob(pattern.words[0]).literal
        case PatternKind.EXACT | PatternKind.PREFIX:
            return pattern.words[0]


def _test(pattern: CommandPattern, regexes: Regexes) -> Callable[[Argv, str], bool]:
    wanted = pattern.words
    match pattern.kind:
        case PatternKind.REGEX:
            regex = regexes.get(wanted[0], whole=True)
            return lambda _, quoted: regex.fits(quoted)
        case PatternKind.GLOB:
            return _glob(wanted)
        case PatternKind.EXACT:
            return lambda argv, _: argv == wanted
        case PatternKind.PREFIX:
            return lambda argv, _: argv[: len(wanted)] == wanted
        case PatternKind.CEL:
            raise CommandLineError("an expression describes programs, not command lines")


def _glob(words: Sequence[str]) -> Callable[[Argv, str], bool]:
    open_end = words[-1] == REST
    fixed = tuple(Glob(word) for word in (words[:-1] if open_end else words))
    if any(glob.text == REST for glob in fixed):
        raise CommandLineError(f"{REST} stands for further arguments and may only be the last word of a glob")

    def fits(argv: Argv, _: str) -> bool:
        if len(argv) < len(fixed) or (len(argv) > len(fixed) and not open_end):
            return False
        return all(glob.fits(word) for glob, word in zip(fixed, argv, strict=False))

    return fits
