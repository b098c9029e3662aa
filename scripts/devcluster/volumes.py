"""A few persistent volumes for a local cluster, in folders of the node."""

import json
import shutil
from pathlib import Path
from typing import Any

from devcluster.kubectl import Kubectl
from devcluster.settings import Settings

COUNT = 4
CAPACITY = "10Gi"
STORAGE_CLASS = "standard"
FOLDER = "volumes"
"""Below the node's /var/lib."""


def ensure_volumes(settings: Settings, kubectl: Kubectl) -> None:
    """Offer volumes to claims by default; empty and offer again those whose claim is gone."""
    listed = kubectl.json("get", "persistentvolumes")["items"]
    phases = {item["metadata"]["name"]: item.get("status", {}).get("phase", "") for item in listed}
    names = [f"local-{number}" for number in range(1, COUNT + 1)]
    for name in names:
        if phases.get(name) in {"Released", "Failed"}:
            kubectl.run("delete", "persistentvolume", name)
            phases.pop(name)
        if name not in phases:
            _empty(settings.state / "node/lib" / FOLDER / name)
    wanted = [storage_class(), *(volume(name) for name in names if name not in phases)]
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted}))


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    folder.chmod(0o777)


def storage_class() -> dict[str, Any]:
    """The cluster's default storage class: it binds what is offered and makes nothing."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volume(name: str) -> dict[str, Any]:
    """A volume in a folder of the only node."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": CAPACITY},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": f"/var/lib/{FOLDER}/{name}", "type": "Directory"},
        },
    }
