"""Getting images into a local node's containerd."""

import platform
import subprocess
from pathlib import Path

from devcluster.buildah import INPUTS_LABEL
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
    return StaticImage(
        f"localhost/chaperone-pause:{init.name.removeprefix('pause-')}", {"/pause": init}, ("/pause",)
    )


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


def loaded(node: Node) -> dict[str, str]:
    """The images in the node: the inputs each was built from ("" where unknown) by reference."""
    return parse_image_list(node.run([*CTR, "images", "list"]).stdout)


def parse_image_list(text: str) -> dict[str, str]:
    """Read the table of `ctr images list`: the reference comes first, the labels come last."""
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    labels = [dict(item.split("=", 1) for item in row[-1].split(",") if "=" in item) for row in rows]
    return {row[0]: found.get(INPUTS_LABEL, "") for row, found in zip(rows, labels, strict=True)}


def load(node: Node, archive: Path, reference: str, inputs: str = "") -> None:
    """Load an archive into the node and note what it was built from.

    Raises CommandError when containerd refuses it.
    """
    with archive.open("rb") as stream:
        argv = node.inside([*CTR, "images", "import", "-"])
        done = subprocess.run(argv, stdin=stream, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandError("ctr images import", done.returncode, done.stdout + done.stderr)
    if inputs:
        node.run([*CTR, "images", "label", reference, f"{INPUTS_LABEL}={inputs}"])
