"""Building Go commands into the cache: once per version, resumable, never half there."""

import os
import shutil
import subprocess
from collections import deque
from pathlib import Path

from devcluster.errors import CommandError, PrerequisiteError
from devcluster.files import locked
from devcluster.gomod import Product, parse_upstream, render_go_mod
from devcluster.progress import Progress, Step
from devcluster.shell import run

PINNED = Path(__file__).parent / "go"
"""One folder per product version with the go.mod and go.sum that pin its build."""


def go_environment(*, frozen: bool) -> dict[str, str]:
    """Settings of every Go call; frozen builds may not change go.mod or go.sum."""
    mode = "readonly" if frozen else "mod"
    return {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": f"-mod={mode} -buildvcs=false"}


def build(product: Product, cache: Path, progress: Progress) -> Path:
    """Build what is missing of a product and give the folder of its commands."""
    target = cache / "bin" / product.title
    if missing_commands(product, target):
        if shutil.which("go") is None:
            raise PrerequisiteError(f"Go is not installed; it is needed to build {product.title}")
        with locked(cache / "build" / f"{product.title}.lock"):
            folder = prepare_module(product, cache / "build" / product.title, progress)
            for name, package in missing_commands(product, target):
                with progress.step(f"build {name} {product.version}") as step:
                    _build_command(product, package, folder, target / name, step)
    return target


def missing_commands(product: Product, target: Path) -> list[tuple[str, str]]:
    """Commands that are not built yet. A binary gets its name only when it is complete."""
    return [(name, package) for name, package in product.commands if not os.access(target / name, os.X_OK)]


def prepare_module(product: Product, folder: Path, progress: Progress, pinned: Path = PINNED) -> Path:
    """Lay out go.mod and go.sum in `folder`: the pinned ones, or new ones for other versions."""
    folder.mkdir(parents=True, exist_ok=True)
    source = pinned / product.title
    if source.is_dir():
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(source / name, folder / name)
    elif not (folder / "complete").exists():
        with progress.step(f"resolve the modules of {product.title}"):
            generate_module(product, folder)
        (folder / "complete").touch()
    return folder


def generate_module(product: Product, folder: Path) -> None:
    """Write go.mod and go.sum for any version, from the module's own go.mod."""
    environment = go_environment(frozen=False)
    (folder / "go.sum").unlink(missing_ok=True)
    (folder / "go.mod").write_text("module chaperone.dev/build\n")
    reference = f"{product.module}@v{product.version}"
    answer = run(["go", "list", "-m", "-f", "{{.GoMod}}", reference], environment=environment, folder=folder)
    upstream = run(
        ["go", "mod", "edit", "-json", answer.stdout.strip()], environment=environment, folder=folder
    )
    (folder / "go.mod").write_text(render_go_mod(product, parse_upstream(upstream.stdout)))
    run(["go", "mod", "tidy"], environment=environment, folder=folder)


def _build_command(product: Product, package: str, folder: Path, target: Path, step: Step) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    argv = ["go", "build", "-v", "-trimpath", "-ldflags", product.ldflags, "-o", str(partial), package]
    environment = {**os.environ, **go_environment(frozen=True)}
    tail: deque[str] = deque(maxlen=15)
    with subprocess.Popen(argv, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for count, line in enumerate(process.stderr, 1):
            tail.append(line)
            step.note = f"({count} packages compiled)"
    if process.returncode != 0:
        raise CommandError(f"go build {package}", process.returncode, "".join(tail))
    partial.replace(target)
