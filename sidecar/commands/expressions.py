"""CEL expressions (https://cel.dev), compiled once, of bounded cost, and never silently false.

The library is common-expression-language, bindings of a Rust implementation; evaluating takes microseconds.
It has no cost limit of its own, so the cost is bounded beforehand: by length, by the depth of ``all``,
``exists``, ``map`` and ``filter`` within each other, and by the size of what they run over. Its ``matches``
compiles the pattern anew for each call; here patterns are literals, compiled beforehand by ``regexes``.
Only its native part is loaded: the package itself brings a command line with it, thirty megabytes of it.
"""

import importlib.util
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.machinery import PathFinder
from typing import Any, Final, cast

from sidecar.commands.regexes import Regex, Regexes
from sidecar.contract.errors import ConfigurationError

MAX_NESTING: Final = 2
MAX_MACROS: Final = 8
MAX_ELEMENTS: Final = 256
"""Longest list of a fact that an expression runs over."""
_MATCHES: Final = "fits_regex"
_TOKEN: Final = re.compile(
    r"""(?P<string>[rRbB]{0,2}(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<macro>\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(?P<bound>[A-Za-z_]\w*)\s*,)"""
    r"""|(?P<matches>\.\s*matches\s*\()|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comment>//[^\n]*)"""
)
_LITERAL: Final = re.compile(r"""\s*(r?)("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')\s*\)""")
_OPERATOR: Final = re.compile(r"\W*_\W+_\W*|\W+_|@in|@not_strictly_false|_\?_:_|_\[_\]")
_FUNCTIONS: Final = frozenset(
    ["size", "contains", "startsWith", "endsWith", "has", "int", "double", "string", "min", "max", _MATCHES]
)


class ExpressionError(Exception):
    """An expression that is refused, or that could not be evaluated. The text never holds a fact's value."""


Values = Callable[[str], Any]
"""Gives a fact by its name: text, numbers, lists and mappings."""


class Expression:
    """A compiled expression that gives true or false."""

    def __init__(self, source: str, regexes: Regexes, names: Collection[str]) -> None:
        """Compile it; ``names`` are the facts there are. Raises ExpressionError."""
        self.source = source
        text = _Text(source, regexes)
        self._program = _compile(text.rewritten)
        self.variables = _known(self._program.variables(), self._program.functions(), text, names)
        self._regexes = text.regexes

    def holds(self, prepared: "Prepared", values: Values) -> bool:
        """Tell whether it is true. Raises ExpressionError when it cannot be evaluated or gives no bool.

        ``prepared`` is one for all expressions that are asked about the same.
        """
        try:
            prepared.know(self.variables, self._regexes, values)
            value = self._program.execute(prepared.context)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except ExpressionError:
            raise
        except BaseException as error:  # noqa: BLE001  a panic of the library is no Exception
            raise ExpressionError(f"it cannot be evaluated here ({_kind(error)})") from None
        if value is not True and value is not False:
            raise ExpressionError("it gives neither true nor false")
        return value


class Prepared:
    """What expressions are told about one thing, each fact once. Nothing in ``context`` leads back here."""

    def __init__(self) -> None:
        self._regexes: dict[str, Regex] = {}
        self._known: set[str] = set()
        self.context: Any = _library().Context(functions={_MATCHES: _fitting(self._regexes)})

    def know(self, names: Iterable[str], regexes: Mapping[str, Regex], values: Values) -> None:
        """Have these facts and patterns ready. Raises ExpressionError."""
        for name in names:
            if name not in self._known:
                self.context.add_variable(name, _bounded(name, values(name)))
                self._known.add(name)
        self._regexes.update(regexes)


def _fitting(regexes: Mapping[str, Regex]) -> Callable[[object, object], bool]:
    """Give the function; the collector does not look into contexts, so a cycle through one would stay."""

    def fits(text: object, pattern: object) -> bool:
        if not isinstance(text, str):
            raise TypeError("matches asks about text")
        return regexes[str(pattern)].fits(text)

    return fits


def warm_up() -> None:
    """Load the libraries before somebody waits for a decision."""
    Expression('line.matches("a")', Regexes(), {"line"})


