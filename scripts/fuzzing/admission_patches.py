"""JSON Patch (RFC 6902) as strict as an API server: a step that does not fit is an error."""

from __future__ import annotations

import copy
from typing import Any


class PatchError(ValueError):
    """A patch that does not fit what it is for."""


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """Give a document after all steps. Raises PatchError."""
    result: Any = copy.deepcopy(document)
    for step in patch:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
        parent = result
        for part in path:
            parent = parent[_index(parent, part) if isinstance(parent, list) else part]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        _do(step, parent, last)
    return result


def _do(step: dict[str, Any], parent: Any, last: str) -> None:
    operation = step["op"]
    if isinstance(parent, list):
        _do_in_list(operation, parent, last, step.get("value"))  # pyright: ignore[reportUnknownArgumentType]
    elif not isinstance(parent, dict) or (operation != "add" and last not in parent):
        raise PatchError(f"{operation} at {step['path']}: there is no such place")
    elif operation == "remove":
        del parent[last]
    else:
        parent[last] = copy.deepcopy(step["value"])


def _do_in_list(operation: str, parent: list[Any], last: str, value: Any) -> None:
    if operation == "add":
        parent.insert(len(parent) if last == "-" else _index(parent, last, beyond=1), copy.deepcopy(value))
    elif operation == "remove":
        del parent[_index(parent, last)]
    else:
        parent[_index(parent, last)] = copy.deepcopy(value)


def _index(parent: list[Any], text: str, beyond: int = 0) -> int:
    if not text.isdecimal() or int(text) >= len(parent) + beyond:
        raise PatchError(f"{text} is no place in a list of {len(parent)}")
    return int(text)
