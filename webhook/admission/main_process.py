"""Containers whose own program runs under the shim, so that its output is masked before anybody has it.

A pod asks for it with an annotation: ``true`` for all of its containers, or their names. ``command`` then
begins with the shim and a grant; ``args`` stay as they are. A pod seen again keeps its grants as long as they
hold.
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from sidecar.contract import names
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import DialIn, Grant, argv_digest, check_application, verify_grant
from webhook.admission.pods import Container, Pod, absolute, wrapped
from webhook.admission.review import PatchOperation

ALL = "true"
_NONE = frozenset({"", "false"})


class Unfit(msgspec.Struct, frozen=True):
    """Why a container's program cannot be put under the shim, and what to do."""

    rule: str
    why: str
    remedy: str
    field: str


class Astray(msgspec.Struct, frozen=True):
    """A container's program that is not under the shim as it was put there."""

    why: str
    field: str


def asked_for(pod: Pod) -> frozenset[str]:
    """Give the names of the containers whose program is to run under the shim."""
    value = (pod.metadata.annotations or {}).get(names.MAIN_PROCESS_ANNOTATION, "")
    if value.strip() == ALL:
        return frozenset(container.name for container in pod.spec.containers)
    if value.strip() in _NONE:
        return frozenset()
    return frozenset(name.strip() for name in value.split(","))


def is_filled_in(line: Iterable[str]) -> bool:
    """Tell whether the kubelet changes a command line: ``$(VARIABLE)``, and ``$$`` for a dollar sign."""
    return any("$(" in word or "$$" in word for word in line)


def digest_of(line: Iterable[str]) -> bytes:
    """Give what binds a grant to a command line; nothing for one that the kubelet fills in."""
    words = tuple(line)
    return b"" if is_filled_in(words) else argv_digest([word.encode("utf-8", "replace") for word in words])


def unfit(pod: Pod) -> Iterator[Unfit]:
    """Give what keeps programs from running under the shim."""
    asked = asked_for(pod)
    known = {container.name for _, container in _places(pod)}
    for name in sorted(asked - known):
        yield Unfit(
            "UnknownContainer",
            f"annotation {names.MAIN_PROCESS_ANNOTATION} names a container {name!r} that is not there",
            f'write "{ALL}", or names of containers of this pod separated by commas',
            "metadata.annotations",
        )
    for path, container in _places(pod):
        field = f"{path}.command"
        is_ours = wrapped(container.command) is not None
        if container.name in asked and not container.command:
            yield Unfit(
                "NoCommand",
                f"the program of container {container.name} is to run under the shim, but the manifest does"
                " not say which it is: it has no command, so the image decides",
                "write the image's ENTRYPOINT into command, and its CMD into args (docker image inspect shows"
                f" them), or leave the container out of annotation {names.MAIN_PROCESS_ANNOTATION}",
                field,
            )
        elif _is_shim(container) and not (is_ours and container.name in asked):
            yield Unfit(
                "ShimIsReserved",
                f"the command of container {container.name} is the shim, which Chaperone alone puts there",
                "write the program itself into command; to have it run under the shim, set annotation"
                f" {names.MAIN_PROCESS_ANNOTATION}",
                field,
            )


def steps(
    pod: Pod, namespace: str, roots: tuple[bytes, ...], issue: Callable[[Container], str]
) -> Iterator[PatchOperation]:
    """Give what puts programs under the shim, once the recorder is the first of the init containers.

    ``issue`` gives the grant for a container's program.
    """
    asked = asked_for(pod)
    initial = [one for one in pod.spec.init_containers or () if one.name != names.RECORDER_CONTAINER]
    groups = (
        ("/spec/initContainers", initial, 1),
        ("/spec/containers", pod.spec.containers, 0),
    )
    for path, containers, first in groups:
        for index, container in enumerate(containers, start=first):
            if container.name not in asked or _fault(container, namespace, roots) is None:
                continue
            own = wrapped(container.command) or container.command or ()
            command = [str(names.SHIM_PATH), issue(container), names.MAIN_PROCESS_FLAG, *own]
            yield PatchOperation("add", f"{path}/{index}/command", command)


def astray(pod: Pod, namespace: str, roots: tuple[bytes, ...]) -> Astray | None:
    """Give the first program that is to run under the shim and does not as it was put there."""
    asked = asked_for(pod)
    for path, container in _places(pod):
        fault = _fault(container, namespace, roots) if container.name in asked else None
        if fault is not None:
            return Astray(fault, f"{path}.command")
    return None


def _places(pod: Pod) -> Iterator[tuple[str, Container]]:
    for group, containers in (
        ("initContainers", pod.spec.init_containers or ()),
        ("containers", pod.spec.containers),
    ):
        for index, container in enumerate(containers):
            if container.name != names.RECORDER_CONTAINER:
                yield f"spec.{group}[{index}]", container


def _is_shim(container: Container) -> bool:
    return bool(container.command) and absolute(container.command[0]) == str(names.SHIM_PATH)


def _fault(container: Container, namespace: str, roots: tuple[bytes, ...]) -> str | None:
    """Give why a container's program does not run under the shim, if so."""
    if container.command is None or wrapped(container.command) is None:
        return f"the program of container {container.name} does not run under the shim"
    try:
        grant = verify_grant(container.command[1].encode("utf-8", "replace"), roots=roots, now=None)
        check_application(grant, _dial_in(container, namespace, grant))
    except CallerError as error:
        return f"the grant for the program of container {container.name} does not hold: {error}"
    return None


def _dial_in(container: Container, namespace: str, grant: Grant) -> DialIn:
    if bool(grant.argv_digest) == is_filled_in(container.line):
        raise CallerError("the grant is for another command line")
    argv = tuple(word.encode("utf-8", "replace") for word in container.line)
    return DialIn("", container.name, argv, container.tty, namespace=namespace, application=True)