class _Text:
    """The source as tokens: macros and their variables, patterns, and the text that is compiled."""

    def __init__(self, source: str, regexes: Regexes) -> None:
        self.bound: set[str] = set()
        self.regexes: dict[str, Regex] = {}
        self.nesting, self.macros = 0, 0
        pieces: list[str] = []
        depths: list[bool] = []
        end = 0
        for token in _TOKEN.finditer(source):
            pieces.append(source[end : token.start()])
            pieces.append(self._piece(token, source, regexes))
            end = token.end()
            self._nest(token, depths)
        self.rewritten = "".join(pieces) + source[end:]
        if self.macros > MAX_MACROS or self.nesting > MAX_NESTING:
            raise ExpressionError(
                f"too costly: at most {MAX_MACROS} of all, exists, map and filter, {MAX_NESTING} deep"
            )

    def _nest(self, token: re.Match[str], depths: list[bool]) -> None:
        if token["macro"]:
            depths.append(True)
            self.macros += 1
            self.bound.add(token["bound"])
            self.nesting = max(self.nesting, sum(depths))
        elif token["open"] or token["matches"]:
            depths.append(False)
        elif token["close"] and depths:
            depths.pop()

    def _piece(self, token: re.Match[str], source: str, regexes: Regexes) -> str:
        if not token["matches"]:
            return token.group()
        literal = _LITERAL.match(source, token.end())
        if literal is None:
            raise ExpressionError("matches takes one literal pattern, so that it is compiled once")
        pattern = _literal(literal)
        self.regexes[pattern] = regexes.get(pattern, whole=False)
        return f".{_MATCHES}("


def _literal(literal: re.Match[str]) -> str:
    """Give what a literal stands for, as CEL reads it."""
    return str(_compile(literal[1] + literal[2]).execute())


@cache
def _library() -> Any:
    """Give the library's native part, loaded for the first expression. Raises ConfigurationError."""
    package = importlib.util.find_spec("cel")
    places = package.submodule_search_locations if package is not None else None
    native = PathFinder.find_spec("cel.cel", places)
    if native is None or native.loader is None:
        raise ConfigurationError("the CEL library is missing: install common-expression-language")
    module = importlib.util.module_from_spec(native)
    native.loader.exec_module(module)
    return module


def _compile(source: str) -> Any:
    library = _library()
    try:
        return library.compile(source)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001  a panic of the library is no Exception
        detail = str(error).partition("ERROR: ")[2].partition("\n")[0].removeprefix("<input>:")
        raise ExpressionError(f"no CEL: {detail or type(error).__name__}") from None


def _known(named: list[str], functions: list[str], text: _Text, names: Collection[str]) -> tuple[str, ...]:
    """Give the facts an expression names; refuse what is none, and functions that are not offered."""
    unknown = sorted(set(named) - set(names) - text.bound)
    if unknown:
        raise ExpressionError(f"{unknown[0]} is nothing known; there are {', '.join(sorted(names))}")
    refused = sorted(name for name in set(functions) - _FUNCTIONS if not _OPERATOR.fullmatch(name))
    if refused:
        raise ExpressionError(f"function {refused[0]} is not offered")
    if text.nesting > 1 and "_+_" in functions:
        raise ExpressionError("too costly: + together with all, exists, map or filter in one another")
    return tuple(sorted(set(named) & set(names)))


def _bounded(name: str, value: Any) -> Any:
    """Refuse facts that are too large to run over."""
    if isinstance(value, str | int):
        return value
    largest = max((len(part) for part in _collections(value)), default=0)
    if largest > MAX_ELEMENTS:
        raise ExpressionError(f"{name} has more than {MAX_ELEMENTS} elements, too many for an expression")
    return value


def _collections(value: Any) -> list[Any]:
    """Give every list and mapping in a value."""
    found: list[Any] = []
    waiting: list[Any] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            found.append(cast("dict[str, Any]", part))
            waiting.extend(found[-1].values())
        elif isinstance(part, list):
            found.append(cast("list[Any]", part))
            waiting.extend(found[-1])
    return found


def _kind(error: BaseException) -> str:
    """Give what went wrong without the values it went wrong with."""
    match error:
        case KeyError():
            return "it asks for a key that is not there; use has()"
        case TypeError():
            return "its types do not fit"
        case ArithmeticError():
            return "its arithmetic fails"
        case _:
            return type(error).__name__
