"""Card data in the string fields of an object, such as a ConfigMap or Secret under admission."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sidecar.masking.engine import Engine


class FieldFinding(NamedTuple):
    """A field that holds card data: where it is and what kind, never what it holds."""

    path: str
    """A JSON Pointer (RFC 6901) such as ``/data/config.yaml``; for a key, that of its object."""
    rule: str
    brand: str


def scan_object(engine: Engine, document: object) -> list[FieldFinding]:
    """Every field of ``document`` (decoded JSON) that holds card data, in document order.

    Keys are looked at as well as values, and values of a Secret's ``data`` and of any ``binaryData`` also in
    their decoded form.
    """
    mask = engine.masks()
    found: list[FieldFinding] = []
    for path, data in _fields(document, "", is_secret=_is_secret(document)):
        _, findings = mask(data)
        found.extend(FieldFinding(path, finding.rule, finding.brand) for finding in findings)
    return list(dict.fromkeys(found))


def _is_secret(document: object) -> bool:
    return isinstance(document, dict) and cast("dict[str, object]", document).get("kind") == "Secret"


def _fields(value: object, path: str, *, is_secret: bool) -> Iterator[tuple[str, bytes]]:
    """Paths and bytes of every string at and below ``value``."""
    if isinstance(value, str):
        yield path, value.encode("utf-8", "surrogatepass")
        if path.startswith("/binaryData/") or (is_secret and path.startswith("/data/")):
            yield from _decoded(path, value)
    elif isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            yield path, key.encode("utf-8", "surrogatepass")
            yield from _fields(below, f"{path}/{_escaped(key)}", is_secret=is_secret)
    elif isinstance(value, list):
        for index, below in enumerate(cast("list[object]", value)):
            yield from _fields(below, f"{path}/{index}", is_secret=is_secret)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, str(value).encode("ascii")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _decoded(path: str, value: str) -> Iterator[tuple[str, bytes]]:
    try:
        yield path, base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return
