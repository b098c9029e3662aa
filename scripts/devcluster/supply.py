"""Getting images of this working tree to where a cluster finds them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devcluster import imagestore
from devcluster.buildah import Buildah
from devcluster.errors import PrerequisiteError, UsageError
from devcluster.images import Image, inputs_of
from devcluster.node import Node, find_node
from devcluster.progress import Progress
from devcluster.record import Backend, Record
from devcluster.settings import Settings
from devcluster.shell import run

PUBLIC_BASE = "docker.io/library/python:3.13-slim"


@dataclass(frozen=True)
class Reference:
    """An image as a pod names it."""

    repository: str
    tag: str
    pull_policy: str


class Supply(Protocol):
    """Makes an image available to the cluster's nodes."""

    def provide(self, image: Image, progress: Progress) -> Reference:
        """Build and hand over what is missing; give the name for pods."""
        ...


def supply_for(settings: Settings, record: Record, registry: str | None) -> Supply:
    """The way images reach this cluster.

    Raises UsageError where there is none.
    """
    if record.backend is Backend.KIND:
        return KindSupply(settings, f"chaperone-{settings.name}")
    if record.backend is Backend.EXISTING:
        if registry is None:
            raise UsageError(
                "a cluster of yours pulls its images: give a registry you may push to, with --registry"
            )
        return RegistrySupply(settings, registry.rstrip("/"))
    node = find_node(settings)
    if node is None:
        raise UsageError(
            f"cluster {settings.name} does not run; run: scripts/cluster up --name {settings.name}"
        )
    return LocalSupply(settings, node)


class LocalSupply:
    """Builds with buildah and loads into the local node's containerd."""

    def __init__(self, settings: Settings, node: Node) -> None:
        self._settings = settings
        self._node = node
        self._buildah = Buildah(settings.cache)

    def provide(self, image: Image, progress: Progress) -> Reference:
        base = self._buildah.base(progress)
        inputs = inputs_of(image, self._settings.repository, base)
        reference = Reference(f"localhost/{image.name}", image.tag(inputs), "Never")
        full = f"{reference.repository}:{reference.tag}"
        if imagestore.loaded(self._node).get(full) == inputs:
            return reference
        with progress.step(f"build {image.name}"):
            recipe = self._settings.repository / image.recipe
            self._buildah.build(recipe, self._settings.repository, full, base, inputs)
        with progress.step(f"load {image.name}"), self._buildah.exported(full) as archive:
            imagestore.load(self._node, archive, full, inputs)
        return reference


class KindSupply:
    """Builds with Docker and loads into kind's nodes."""

    def __init__(self, settings: Settings, cluster: str) -> None:
        self._settings = settings
        self._cluster = cluster

    def provide(self, image: Image, progress: Progress) -> Reference:
        inputs = inputs_of(image, self._settings.repository, PUBLIC_BASE)
        reference = Reference(f"localhost/{image.name}", image.tag(inputs), "Never")
        with progress.step(f"build and load {image.name}"):
            full = f"{reference.repository}:{reference.tag}"
            build_with("docker", self._settings.repository, image, full)
            run(["kind", "load", "docker-image", "--name", self._cluster, full])
        return reference


class RegistrySupply:
    """Builds with Docker or Podman and pushes to a registry."""

    def __init__(self, settings: Settings, registry: str) -> None:
        self._settings = settings
        self._registry = registry

    def provide(self, image: Image, progress: Progress) -> Reference:
        tool = next((name for name in ("docker", "podman", "buildah") if shutil.which(name)), None)
        if tool is None:
            raise PrerequisiteError("docker, podman or buildah is needed to build images")
        inputs = inputs_of(image, self._settings.repository, PUBLIC_BASE)
        reference = Reference(f"{self._registry}/{image.name}", image.tag(inputs), "IfNotPresent")
        with progress.step(f"build and push {image.name}"):
            full = f"{reference.repository}:{reference.tag}"
            build_with(tool, self._settings.repository, image, full)
            run([tool, "push", full])
        return reference


def build_with(tool: str, repository: Path, image: Image, reference: str) -> None:
    """Build an image with an ordinary tool, on the Containerfile's own base."""
    run([tool, "build", "-t", reference, "-f", repository / image.recipe, repository])
