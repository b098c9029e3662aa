"""Label and field selectors, as far as the API's objects have labels and fields.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from webhook.audit_api.errors import ApiError, Reason

Fields = Mapping[str, Callable[[Any], str]]
"""How to find the value of each field that a kind of object can be selected by."""
SESSION_FIELDS: Final[Fields] = MappingProxyType(
    {
        "metadata.name": lambda session: session.metadata.name,
        "metadata.namespace": lambda session: session.metadata.namespace,
        "spec.kind": lambda session: session.spec.kind,
        "spec.pod": lambda session: session.spec.pod,
        "spec.user": lambda session: session.spec.user.username,
        "status.phase": lambda session: session.status.phase,
    }
)
CHANGING_FIELD: Final = "status.phase"
_SET_BASED: Final = re.compile(r"(?P<key>[^\s!=,()]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY: Final = re.compile(r"(?P<key>[^\s!=,()]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=,()]*)")
_PRESENCE: Final = re.compile(r"(?P<not>!\s*)?(?P<key>[^\s!=,()]+)")
_BETWEEN: Final = re.compile(r"\s*(,|$)\s*")


class Requirement(msgspec.Struct, frozen=True):
    """What one key must be: one of the values (any at all when None), or not when negated."""

    key: str
    values: frozenset[str] | None
    negated: bool = False

    def allows(self, value: str | None) -> bool:
        """Tell whether a value, None when the key is absent, meets the requirement."""
        found = value is not None if self.values is None else value in self.values
        return found is not self.negated


class Selectors(msgspec.Struct, frozen=True):
    """All that an object must meet to be given."""

    fields: tuple[Requirement, ...] = ()
    labels: tuple[Requirement, ...] = ()
    known: Fields = SESSION_FIELDS

    def match(self, item: Any) -> bool:
        """Tell whether an object meets every requirement."""
        return all(r.allows(self.known[r.key](item)) for r in self.fields) and all(
            r.allows(item.metadata.labels.get(r.key)) for r in self.labels
        )

    def exactly(self, field: str) -> str | None:
        """Give the one value a field must have, None when it may have several."""
        for requirement in self.fields:
            if requirement.key == field and not requirement.negated and requirement.values:
                return next(iter(requirement.values))
        return None

    def without_changing(self) -> "Selectors":
        """Give the same without what a session may come to meet, or cease to, during its life."""
        lasting = tuple(r for r in self.fields if r.key != CHANGING_FIELD)
        return Selectors(lasting, self.labels, self.known)


def parse_selectors(fields: str, labels: str, known: Fields = SESSION_FIELDS) -> Selectors:
    """Read both query parameters. Raises ApiError naming what cannot be read or is no field here."""
    return Selectors(_fields(fields, known), _labels(labels), known)


def _fields(text: str, known: Fields) -> tuple[Requirement, ...]:
    requirements = [_field(term) for term in _terms(text)]
    for requirement in requirements:
        if requirement.key not in known:
            raise _refused(
                f'"{requirement.key}" is no field to select by here; use one of {", ".join(known)}'
            )
    return tuple(requirements)


def _terms(text: str) -> list[str]:
    """Split at commas that no backslash precedes (fields.EscapeValue of apimachinery)."""
    return [term for term in re.split(r"(?<!\\),", text) if term]


def _field(term: str) -> Requirement:
    key, operator, value = re.match(r"([^=!]*)(!=|==|=|$)(.*)", term, re.DOTALL).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if not operator:
        raise _refused(f'the field selector "{term}" cannot be read; write field=value')
    return Requirement(key.strip(), frozenset([re.sub(r"\\([\\,=])", r"\1", value)]), operator == "!=")


def _labels(text: str) -> tuple[Requirement, ...]:
    requirements: list[Requirement] = []
    position = 0
    text = text.strip()
    while position < len(text):
        found = next(
            filter(None, (p.match(text, position) for p in (_SET_BASED, _EQUALITY, _PRESENCE))), None
        )
        between = _BETWEEN.match(text, found.end()) if found else None
        if found is None or between is None:
            raise _refused(f'the label selector "{text}" cannot be read')
        requirements.append(_label(found))
        position = between.end()
    return tuple(requirements)


def _label(found: re.Match[str]) -> Requirement:
    parts = found.groupdict()
    match parts.get("operator"):
        case "in" | "notin" as operator:
            values = frozenset(value.strip() for value in parts["values"].split(","))
            return Requirement(parts["key"], values, operator == "notin")
        case None:
            return Requirement(parts["key"], None, parts["not"] is not None)
        case operator:
            return Requirement(parts["key"], frozenset([parts["value"]]), operator == "!=")


def _refused(message: str) -> ApiError:
    return ApiError(Reason.BAD_REQUEST, message)
