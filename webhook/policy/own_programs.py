"""Whose own programs run under the shim, of the containers that a pod has. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sidecar.commands.globs import Glob
from sidecar.contract.names import RECORDER_CONTAINER
from webhook.policy.changes import part
from webhook.policy.decision import MainProcess


def chosen(
    processes: Iterable[MainProcess], containers: Iterable[str], initial: Iterable[str]
) -> dict[str, tuple[MainProcess, ...]]:
    """Give the containers that rules choose, each with the rules that do.

    ``containers`` and ``initial`` are the names of a pod's containers and init containers.
    """
    main, first = tuple(containers), tuple(initial)
    found: dict[str, tuple[MainProcess, ...]] = {}
    for process in processes:
        globs = [Glob(text) for text in process.containers]
        named = [name for name in (*first, *main) if any(glob.fits(name) for glob in globs)]
        for name in named if globs else main:
            found[name] = (*found.get(name, ()), process)
    found.pop(RECORDER_CONTAINER, None)
    return found


def chosen_of(processes: Iterable[MainProcess], pod: Mapping[str, Any]) -> dict[str, tuple[MainProcess, ...]]:
    """Give the same of a pod as plain values."""
    spec = part(pod, "spec")
    return chosen(processes, _names(spec, "containers"), _names(spec, "initContainers"))


def _names(spec: Mapping[str, Any], key: str) -> list[str]:
    found = spec.get(key)
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    return [str(cast("Mapping[str, Any]", one).get("name")) for one in listed if isinstance(one, dict)]
