"""Command lines as rules describe them."""

from collections.abc import Callable, Sequence
from typing import Final

from webhook.policy.document import CommandLine
from webhook.policy.globs import Glob
from webhook.policy.regexes import Regexes

REST: Final = "**"
"""At the end of a glob: any further arguments, or none."""
Argv = tuple[str, ...]


class CommandLineError(ValueError):
    """A description that is refused; the text says why."""


class CompiledCommandLine:
    """One description. ``fits`` takes the arguments, and the line quoted as a shell would."""

    def __init__(self, line: CommandLine, regexes: Regexes) -> None:
        """Compile it. Raises CommandLineError, or RegexError."""
        given = {name: value for name, value in _fields(line).items() if value is not None}
        if len(given) != 1:
            raise CommandLineError("give exactly one of exact, prefix, glob and regex")
        self.text = " ".join(f"{name} {value!r}" for name, value in given.items())
        self.program = _program(line)
        """The first argument, where only one fits."""
        self.fits = _test(line, regexes)


def _fields(line: CommandLine) -> dict[str, object]:
    return {"exact": line.exact, "prefix": line.prefix, "glob": line.glob, "regex": line.regex}


def _program(line: CommandLine) -> str | None:
    first = (line.exact or line.prefix or line.glob or ("*",))[0]
    return Glob(first).literal if line.glob else (first if line.regex is None else None)


def _test(line: CommandLine, regexes: Regexes) -> Callable[[Argv, str], bool]:
    if line.regex is not None:
        regex = regexes.get(line.regex, whole=True)
        return lambda _, quoted: regex.fits(quoted)
    if line.glob is not None:
        return _glob(line.glob)
    wanted = line.exact or line.prefix or ()
    if line.exact is not None:
        return lambda argv, _: argv == wanted
    return lambda argv, _: argv[: len(wanted)] == wanted


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
