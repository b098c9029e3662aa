"""A rule's ``match`` as checks, in the order of their cost; and what of it an index can look up."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sidecar.commands.expressions import Expression, ExpressionError
from sidecar.commands.globs import Glob
from sidecar.commands.lines import CommandLineError, CompiledCommandLine
from sidecar.commands.regexes import RegexError, Regexes
from webhook.policy.command_lines import compiled
from webhook.policy.document import CommandLine, Match, Window
from webhook.policy.facts import VARIABLES, Facts
from webhook.policy.places import Path
from webhook.policy.privileges import UNCERTAIN
from webhook.policy.windows import CompiledWindow, WindowError


@dataclass(frozen=True, slots=True)
class Check:
    """One field of a match."""

    field: str
    wanted: str
    """In words, for explanations."""
    fits: Callable[[Facts], bool]
    """Raises ExpressionError."""


class MatchError(ValueError):
    """A match that is refused: the field, and why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path


def compile_match(match: Match, regexes: Regexes, *, doubtful: bool = False) -> tuple[Check, ...]:
    """Give the checks. Raises MatchError.

    ``doubtful`` says whether what a request does not tell fits, and a program's name where its path is given:
    so it is where a rule refuses.
    """
    return (
        *_kinds(match),
        *_words(match),
        *_mappings(match),
        *_flags(match),
        *_ports(match, doubtful=doubtful),
        *_times(match),
        *_commands(match, regexes, doubtful=doubtful),
        *_expression(match, regexes),
    )


def _kinds(match: Match) -> Iterator[Check]:
    if match.doors is not None:
        doors = frozenset(match.doors)
        yield Check(
            "doors", _listed(door.value for door in match.doors), lambda facts: facts.question.door in doors
        )
    if match.operations is not None:
        operations = frozenset(match.operations)
        wanted = _listed(operation.value for operation in match.operations)
        yield Check("operations", wanted, lambda facts: facts.question.operation in operations)


def _words(match: Match) -> Iterator[Check]:
    for field, words, asked in (
        ("users", match.users, _user),
        ("groups", match.groups, _groups),
        ("serviceAccounts", match.service_accounts, _service_account),
        ("namespaces", match.namespaces, _namespace),
        ("names", match.names, _name),
        ("containers", match.containers, _container),
        ("paths", match.paths, _path),
    ):
        if words is not None:
            yield Check(field, _listed(words), _any_word(words, asked))


def _any_word(words: tuple[str, ...], asked: Callable[[Facts], tuple[str, ...]]) -> Callable[[Facts], bool]:
    globs = tuple(Glob(word) for word in words)
    return lambda facts: any(glob.fits(word) for word in asked(facts) for glob in globs)


def _mappings(match: Match) -> Iterator[Check]:
    for field, labels, asked in (
        ("namespaceLabels", match.namespace_labels, _namespace_labels),
        ("labels", match.labels, _labels),
    ):
        if labels is not None:
            wanted = _listed(f"{key}={value}" for key, value in labels.items())
            yield Check(field, wanted, _all_labels(labels, asked))
    if match.extra is not None:
        wanted = _listed(f"{key}={'|'.join(words)}" for key, words in match.extra.items())
        yield Check("extra", wanted, _all_claims(match.extra))


def _all_labels(
    labels: Mapping[str, str], asked: Callable[[Facts], Mapping[str, str]]
) -> Callable[[Facts], bool]:
    globs = {key: Glob(value) for key, value in labels.items()}

    def fits(facts: Facts) -> bool:
        given = asked(facts)
        return all(key in given and glob.fits(given[key]) for key, glob in globs.items())

    return fits


def _all_claims(extra: Mapping[str, tuple[str, ...]]) -> Callable[[Facts], bool]:
    globs = {key: tuple(Glob(word) for word in words) for key, words in extra.items()}

    def fits(facts: Facts) -> bool:
        given = facts.question.identity.extra
        return all(
            any(glob.fits(value) for value in given.get(key, ()) for glob in wanted)
            for key, wanted in globs.items()
        )

    return fits


