"""Getting images into a local node's containerd."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from devcluster.configs import CONTAINERD_SOCKET
from devcluster.errors import CommandError
from devcluster.files import digest_of, locked
from devcluster.node import Node
from devcluster.ociarchive import StaticImage, write_archive
from devcluster.settings import COREDNS_VERSION, Settings
from devcluster.shell import run

CTR = ("ctr", "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io")


def build_init(cache: Path) -> Path:
    """The program that holds a pod's, or a node's, namespaces; named by its source."""
    source = Path(__file__).with_name("pause.c")
    target = cache / "bin" / f"pause-{digest_of([source.read_bytes()])}"
    with locked(cache / "build/pause.lock"):
        if not target.exists():
            partial = target.with_name(f".{target.name}")
            partial.parent.mkdir(parents=True, exist_ok=True)
            run(["musl-gcc", "-O2", "-static", "-s", "-o", partial, source])
            partial.replace(target)
    return target


def pause_image(init: Path) -> StaticImage:
    """The image of every pod's first container."""
    return StaticImage(f"localhost/chaperone-pause:{init.name.removeprefix('pause-')}", {"/pause": init}, ("/pause",))


def coredns_image(settings: Settings) -> StaticImage:
    binary = settings.coredns_bin / "coredns"
    return StaticImage(f"localhost/chaperone-coredns:v{COREDNS_VERSION}", {"/coredns": binary}, ("/coredns",))


def archived(image: StaticImage, cache: Path) -> Path:
    """The image as an archive in the cache."""
    name = image.reference.rpartition("/")[2].replace(":", "-")
    target = cache / "images" / f"{name}.tar"
    if not target.exists():
        write_archive(image, platform.machine(), target)
    return target


def loaded(node: Node) -> set[str]:
    """References of the images in the node."""
    return set(node.run([*CTR, "images", "list", "-q"]).stdout.split())


def load(node: Node, archive: Path) -> None:
    """Load an archive into the node.

    Raises CommandError when containerd refuses it.
    """
    with archive.open("rb") as stream:
        argv = node.inside([*CTR, "images", "import", "-"])
        done = subprocess.run(argv, stdin=stream, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError("ctr images import", done.returncode, done.stdout + done.stderr)
