"""Card data in the string fields of an object, such as a ConfigMap or Secret under admission."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sidecar.masking.engine import Engine
    from sidecar.masking.model import Finding

    Mask = Callable[[bytes], tuple[bytes, list[Finding]]]

LONGEST_CODE: Final = 64
"""No code or PIN that a key names is longer than this, with what stands around it."""
_FEWEST_DIGITS: Final = 3
"""Of the shortest card data there is, a security code."""
_DIGITS: Final = b"0123456789"
_CODES: Final = frozenset(rule[0] for rule in KEYED)


class FieldFinding(NamedTuple):
    """A field that holds card data: where it is and what kind, never what it holds."""

    path: str
    """A JSON Pointer (RFC 6901) such as ``/data/config.yaml``; for a key, that of its object.

    Card data in keys on the way is masked in it.
    """
    rule: str
    brand: str


class _Field(NamedTuple):
    """A value on its way, and the key that names it, if one does."""

    path: str
    name: str
    value: object


def scan_object(engine: Engine, document: object) -> list[FieldFinding]:
    """Every field of ``document`` (decoded JSON) that holds card data, in document order.

    Keys are looked at as well as values, and values of a Secret's ``data`` and of any ``binaryData`` also in
    their decoded form. A code is known by the key of its field, or by the ``name`` beside its ``value``.
    """
    mask = engine.masks()
    is_secret = _is_secret(document)
    found: list[FieldFinding] = []
    for path, name, text in _texts(document):
        for data in _forms(path, text, is_secret=is_secret):
            if _holds_none(data):
                continue
            findings = mask(data)[1] or _codes(mask, name, data)
            if findings:
                shown = mask(path.encode("utf-8", "surrogatepass"))[0].decode("utf-8", "replace")
                found.extend(FieldFinding(shown, finding.rule, finding.brand) for finding in findings)
    return list(dict.fromkeys(found))


def _holds_none(data: bytes) -> bool:
    """Tell, much quicker than the engine does, that there is no card data where there are no digits."""
    return data.isascii() and len(data) - len(data.translate(None, _DIGITS)) < _FEWEST_DIGITS


def _codes(mask: Mask, name: str, data: bytes) -> list[Finding]:
    """What ``data`` is because a key names it."""
    if not name or len(data) > LONGEST_CODE:
        return []
    head = name.encode("utf-8", "surrogatepass") + b'="'
    found = mask(head + data + b'"')[1]
    return [finding for finding in found if finding.rule in _CODES and finding.offset >= len(head)]


def _is_secret(document: object) -> bool:
    return isinstance(document, dict) and cast("dict[str, object]", document).get("kind") == "Secret"


def _texts(document: object) -> Iterator[tuple[str, str, str]]:
    """Path, name and text of every key, string and number of ``document``; of any depth."""
    waiting = [_Field("", "", document)]
    while waiting:
        field = waiting.pop()
        path, name, value = field
        if isinstance(value, str):
            yield path, name, value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, name, str(value)
        elif isinstance(value, dict):
            waiting.extend(reversed(list(_members(field, cast("dict[str, object]", value)))))
        elif isinstance(value, list):
            items = enumerate(cast("list[object]", value))
            waiting.extend(reversed([_Field(f"{path}/{index}", name, below) for index, below in items]))


def _members(owner: _Field, members: dict[str, object]) -> Iterator[_Field]:
    """The keys of an object, which stand for the object itself, and its values."""
    pair = members.get("name", owner.name)
    for key, below in members.items():
        yield _Field(owner.path, "", key)
        name = pair if key == "value" and isinstance(pair, str) and pair else key
        yield _Field(f"{owner.path}/{_escaped(key)}", name, below)


def _forms(path: str, text: str, *, is_secret: bool) -> Iterator[bytes]:
    """``text`` as bytes, and what it encodes where it is known to encode something."""
    yield text.encode("utf-8", "surrogatepass")
    if path.startswith("/binaryData/") or (is_secret and path.startswith("/data/")):
        try:
            # The API server reads over line breaks, as Go does.
            yield base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