def _flags(match: Match) -> Iterator[Check]:
    for field, wanted, asked in (
        ("tty", match.tty, _tty),
        ("stdin", match.stdin, _stdin),
        ("privileged", match.privileged, _privileged),
        ("changed", match.changed, _changed),
        ("cardData", match.card_data, _card_data),
    ):
        if wanted is not None:
            yield Check(field, str(wanted).lower(), _equal(asked, wanted=wanted))
    if match.privileges is not None:
        privileges = frozenset(match.privileges)
        named = _listed(privilege.value for privilege in match.privileges)
        yield Check("privileges", named, lambda facts: not privileges.isdisjoint(facts.question.privileges))


def _equal(asked: Callable[[Facts], bool], *, wanted: bool) -> Callable[[Facts], bool]:
    return lambda facts: asked(facts) is wanted


def _ports(match: Match, *, doubtful: bool) -> Iterator[Check]:
    if match.ports is not None:
        wanted = frozenset(match.ports)

        def fits(facts: Facts) -> bool:
            ports = facts.question.sure_ports
            return not wanted.isdisjoint(ports) if ports else doubtful

        yield Check("ports", _listed(str(port) for port in match.ports), fits)


def _times(match: Match) -> Iterator[Check]:
    if match.when is not None:
        windows = tuple(_window(index, window) for index, window in enumerate(match.when))
        wanted = _listed(f"{w.from_}–{w.to} {w.time_zone}" for w in match.when)
        yield Check("when", wanted, lambda facts: any(window.holds(facts.question.at) for window in windows))


def _commands(match: Match, regexes: Regexes, *, doubtful: bool) -> Iterator[Check]:
    if match.argv is not None:
        lines = tuple(_line(index, line, regexes) for index, line in enumerate(match.argv))

        def fits(facts: Facts) -> bool:
            called = facts.called if doubtful else facts.called[:1]
            return any(line.fits(*written) for written in called for line in lines)

        yield Check("argv", _listed(line.text for line in lines), fits)


def _expression(match: Match, regexes: Regexes) -> Iterator[Check]:
    if match.cel is not None:
        expression = _cel(match.cel, regexes)
        yield Check("cel", match.cel, lambda facts: expression.holds(facts.prepared, facts.value))


def _window(index: int, window: Window) -> CompiledWindow:
    try:
        return CompiledWindow(window)
    except WindowError as error:
        raise MatchError(("when", index), str(error)) from None


def _line(index: int, line: CommandLine, regexes: Regexes) -> CompiledCommandLine:
    try:
        return compiled(line, regexes)
    except (CommandLineError, RegexError) as error:
        raise MatchError(("argv", index), str(error)) from None


def _cel(source: str, regexes: Regexes) -> Expression:
    try:
        return Expression(source, regexes, VARIABLES)
    except (ExpressionError, RegexError) as error:
        raise MatchError(("cel",), str(error)) from None


def _user(facts: Facts) -> tuple[str, ...]:
    return (facts.question.identity.username,)


def _groups(facts: Facts) -> tuple[str, ...]:
    return facts.question.identity.groups


def _service_account(facts: Facts) -> tuple[str, ...]:
    return (facts.service_account,) if facts.service_account else ()


def _namespace(facts: Facts) -> tuple[str, ...]:
    return (facts.question.namespace,)


def _name(facts: Facts) -> tuple[str, ...]:
    return (facts.question.name,)


def _container(facts: Facts) -> tuple[str, ...]:
    return (facts.question.container,)


def _path(facts: Facts) -> tuple[str, ...]:
    return (facts.question.path,)


def _namespace_labels(facts: Facts) -> Mapping[str, str]:
    return facts.question.namespace_labels


def _labels(facts: Facts) -> Mapping[str, str]:
    return facts.question.labels


def _tty(facts: Facts) -> bool:
    return facts.question.tty


def _stdin(facts: Facts) -> bool:
    return facts.question.stdin


def _privileged(facts: Facts) -> bool:
    return not UNCERTAIN.issuperset(facts.question.privileges)


def _changed(facts: Facts) -> bool:
    return facts.question.changed


def _card_data(facts: Facts) -> bool:
    return bool(facts.question.findings)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
