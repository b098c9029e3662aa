"""Containers whose own program runs under the shim, so that its output is masked before anybody has it.

Policies want it, or a pod asks for it with an annotation: ``true`` for all of its containers, or their names.
With ``recorded``, or ``NAME=recorded``, all that they show is recorded, too. ``command`` then begins with the
shim and a grant; ``args`` stay as they are. Images are asked for what the manifest leaves to them
(``image_programs``). A pod seen again keeps its grants as long as they hold.
"""

from collections.abc import Callable, Iterator, Set

import msgspec

from sidecar.contract import names
from sidecar.contract.errors import CallerError
from sidecar.contract.grants import DialIn, Grant, MaskingRule, argv_digest, check_application, verify_grant
from webhook.admission.evasions import evasion
from webhook.admission.filling_in import line_of
from webhook.admission.pods import Container, Pod, absolute, wrapped
from webhook.admission.review import PatchOperation
from webhook.policy.decision import Decision
from webhook.policy.own_programs import chosen

ALL = "true"
RECORDED = "recorded"
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


class Masking(msgspec.Struct, frozen=True):
    """How a program's output is masked."""

    profile: str
    rules: tuple[MaskingRule, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """Whose programs are to run under the shim, and how they are masked."""

    by: dict[str, str]
    """Who says so, in words, by the container's name."""
    masking: Masking
    recorded: frozenset[str] = frozenset()
    """Of which all that they show is recorded, though nobody can type to them."""
    unknown: dict[str, str] = {}
    """Of containers without a command, why their images were not asked for it."""

    def __contains__(self, container: str) -> bool:
        return container in self.by


def wanted(pod: Pod, decision: Decision) -> Wanted:
    """Give what the annotation of a pod and the policies' decision on it say together."""
    main = [one.name for one in pod.spec.containers]
    initial = [one.name for one in pod.spec.init_containers or ()]
    ruled, asked = chosen(decision.main_processes, main, initial), asked_for(pod)
    by = dict.fromkeys(sorted(asked), f"annotation {names.MAIN_PROCESS_ANNOTATION}")
    said = {name: f"rule {rules[0].rule} of policy {rules[0].policy}" for name, rules in ruled.items()}
    recorded = {name for name, is_recorded in asked.items() if is_recorded}
    recorded |= {name for name, rules in ruled.items() if any(one.recorded for one in rules)}
    return Wanted(by | said, Masking(decision.profile, decision.masking_rules), frozenset(recorded))


def asked_for(pod: Pod) -> dict[str, bool]:
    """Give the containers that the annotation of a pod names, and whether all they show is to be recorded."""
    value = (pod.metadata.annotations or {}).get(names.MAIN_PROCESS_ANNOTATION, "").strip()
    if value in {ALL, RECORDED}:
        return dict.fromkeys((container.name for container in pod.spec.containers), value == RECORDED)
    found: dict[str, bool] = {}
    for one in [] if value in _NONE else value.split(","):
        name = one.strip()
        plain = name.removesuffix(f"={RECORDED}")
        found[plain] = found.get(plain, False) or plain != name
    return found


def digest_of(container: Container) -> tuple[bytes, tuple[int, ...]]:
    """Give what binds a grant to a container's command line, and which of its words that leaves out."""
    line = line_of(container)
    return argv_digest(line.encoded, line.unknown), line.unknown


def holds_content(container: Container, asked: Wanted) -> bool:
    """Tell whether what comes and goes is to be recorded: what can be typed to always is."""
    return container.stdin or container.name in asked.recorded


def unfit(pod: Pod, asked: Wanted) -> Iterator[Unfit]:
    """Give what keeps programs from running under the shim."""
    known = {container.name for _, container in _places(pod)}
    for name in sorted(asked_for(pod).keys() - known):
        yield Unfit(
            "UnknownContainer",
            f"annotation {names.MAIN_PROCESS_ANNOTATION} names a container {name!r} that is not there",
            f'write "{ALL}", or names of containers of this pod separated by commas; "{RECORDED}", or'
            f" NAME={RECORDED}, to have what they show recorded",
            "metadata.annotations",
        )
    yield from _evasions(pod, asked)
    for path, container in _places(pod):
        field = f"{path}.command"
        is_ours = wrapped(container.command) is not None
        if container.name in asked and not container.command:
            yield Unfit(
                "NoCommand",
                f"the program of container {container.name} is to run under the shim, says"
                f" {asked.by[container.name]}, but the manifest does not say which it is: it has no command,"
                " so the image decides" + _and_why(asked.unknown.get(container.name)),
                "write the image's ENTRYPOINT into command, and its CMD into args (docker image inspect shows"
                f" them), or have {asked.by[container.name]} leave the container out",
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


def _evasions(pod: Pod, asked: Wanted) -> Iterator[Unfit]:
    """Give the programs that could get around what masks them."""
    for path, container in _places(pod):
        around = evasion(container, pod.spec.volumes or ()) if container.name in asked else None
        if around is not None:
            by = asked.by[container.name]
            why = f"its program is to run under the shim, says {by}, but {around.why}"
            remedy = f"{around.remedy}, or have {by} leave the container out"
            yield Unfit(around.rule, why, remedy, path)


def steps(
    pod: Pod,
    asked: Wanted,
    namespace: str,
    roots: tuple[bytes, ...],
    issue: Callable[[Container], str],
    *,
    is_theirs: Callable[[Grant], bool],
    told: Set[str] = frozenset(),
) -> Iterator[PatchOperation]:
    """Give what puts programs under the shim, once the recorder is the first of the init containers.

    ``issue`` gives the grant for a container's program. ``is_theirs`` tells whether one that is there was
    issued to who makes the pod: a manifest shows grants to all its readers. ``told`` names the containers
    whose command and arguments images told, and not the manifest.
    """
    initial = [one for one in pod.spec.init_containers or () if one.name != names.RECORDER_CONTAINER]
    groups = (
        ("/spec/initContainers", initial, 1),
        ("/spec/containers", pod.spec.containers, 0),
    )
    for path, containers, first in groups:
        for index, container in enumerate(containers, start=first):
            if container.name not in asked:
                continue
            if _fault(container, asked, namespace, roots, is_theirs) is None:
                continue
            own = wrapped(container.command) or container.command or ()
            command = [str(names.SHIM_PATH), issue(container), names.MAIN_PROCESS_FLAG, *own]
            yield PatchOperation("add", f"{path}/{index}/command", command)
            if container.name in told:
                yield PatchOperation("add", f"{path}/{index}/args", list(container.args or ()))


def astray(
    pod: Pod, asked: Wanted, namespace: str, roots: tuple[bytes, ...], is_theirs: Callable[[Grant], bool]
) -> Astray | None:
    """Give the first program that is to run under the shim and does not as it was put there."""
    for path, container in _places(pod):
        if container.name not in asked:
            continue
        fault = _fault(container, asked, namespace, roots, is_theirs)
        if fault is not None:
            return Astray(fault, f"{path}.command")
    return None


def _and_why(unknown: str | None) -> str:
    return f", and that could not be asked: {unknown}" if unknown else ""


def is_recorded(container: Container, namespace: str, roots: tuple[bytes, ...]) -> bool:
    """Tell whether all that a container's own program is given and shows is recorded."""
    grant = _grant(container, namespace, roots)
    return container.sees_shim and isinstance(grant, Grant) and grant.content


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


def _fault(
    container: Container,
    asked: Wanted,
    namespace: str,
    roots: tuple[bytes, ...],
    is_theirs: Callable[[Grant], bool],
) -> str | None:
    """Give why a container's program does not run under the shim as it is to, if so."""
    grant = _grant(container, namespace, roots)
    if isinstance(grant, str):
        return grant
    if (grant.argv_digest, grant.unbound) != digest_of(container):
        return f"the grant for the program of container {container.name} is for another command line"
    if grant.content != holds_content(container, asked):
        return f"the grant for the program of container {container.name} is not for what is recorded now"
    if Masking(grant.profile, grant.rules) != asked.masking:
        return f"the grant for the program of container {container.name} is not for what is to be masked now"
    if not is_theirs(grant):
        return f"the grant for the program of container {container.name} was issued to somebody else"
    return None


def _grant(container: Container, namespace: str, roots: tuple[bytes, ...]) -> Grant | str:
    """Give the grant under which a container's program runs, or why there is none."""
    if container.command is None or wrapped(container.command) is None:
        return f"the program of container {container.name} does not run under the shim"
    try:
        grant = verify_grant(container.command[1].encode("utf-8", "replace"), roots=roots, now=None)
        check_application(grant, _dial_in(container, namespace, grant))
    except CallerError as error:
        return f"the grant for the program of container {container.name} does not hold: {error}"
    return grant


def _dial_in(container: Container, namespace: str, grant: Grant) -> DialIn:
    if container.stdin and not grant.content:
        raise CallerError("the grant is for a container without stdin")
    return DialIn(
        "", container.name, line_of(container).encoded, container.tty, namespace=namespace, application=True
    )
