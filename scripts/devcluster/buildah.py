"""Building images with buildah: no daemon, no registry, no mount left on the host."""

import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from devcluster import hostconfig
from devcluster.errors import PrerequisiteError
from devcluster.files import digest_of, locked, write_atomically
from devcluster.progress import Progress
from devcluster.shell import run

INPUTS_LABEL = "chaperone.dev/inputs"
"""Image label: digest of what the image was built from."""
IMAGES_KEPT = 3
BASE_PACKAGES = "python3,python3-venv,ca-certificates"
PRIVATE = ("unshare", "--mount", "--propagation", "private", "--")
"""Mounts made by what follows are seen by nobody else, and end with it."""
_OWN_RUN = 'mount -t tmpfs tmpfs "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class HostFiles:
    """This machine's configuration, laid out for builds."""

    folder: Path

    @property
    def sources(self) -> Path:
        return self.folder / "sources.list"

    @property
    def apt(self) -> Path:
        return self.folder / "apt.conf"

    @property
    def pip(self) -> Path:
        return self.folder / "pip.conf"

    def mounts(self) -> list[str]:
        """buildah's options that show these files to a build."""
        pairs = [
            (self.sources, "/etc/apt/sources.list"),
            (self.apt, "/etc/apt/apt.conf.d/90host"),
            (self.pip, "/etc/pip.conf"),
            (hostconfig.AUTHORITIES, str(hostconfig.AUTHORITIES)),
        ]
        folders = hostconfig.link_folders(self.pip.read_text())
        pairs += [(Path(folder), folder) for folder in folders]
        return [f"--volume={source}:{target}:ro" for source, target in pairs if source.exists()]


def gather_host_files(folder: Path) -> HostFiles:
    """Write this machine's pip and apt settings to `folder`.

    Raises PrerequisiteError where this is no Debian or relative of it.
    """
    distribution = hostconfig.parse_os_release(Path("/etc/os-release").read_text())
    listed = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    texts = {path.name: path.read_text() for path in listed if path.is_file()}
    sources = hostconfig.apt_sources(texts, distribution.codename)
    if not sources:
        raise PrerequisiteError(
            "no package archive of this distribution in /etc/apt: images need a Debian machine"
        )
    found = [path.read_text() for path in hostconfig.pip_files(Path.home(), os.environ) if path.is_file()]
    files = HostFiles(folder)
    write_atomically(files.sources, sources)
    write_atomically(files.apt, "\n".join(hostconfig.apt_options(run(["apt-config", "dump"]).stdout)) + "\n")
    write_atomically(files.pip, hostconfig.pip_configuration(found, os.environ))
    return files


class Buildah:
    """Images in a store of their own within the cache."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._store = cache / "containers"
        self._lock = cache / "build/images.lock"

    def base(self, progress: Progress) -> str:
        """The base image for our Containerfiles, made from this machine's Debian archive; gives its name."""
        distribution = hostconfig.parse_os_release(Path("/etc/os-release").read_text())
        reference = f"localhost/chaperone-base:{distribution.codename}"
        key = digest_of([BASE_PACKAGES.encode(), distribution.codename.encode()])
        archive = self._cache / "images" / f"base-{distribution.codename}-{key}.tar"
        with locked(self._lock):
            if not archive.exists():
                with progress.step(f"base image from {distribution.identifier} {distribution.codename}"):
                    self._bootstrap(distribution.codename, archive)
            if not self._has(reference, key):
                recipe = self._cache / "build/base/Containerfile"
                write_atomically(recipe, f'FROM scratch\nADD {archive.name} /\nCMD ["/bin/sh"]\n')
                self._run(
                    "build",
                    "--quiet",
                    f"--label={INPUTS_LABEL}={key}",
                    "-t",
                    reference,
                    "-f",
                    str(recipe),
                    str(archive.parent),
                )
        return reference

    def build(self, recipe: Path, context: Path, reference: str, base: str, inputs: str) -> None:
        """Build a Containerfile, labelled with its inputs; does nothing where that was done before."""
        with locked(self._lock):
            if self._has(reference, inputs):
                return
            host = gather_host_files(self._cache / "build/host")
            self._run(
                "build",
                "--isolation=chroot",
                "--pull-never",
                "--layers",
                f"--build-arg=BASE={base}",
                f"--label={INPUTS_LABEL}={inputs}",
                f"--tag={reference}",
                f"--file={recipe}",
                *host.mounts(),
                str(context),
                environment={"BUILDAH_ISOLATION": "chroot"},
            )
            self._forget_old(reference.rpartition(":")[0])

    @contextmanager
    def exported(self, reference: str) -> Generator[Path]:
        """The image as an archive for as long as the context lasts; its layers are not compressed."""
        archive = self._cache / "images/export.tar"
        archive.parent.mkdir(parents=True, exist_ok=True)
        with locked(self._lock):
            archive.unlink(missing_ok=True)
            try:
                self._run("push", "--quiet", reference, f"docker-archive:{archive}:{reference}")
                yield archive
            finally:
                archive.unlink(missing_ok=True)

    def _forget_old(self, repository: str) -> None:
        """Drop all but the latest few images of a repository."""
        listed = self._run("images", "--json", "--filter", f"reference={repository}")
        images = cast("list[dict[str, Any]]", json.loads(listed) or [])
        for image in sorted(images, key=lambda image: image["created"])[:-IMAGES_KEPT]:
            self._run("rmi", image["id"], check=False)

    def _has(self, reference: str, inputs: str) -> bool:
        template = '{{index .OCIv1.Config.Labels "' + INPUTS_LABEL + '"}}'
        done = self._run("inspect", "--type", "image", "--format", template, reference, check=False)
        return done == inputs

    def _bootstrap(self, codename: str, archive: Path) -> None:
        host = gather_host_files(self._cache / "build/host")
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_name(f".partial-{archive.name}")
        run(
            [
                *PRIVATE,
                "mmdebstrap",
                "--mode=root",
                "--variant=minbase",
                f"--include={BASE_PACKAGES}",
                f"--aptopt={host.apt}",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-include=/usr/share/doc/*/copyright",
                '--customize-hook=: > "$1/etc/apt/sources.list"',
                '--customize-hook=: > "$1/etc/pip.conf"',
                '--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap',
                codename,
                partial,
                host.sources,
            ]
        )
        partial.replace(archive)

    def _run(self, *words: str, environment: Mapping[str, str] | None = None, check: bool = True) -> str:
        running = self._store / "run"
        running.mkdir(parents=True, exist_ok=True)
        policy = self._store / "policy.json"
        write_atomically(policy, '{"default": [{"type": "insecureAcceptAnything"}]}\n')
        policies = [f"--signature-policy={policy}"] if words[0] in {"build", "push"} else []
        store = [
            "buildah",
            "--root",
            str(self._store / "root"),
            "--runroot",
            str(running),
            "--storage-driver",
            self._driver(),
        ]
        argv = [*PRIVATE, "sh", "-c", _OWN_RUN, "sh", str(running), *store, words[0], *policies, *words[1:]]
        return run(argv, environment=environment, check=check).stdout.strip()

    def _driver(self) -> str:
        kind = run(["stat", "--file-system", "--format=%T", self._store]).stdout.strip()
        return "vfs" if kind == "overlayfs" else "overlay"
