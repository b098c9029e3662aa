"""What an approver is shown of an object: of Secrets and ConfigMaps names and sizes, of others what changes.

Values of variables, of headers that probes send, and of annotations are left out. Card data may still be in
it: ``redaction`` masks it.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from sidecar.masking import FieldFinding
from webhook.policy.changes import part, plain

Json = dict[str, Any]
_VALUED: Final = frozenset({"env", "httpHeaders"})
"""Lists of names with values: variables, and what probes and hooks send."""
_HIDDEN: Final = "(not shown)"
_VALUES: Final = ("data", "binaryData", "stringData")
_MOST_CHANGES: Final = 200
_ABSENT: Final = "(absent)"


def show_object(
    kind: str, before: Json | None, after: Json | None, findings: Sequence[FieldFinding] = ()
) -> Json:
    """Give what is shown of an object that is made, changed or removed."""
    found = [f"{finding.path}: {finding.rule} {finding.brand}".rstrip() for finding in findings]
    told: Json = {"cardData": found} if found else {}
    if kind in {"Secret", "ConfigMap"}:
        return {**_show_values(kind, before, after), **told}
    if before is None or after is None:
        return {**redacted(plain(after or before or {})), **told}
    return {"kind": kind, "changes": dict(_differences(plain(before), plain(after))), **told}


def redacted(value: Any, inside: str = "") -> Any:
    """Give an object without the values of variables, headers and annotations."""
    match value:
        case dict():
            found = cast("Json", value)
            return {
                key: _HIDDEN if key == "value" and inside in _VALUED else redacted(inner, key)
                for key, inner in found.items()
                if not (key == "annotations" and inside == "metadata")
            }
        case list():
            return [redacted(inner, inside) for inner in cast("list[Any]", value)]
        case _:
            return value


def _show_values(kind: str, before: Json | None, after: Json | None) -> Json:
    """Give the names and sizes of an object's values, and what becomes of the rest of it."""
    old, new = _values(kind, before or {}), _values(kind, after or {})
    rest = {
        path: change
        for path, change in _differences(_without_values(before), _without_values(after))
        if before is not None
    }
    shown: Json = {"kind": kind, "type": (after or before or {}).get("type")}
    shown["keys"] = {key: _fate(old.get(key), new.get(key)) for key in sorted({*old, *new})}
    return {**shown, **({"changes": rest} if rest and after is not None else {})}


def _without_values(found: Json | None) -> Json:
    return {key: value for key, value in plain(found or {}).items() if key not in _VALUES}


def _values(kind: str, found: Json) -> Mapping[str, bytes]:
    values: dict[str, bytes] = {}
    for field in _VALUES:
        for key, value in part(found, field).items():
            encoded = field == "binaryData" or (field == "data" and kind == "Secret")
            values[key] = _decoded(str(value)) if encoded else str(value).encode(errors="replace")
    return values


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode(errors="replace")


def _fate(old: bytes | None, new: bytes | None) -> str:
    match old, new:
        case None, bytes():
            return f"new, {len(new)} bytes"
        case bytes(), None:
            return f"removed, {len(old)} bytes"
        case bytes(), bytes() if old == new:
            return f"unchanged, {len(new)} bytes"
        case bytes(), bytes():
            return f"changed, from {len(old)} to {len(new)} bytes"
        case _:
            return _ABSENT


def _differences(before: Any, after: Any) -> Iterator[tuple[str, Json | str]]:
    for number, (path, change) in enumerate(_differing(before, after, "", ())):
        if number == _MOST_CHANGES:
            yield "…", "there are more"
            return
        yield path, change


def _differing(before: Any, after: Any, path: str, inside: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
    """Give every place where two values differ, with both, redacted."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("Json", before), cast("Json", after)
        for key in {**old, **new}:
            below = f"{path}.{key}" if path else key
            yield from _differing(old.get(key, _ABSENT), new.get(key, _ABSENT), below, (*inside, key))
    elif isinstance(before, list) and isinstance(after, list):
        first, second = cast("list[Any]", before), cast("list[Any]", after)
        for index in range(max(len(first), len(second))):
            old_item = first[index] if index < len(first) else _ABSENT
            new_item = second[index] if index < len(second) else _ABSENT
            yield from _differing(old_item, new_item, f"{path}[{index}]", inside)
    elif _is_value(inside) or "annotations" in inside:
        yield path, {"before": _HIDDEN, "after": _HIDDEN}
    else:
        name = inside[-1] if inside else ""
        yield path, {"before": redacted(before, name), "after": redacted(after, name)}


def _is_value(inside: tuple[str, ...]) -> bool:
    """Tell whether a place is the value of a variable or of a header."""
    return inside[-1:] == ("value",) and not _VALUED.isdisjoint(inside[-2:-1])
