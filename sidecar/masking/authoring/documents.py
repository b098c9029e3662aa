"""YAML files whose errors say where: values, and the line on which each of them stands."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeVar, cast

import msgspec
import yaml

from sidecar.contract.errors import ConfigurationError

T = TypeVar("T")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PLACE = re.compile(r" - at `\$([^`]*)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 32
"""Collections within collections. PyYAML's scanner takes time by the square of it, and its reader a stack."""


class RefusedError(ConfigurationError):
    """A file is not what it has to be; the text is ``file:line: reason``."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class Document(NamedTuple):
    """A YAML document or a part of it: what it says, and where that stands."""

    file: str
    value: object
    node: yaml.Node

    @property
    def line(self) -> int:
        """The line on which it starts, from 1."""
        return self.node.start_mark.line + 1

    def refused(self, reason: str) -> RefusedError:
        """The error that refuses it."""
        return RefusedError(self.file, self.line, reason)

    def keys(self) -> list[str]:
        """The keys of a mapping, else nothing."""
        value = self.value
        return [str(key) for key in cast("dict[object, object]", value)] if isinstance(value, dict) else []

    def at(self, key: str) -> Document:
        """What ``key`` names, standing where the key does; the whole where there is no such key."""
        if isinstance(self.node, yaml.MappingNode) and isinstance(self.value, dict):
            for name, below in cast("list[tuple[yaml.Node, yaml.Node]]", self.node.value):
                if isinstance(name, yaml.ScalarNode) and name.value == key:
                    node = below if isinstance(below, yaml.CollectionNode) else name
                    return Document(self.file, cast("dict[str, object]", self.value).get(key), node)
        return self

    def items(self) -> list[Document]:
        """The items of a list, else nothing."""
        if not isinstance(self.node, yaml.SequenceNode) or not isinstance(self.value, list):
            return []
        nodes = cast("list[yaml.Node]", self.node.value)
        values = cast("list[object]", self.value)
        return [Document(self.file, value, node) for value, node in zip(values, nodes, strict=True)]

    def to(self, kind: type[T]) -> T:
        """The value as a ``kind``; raises RefusedError at the line of what does not fit."""
        try:
            return msgspec.convert(self.value, kind)
        except msgspec.ValidationError as error:
            raise self._blamed(str(error)).refused(_reason(str(error))) from None

    def _blamed(self, message: str) -> Document:
        """The part that a message of msgspec is about."""
        part = self
        place = _PLACE.search(message)
        for name, index in _STEP.findall(place[1]) if place is not None else ():
            items = part.items()
            part = items[int(index)] if index.isdigit() and int(index) < len(items) else part.at(name)
        unknown = _UNKNOWN.search(message)
        return part.at(unknown[1]) if unknown is not None else part


def _reason(message: str) -> str:
    """A message of msgspec in the words of who wrote the file."""
    place = _PLACE.search(message)
    text = _PLACE.sub("", message).replace("Object contains unknown field", "unknown key")
    text = text.replace("Object missing required field", "missing key").replace("`", "")
    return f"{place[1].lstrip('.')}: {text}" if place is not None and place[1] else text


def read(source: bytes, file: str) -> Document:
    """The document in ``source``; raises RefusedError."""
    if len(source) > _MAX_BYTES:
        raise RefusedError(file, 1, f"larger than {_MAX_BYTES} bytes; split it")
    try:
        _refuse_oddities(source, file)
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        value: object = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise RefusedError(file, line, str(error.problem)) from None
    except yaml.reader.ReaderError as error:
        line = source[: error.position].count(b"\n") + 1
        raise RefusedError(file, line, f"not YAML text: {error.reason}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise RefusedError(file, 1, str(error)) from None
    if node is None:
        raise RefusedError(file, 1, "empty")
    _refuse_duplicates(node, file)
    return Document(file, value, node)


def _refuse_oddities(source: bytes, file: str) -> None:
    """Refuse what PyYAML fails on, and merges, whose keys stand elsewhere."""
    depth = 0
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            reason = "nested too deeply" if depth > _MAX_DEPTH else _oddity(event)
            if reason:
                line = event.start_mark.line + 1 if event.start_mark is not None else 1
                raise RefusedError(file, line, reason)


def _oddity(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> str:
    """Why an event is refused, or nothing."""
    if event.tag is not None:
        return f"tags are not taken; remove {event.tag.replace('tag:yaml.org,2002:', '!!')}"
    if not isinstance(event, yaml.ScalarEvent):
        return ""
    if event.value == "<<" and event.implicit[0]:
        return "merges (<<) are not taken; write the keys out"
    return "half of a UTF-16 character is no text" if _SURROGATE.search(event.value) else ""


def _refuse_duplicates(root: yaml.Node, file: str) -> None:
    """YAML lets the last of two equal keys win; nobody means that."""
    waiting, done = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in done:
            continue
        done.add(id(node))
        if isinstance(node, yaml.MappingNode):
            seen = set[str]()
            for key, below in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                if name and name in seen:
                    raise RefusedError(file, key.start_mark.line + 1, f"key {name} is there twice")
                seen.add(name)
                waiting.append(below)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(cast("list[yaml.Node]", node.value))
