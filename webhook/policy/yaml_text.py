"""YAML as Kubernetes reads it (1.2 core types), with the line of every part.

PyYAML's own reading of 1.1 turns ``18:00`` into a number and ``no`` into false, where kubectl would not.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Protocol, cast

import yaml

from sidecar.contract.errors import ConfigurationError
from webhook.policy.places import Path, Place, Step

_MAX_BYTES: Final = 1024 * 1024
_MAX_NODES: Final = 100_000
"""Against aliases of aliases."""


_TAG: Final = "tag:yaml.org,2002:"
_TYPES: Final = (
    (f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ("~", "n", "N", "")),
    (f"{_TAG}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), tuple("tTfF")),
    (f"{_TAG}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,99})$"), tuple("-+0123456789")),
    (f"{_TAG}float", re.compile(r"^[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?$"), tuple("-+0123456789")),
)

_SCALARS: Final = {tag: pattern for tag, pattern, _ in _TYPES} | {f"{_TAG}str": re.compile("")}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Give PyYAML's table of what plain scalars mean, by their first character."""
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, firsts in _TYPES:
        for first in firsts:
            table.setdefault(first, []).append((tag, pattern))
    return table


class _Loader(yaml.SafeLoader):
    """Knows strings, null, true, false and decimal numbers."""

    yaml_implicit_resolvers = _resolvers()


class _Constructor(Protocol):
    """The one method used of PyYAML's constructor, with types."""

    def construct_document(self, node: yaml.Node) -> object: ...


def read_yaml(data: bytes, name: str) -> Iterator[tuple[object, Place]]:
    """Give the documents of a file and where their parts stand. Raises ConfigurationError."""
    if len(data) > _MAX_BYTES:
        raise ConfigurationError(f"{name}: larger than {_MAX_BYTES} bytes; split it")
    try:
        loader = _Loader(data.decode())
        while loader.check_node():
            node = loader.get_node()
            if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
                continue
            lines: dict[Path, int] = {}
            _lines(node, (), lines, name)
            yield cast("_Constructor", loader).construct_document(node), Place(name, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{name}:{line}: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ConfigurationError(f"{name}: no YAML in UTF-8") from None


def _lines(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> None:
    """Note the line of every part, and refuse keys that are given twice and values that cannot be."""
    _refuse_scalar(node, name)
    lines[path] = node.start_mark.line + 1
    if len(lines) > _MAX_NODES:
        raise ConfigurationError(f"{name}: too many parts; aliases that repeat aliases are refused")
    for step, key, value in _children(node):
        _refuse_scalar(key, name)
        below = (*path, step)
        if below in lines:
            raise ConfigurationError(f"{name}:{key.start_mark.line + 1}: {step} is given twice; keep one")
        _lines(value, below, lines, name)
        lines[below] = key.start_mark.line + 1


def _refuse_scalar(node: yaml.Node, name: str) -> None:
    """Refuse what its tag says it is not, on which PyYAML fails, and half a character, on which JSON does."""
    if not isinstance(node, yaml.ScalarNode):
        return
    text = cast("str", node.value)
    pattern = _SCALARS.get(node.tag) if node.tag.startswith(_TAG) else re.compile("")
    if pattern is None or pattern.match(text) is None:
        kind = node.tag.removeprefix(_TAG)
        raise ConfigurationError(
            f"{name}:{node.start_mark.line + 1}: this is no {kind}; remove the tag !!{kind}"
        )
    if _SURROGATE.search(text) is not None:
        raise ConfigurationError(f"{name}:{node.start_mark.line + 1}: half of a UTF-16 character is no text")


def _children(node: Any) -> Iterator[tuple[Step, yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key, value
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield index, value, value
