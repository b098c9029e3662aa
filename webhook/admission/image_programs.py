"""What images say of the programs that a manifest leaves to them.

ENTRYPOINT counts where there is no ``command``, CMD where there are no ``args`` either.
Source: https://kubernetes.io/docs/concepts/containers/images, and a container's ``command``.
"""

import asyncio
from typing import Final, NamedTuple

import msgspec

from webhook.admission.filling_in import is_filled_in
from webhook.admission.lookup import ImageLookup
from webhook.admission.main_process import Wanted
from webhook.admission.pods import Container, Pod
from webhook.registry.errors import ImageError
from webhook.registry.manifests import Program

_NEVER: Final = "Never"


class Completed(NamedTuple):
    """A pod whose programs are known as far as that can be."""

    pod: Pod
    asked: Wanted
    """With the reasons why images were not asked."""
    told: frozenset[str]
    """Containers whose command and arguments are what their image says."""


async def ask_images(pod: Pod, asked: Wanted, namespace: str, images: ImageLookup) -> Completed:
    """Give a pod with the command lines of containers that are to run under the shim and have no command."""
    silent = [one for one in _containers(pod) if one.name in asked and not one.command]
    if not silent:
        return Completed(pod, asked, frozenset())
    answers = await asyncio.gather(*(program_of(one, pod, namespace, images) for one in silent))
    found = {one.name: answer for one, answer in zip(silent, answers, strict=True)}
    programs = {name: answer for name, answer in found.items() if isinstance(answer, Program)}
    unknown = {name: answer for name, answer in found.items() if isinstance(answer, str)}
    return Completed(
        _with(pod, programs), msgspec.structs.replace(asked, unknown=unknown), frozenset(programs)
    )


async def program_of(container: Container, pod: Pod, namespace: str, images: ImageLookup) -> Program | str:
    """Give what the image of a container of this pod starts, or why that is not known."""
    if container.image_pull_policy == _NEVER:
        return "its image is never pulled (imagePullPolicy: Never), so that only nodes have it"
    try:
        return await images.program(container.image, pod, namespace)
    except ImageError as error:
        return str(error)


def filled_by(container: Container, program: Program) -> Container:
    """Give a container with the command line that would run: the first of its words is its command."""
    entrypoint = tuple(map(_literal, program.entrypoint))
    args = container.args or tuple(map(_literal, program.cmd))
    command = entrypoint or args[:1]
    rest = args if entrypoint else args[1:]
    return msgspec.structs.replace(container, command=command, args=rest)


def _containers(pod: Pod) -> tuple[Container, ...]:
    return (*(pod.spec.init_containers or ()), *pod.spec.containers)


def _with(pod: Pod, programs: dict[str, Program]) -> Pod:
    def filled(containers: tuple[Container, ...]) -> tuple[Container, ...]:
        return tuple(
            filled_by(one, programs[one.name]) if one.name in programs else one for one in containers
        )

    initial = pod.spec.init_containers
    spec = msgspec.structs.replace(
        pod.spec,
        containers=filled(pod.spec.containers),
        init_containers=None if initial is None else filled(initial),
    )
    return msgspec.structs.replace(pod, spec=spec)


def _literal(word: str) -> str:
    """Give a word of an image as it is written in a manifest, where the kubelet fills variables in."""
    return word.replace("$", "$$") if is_filled_in((word,)) else word
