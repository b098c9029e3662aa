"""What the command rules of a session say of a program that is about to run."""

import shlex
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sidecar.commands.expressions import Expression, ExpressionError, Prepared
from sidecar.commands.lines import Argv, CompiledCommandLine
from sidecar.commands.regexes import RegexError, Regexes
from sidecar.commands.shells import commands_of, shell_text
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import CommandPattern, CommandRule, PatternKind

DELETED: Final = " (deleted)"
IN_OTHER_MOUNTS: Final = " (in other mounts)"
"""How the shim marks paths of a program that sees other mounts or another root than its container does."""
PROGRAM_FACTS: Final = ("argv", "cwd", "executable", "line", "typed", "uid")
"""What expressions over programs may name."""
_NOBODY: Final = -1


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


@dataclass(frozen=True)
class Asked:
    """A program that is about to run. What the kernel lets nobody read is empty."""

    executable: str
    """Path of the file, after links. One in mounts of the program's own ends with ``IN_OTHER_MOUNTS``."""
    argv: Argv
    truncated: bool = False
    """Whether arguments are missing."""
    cwd: str = ""
    uid: int = 0
    """The effective user, as the container numbers users."""
    typed: bool = False
    """Whether it is a command of a line for a shell: what it would run, and as whom, is not known."""
    text: str = ""
    """That line, as it was written."""

    @cached_property
    def own(self) -> tuple[Argv, ...]:
        """The command line with the program's own file before it, by path and by name."""
        return tuple(dict.fromkeys(_own_lines(self.executable, self.argv)))

    @cached_property
    def called(self) -> tuple[Argv, ...]:
        """The command line by every name."""
        named = _own_lines(self._path, self.argv)
        return tuple(dict.fromkeys((*_claimed_lines(self.argv), *named, *self.own)))

    @cached_property
    def given(self) -> str | None:
        """The text that it is given as a shell (``sh -c``), whatever it is called."""
        return shell_text(self.argv) or shell_text((self._path, *self.argv[1:]))

    @property
    def is_in_doubt(self) -> bool:
        """Whether its paths may mean other files than they say: in other mounts, or deleted."""
        return self.executable.endswith((IN_OTHER_MOUNTS, DELETED)) or self.cwd.endswith(IN_OTHER_MOUNTS)

    @property
    def _path(self) -> str:
        """The path alone, true or not."""
        return self.executable.removesuffix(IN_OTHER_MOUNTS).removesuffix(DELETED)

    @cached_property
    def prepared(self) -> Prepared:
        """What expressions have been told of it."""
        return Prepared()

    def value(self, name: str) -> Any:
        """Give a fact by the name that expressions have for it."""
        match name:
            case "argv":
                return list(self.argv)
            case "line":
                return self.text or shlex.join(self.argv)
            case _:
                return getattr(self, name)


class Judge:
    """The command rules of one session, all of which a program must pass."""

    def __init__(self, rules: Sequence[CommandRule]) -> None:
        """Compile them. Raises CallerError when one cannot be."""
        regexes = Regexes()
        try:
            self._rules = tuple(_Compiled(rule, regexes) for rule in rules)
        except (ValueError, RegexError, ExpressionError) as error:
            raise CallerError(f"the policy's command rules cannot be loaded here: {error}") from None

    def judge(self, asked: Asked, *, approved: Container[str] = ()) -> Denial | Wait | None:
        """Give why a program must not run, or not yet; None when it may.

        ``approved`` are the rules, as ``policy/rule``, by which somebody has approved this very program.
        """
        if self._rules and asked.truncated:
            return Denial(self._rules[0].rule, "its command line is too long to be judged")
        verdicts = [rule.judge(asked) for rule in self._rules]
        verdicts += self._of_line(asked.given) if self.reads_lines and asked.given else []
        return _strictest(verdicts, approved)

    @cached_property
    def reads_lines(self) -> bool:
        """Whether some rule is about lines for shells."""
        return any(rule.rule.lines for rule in self._rules)

    def judge_line(self, text: str, *, approved: Container[str] = ()) -> Denial | Wait | None:
        """Give why a line must not get to a shell, or not yet; None when it may.

        Each of its commands is asked about; that it is allowed nowhere does not count, for it may be a
        builtin. ``approved`` as for :meth:`judge`.
        """
        return _strictest(self._of_line(text), approved)

    def _of_line(self, text: str) -> list[Denial | Wait | None]:
        rules = [rule for rule in self._rules if rule.rule.lines]
        commands = commands_of(text)
        if commands is None:
            return [Denial(rule.rule, "it is too long to be judged") for rule in rules]
        asked = [Asked("", argv, uid=_NOBODY, typed=True, text=text) for argv in commands]
        return [rule.judge(one) for rule in rules for one in asked]


def _strictest(verdicts: Sequence[Denial | Wait | None], approved: Container[str]) -> Denial | Wait | None:
    denials = (verdict for verdict in verdicts if isinstance(verdict, Denial))
    waits = (found for found in verdicts if isinstance(found, Wait) and found.rule.rule not in approved)
    return next(denials, None) or next(waits, None)


class _Compiled:
    def __init__(self, rule: CommandRule, regexes: Regexes) -> None:
        self.rule = rule
        self._allow = Programs(rule.allow, regexes)
        self._deny = Programs(rule.deny, regexes)
        self._approve = Programs(rule.approve, regexes)

    def judge(self, asked: Asked) -> Denial | Wait | None:
        try:
            return self._judge(asked)
        except ExpressionError as error:
            return Denial(self.rule, f"its expression cannot be evaluated: {error}")

    def _judge(self, asked: Asked) -> Denial | Wait | None:
        if self._deny.have(asked, asked.called):
            return Denial(self.rule, "it is denied inside sessions")
        if self._approve.have(asked, asked.called):
            return Wait(self.rule)
        if self._allow.given and not asked.typed and not self._allows(asked):
            return Denial(self.rule, "it is none of those allowed inside sessions")
        return None

    def _allows(self, asked: Asked) -> bool:
        return not asked.is_in_doubt and self._allow.have(asked, asked.own)


class Programs:
    """A list of programs as a rule describes them, by their command lines or by expressions."""

    def __init__(self, patterns: Iterable[CommandPattern], regexes: Regexes) -> None:
        """Compile them. Raises CommandLineError, RegexError or ExpressionError."""
        lines: list[CompiledCommandLine] = []
        expressions: list[Expression] = []
        for pattern in patterns:
            if pattern.kind is PatternKind.CEL:
                expressions.append(Expression(pattern.words[0], regexes, PROGRAM_FACTS))
            else:
                lines.append(CompiledCommandLine(pattern, regexes))
        self._lines, self._expressions = tuple(lines), tuple(expressions)
        self.given = bool(lines or expressions)
        """Whether there are any."""

    def have(self, asked: Asked, lines: Iterable[Argv]) -> bool:
        """Tell whether one fits a program, or one of these lines of it. Raises ExpressionError."""
        written = [(argv, shlex.join(argv)) for argv in lines]
        if asked.text:  # for regular expressions, which are about whole lines
            written.append(((), asked.text))
        if any(line.fits(argv, quoted) for argv, quoted in written for line in self._lines):
            return True
        return any(expression.holds(asked.prepared, asked.value) for expression in self._expressions)


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
