"""What registries send: indexes, manifests and configurations of images, and what of them counts. Pure.

Source: https://github.com/opencontainers/image-spec (index, manifest, config)
"""

import hashlib
from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.registry.errors import ImageError

_V = TypeVar("_V")
INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MOST_PLATFORMS: Final = 12
"""How many images of one index are looked at."""
_MOST_BYTES: Final = 16 * 1024
"""Of the words of one program together; it becomes part of the pod."""
_HASHES: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class Program(msgspec.Struct, frozen=True):
    """What an image starts: its ENTRYPOINT and its CMD."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()


class Platform(msgspec.Struct, frozen=True):
    """What an image is for."""

    os: str = ""
    architecture: str = ""


class Descriptor(msgspec.Struct, frozen=True):
    """What an image is made of, by its digest."""

    digest: str
    platform: Platform | None = None


class Manifest(msgspec.Struct, frozen=True):
    """An index, which lists manifests, or the manifest of one image."""

    manifests: tuple[Descriptor, ...] | None = None
    config: Descriptor | None = None


class _Run(msgspec.Struct, frozen=True):
    entrypoint: tuple[str, ...] | None = msgspec.field(name="Entrypoint", default=None)
    cmd: tuple[str, ...] | None = msgspec.field(name="Cmd", default=None)


class _Config(msgspec.Struct, frozen=True):
    config: _Run | None = None


def digest_of(data: bytes, like: str) -> str:
    """Give the digest of data, by the algorithm of another. Raises ImageError."""
    algorithm = like.partition(":")[0]
    if algorithm not in _HASHES:
        raise ImageError("the registry names a digest of a kind that is not known")
    return f"{algorithm}:{_HASHES[algorithm](data).hexdigest()}"


def check_digest(data: bytes, digest: str) -> None:
    """Check that data is what a digest names. Raises ImageError."""
    if digest_of(data, digest) != digest:
        raise ImageError("the registry sent something else than the digest names")


def read_manifest(data: bytes) -> Manifest:
    """Read an index or a manifest. Raises ImageError."""
    manifest = _decode(data, Manifest)
    if (manifest.manifests is None) == (manifest.config is None):
        raise ImageError("the registry's answer is no manifest of an image")
    return manifest


def read_program(data: bytes) -> Program:
    """Read the configuration of an image. Raises ImageError."""
    run = _decode(data, _Config).config or _Run()
    return Program(run.entrypoint or (), run.cmd or ())


def chosen(manifests: Iterable[Descriptor], architecture: str) -> tuple[str, ...]:
    """Give the digests of an index's images that a node may run; ``architecture`` is empty where any may.

    Raises ImageError where there is none, or too many.
    """
    found = [
        one.digest
        for one in manifests
        if one.platform is None
        or (one.platform.os == "linux" and architecture in {"", one.platform.architecture})
    ]
    if not found:
        raise ImageError(f"there is no image for linux/{architecture or 'any processor'} under this name")
    if len(found) > MOST_PLATFORMS:
        raise ImageError("it is for too many platforms; nodeSelector kubernetes.io/arch chooses one")
    return tuple(dict.fromkeys(found))


def agreed(programs: Iterable[Program]) -> Program:
    """Give the one program that all images of an index start. Raises ImageError where they differ."""
    found = set(programs)
    if len(found) != 1:
        raise ImageError(
            "its images for different processors start different programs; nodeSelector kubernetes.io/arch"
            " chooses one"
        )
    program = found.pop()
    if not program.entrypoint and not program.cmd:
        raise ImageError("it has neither ENTRYPOINT nor CMD")
    if sum(len(word) for word in (*program.entrypoint, *program.cmd)) > _MOST_BYTES:
        raise ImageError(f"its ENTRYPOINT and CMD are longer than {_MOST_BYTES} characters")
    return program


def _decode(data: bytes, kind: type[_V]) -> _V:
    try:
        return msgspec.json.decode(data, type=kind)
    except UNREADABLE:
        raise ImageError("the registry's answer is no manifest of an image") from None
