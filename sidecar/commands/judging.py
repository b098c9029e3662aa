"""What the command rules of a session say of a program that is about to run."""

import shlex
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from sidecar.commands.lines import Argv, CompiledCommandLine
from sidecar.commands.regexes import RegexError, Regexes
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import CommandRule


@dataclass(frozen=True)
class Denial:
    """A program must not run."""

    rule: CommandRule
    why: str
    """In words, without anything of the command line."""


@dataclass(frozen=True)
class Wait:
    """A program may run once somebody has approved it."""

    rule: CommandRule


class Judge:
    """The command rules of one session, all of which a program must pass."""

    def __init__(self, rules: Sequence[CommandRule]) -> None:
        """Compile them. Raises CallerError when one cannot be."""
        regexes = Regexes()
        try:
            self._rules = tuple(_Compiled(rule, regexes) for rule in rules)
        except (ValueError, RegexError) as error:
            raise CallerError(f"the policy's command rules cannot be loaded here: {error}") from None

    def judge(
        self, executable: str, argv: Argv, *, truncated: bool, approved: Container[str] = ()
    ) -> Denial | Wait | None:
        """Give why a program must not run, or not yet; None when it may.

        ``approved`` are the rules, as ``policy/rule``, by which somebody has approved this very program.
        """
        if self._rules and truncated:
            return Denial(self._rules[0].rule, "its command line is too long to be judged")
        verdicts = [rule.judge(executable, argv) for rule in self._rules]
        denials = (verdict for verdict in verdicts if isinstance(verdict, Denial))
        waits = (found for found in verdicts if isinstance(found, Wait) and found.rule.rule not in approved)
        return next(denials, None) or next(waits, None)


class _Compiled:
    def __init__(self, rule: CommandRule, regexes: Regexes) -> None:
        self.rule = rule
        self._allow = tuple(CompiledCommandLine(pattern, regexes) for pattern in rule.allow)
        self._deny = tuple(CompiledCommandLine(pattern, regexes) for pattern in rule.deny)
        self._approve = tuple(CompiledCommandLine(pattern, regexes) for pattern in rule.approve)

    def judge(self, executable: str, argv: Argv) -> Denial | Wait | None:
        own = tuple(dict.fromkeys(_own_lines(executable, argv)))
        called = dict.fromkeys((*_claimed_lines(argv), *own))
        if _any_fits(self._deny, called):
            return Denial(self.rule, "it is denied inside sessions")
        if _any_fits(self._approve, called):
            return Wait(self.rule)
        if self._allow and not _any_fits(self._allow, own):
            return Denial(self.rule, "it is none of those allowed inside sessions")
        return None


def _any_fits(lines: Sequence[CompiledCommandLine], asked: Sequence[Argv] | dict[Argv, None]) -> bool:
    return any(line.fits(argv, shlex.join(argv)) for argv in asked for line in lines)


def _claimed_lines(argv: Argv) -> Iterator[Argv]:
    """Give the command line as the caller wrote it; the first word may be a lie."""
    if argv:
        yield argv
        yield (_name(argv[0]), *argv[1:])


def _own_lines(executable: str, argv: Argv) -> Iterator[Argv]:
    """Give the command line with the program's own file before it, by path and by name.

    Where the caller calls it otherwise, that stays as a word: busybox as ``ls`` is ``busybox ls``.
    """
    if not executable:
        return
    name, called = _name(executable), tuple(map(_name, argv[:1]))
    words = argv[1:] if called == (name,) else (*called, *argv[1:])
    yield (executable, *words)
    yield (name, *words)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
