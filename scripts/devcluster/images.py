"""The images that are built from this working tree, and what each is built from."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from devcluster.files import digest_of, digest_tree


@dataclass(frozen=True)
class Image:
    """One Containerfile of the working tree; its build context is the tree's root."""

    name: str
    recipe: str
    """Path of the Containerfile below the root."""
    moving: bool = False
    """Always called :dev, rather than after its inputs."""

    def tag(self, inputs: str) -> str:
        """A tag that changes with the inputs, so that a changed image is a changed Deployment."""
        return "dev" if self.moving else f"dev-{inputs}"


WEBHOOK = Image("chaperone-webhook", "webhook/Containerfile")
RECORDER = Image("chaperone-recorder", "sidecar/Containerfile")
TEST_IMAGES = (
    Image("chaperone-test-app", "tests/cluster/images/app/Containerfile", moving=True),
    Image("chaperone-test-static", "tests/cluster/images/static/Containerfile", moving=True),
)


def copied_sources(recipe: str) -> list[str]:
    """The files and folders that a Containerfile copies from its build context, in order."""
    sources: list[str] = []
    for line in recipe.replace("\\\n", " ").splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction.upper() not in {"COPY", "ADD"}:
            continue
        words = shlex.split(rest)
        options = [word for word in words if word.startswith("--")]
        if not any(option.startswith("--from") for option in options):
            sources += [word for word in words if word not in options][:-1]
    return sources


def inputs_of(image: Image, repository: Path, base: str) -> str:
    """Digest over all that decides what the image holds."""
    recipe = repository / image.recipe
    roots = [
        path
        for name in copied_sources(recipe.read_text())
        for path in sorted(repository.glob(name.strip("/")))
    ]
    return digest_of([base.encode(), recipe.read_bytes(), digest_tree(roots).encode()])
