"""OCI image archives of a few static files, written without a container tool."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class StaticImage:
    """An image from scratch."""

    reference: str
    files: dict[str, Path]
    """Executable files by their path in the image."""
    entrypoint: tuple[str, ...]
    user: str = "65532:65532"
    labels: dict[str, str] = field(default_factory=dict)


def write_archive(image: StaticImage, machine: str, target: Path) -> None:
    """Write the image as an OCI archive; equal input gives equal bytes."""
    layer = _layer(image.files)
    configuration = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {"Entrypoint": list(image.entrypoint), "User": image.user, "Labels": image.labels},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    encoded = json.dumps(configuration).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor("application/vnd.oci.image.config.v1+json", encoded),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
    }
    listed = json.dumps(manifest).encode()
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", listed)
    entry["annotations"] = {"org.opencontainers.image.ref.name": image.reference}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    files = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (layer, encoded, listed)}
    files |= {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index}
    partial = target.with_name(f".{target.name}.partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(partial, "w") as archive:
        for name, blob in files.items():
            _add(archive, name, blob, 0o644)
    partial.replace(target)


def _layer(files: dict[str, Path]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, source in sorted(files.items()):
            _add(archive, name.lstrip("/"), source.read_bytes(), 0o755)
    return stream.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(kind: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(data), "size": len(data)}
