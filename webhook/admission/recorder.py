"""The recorder as it is injected: its container, its volumes and the mount every other container gets.

Every field that the API server would default is stated, so that a pod seen a second time can be compared.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from sidecar.contract import environment, names

Json = dict[str, Any]
"""An object of the Kubernetes API."""
_SERVICE_ACCOUNT_DIRECTORY: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS: Final = 3600
_POD_FIELDS: Final = {
    environment.POD_UID: "metadata.uid",
    environment.POD_NAME: "metadata.name",
    environment.POD_NAMESPACE: "metadata.namespace",
    environment.NODE: "spec.nodeName",
}
"""Facts the kubelet fills in (downward API)."""
_SHIM_VOLUME_SIZE: Final = "8Mi"
_DEBUG_VOLUME_SIZE: Final = "1Mi"
_SPOOL_MARGIN: Final = 64 * 1024 * 1024
"""Bytes beside the spool itself: a volume over its limit would have the kubelet evict the pod."""


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the operator chooses about recorders."""

    image: str
    pull_policy: str = "IfNotPresent"
    collector: str
    """URL of the collector's intake, ``wss://…``."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    spool_bytes: int = 256 * 1024 * 1024
    max_sessions: int = 32
    """Most sessions at once; each may take some MiB of the memory limit."""


class Trust(msgspec.Struct, frozen=True):
    """What a recorder is told to trust, and where the collector is."""

    roots: tuple[bytes, ...]
    ca: str
    """PEM."""
    collector_address: str = ""
    """Cluster address of the collector's Service; may be unknown."""


def container(
    settings: RecorderSettings, trust: Trust, guarded: tuple[str, ...], *, awaited: bool = False
) -> Json:
    """Give the recorder's container for a pod with these guarded containers.

    It fits the *restricted* Pod Security Standard whatever the pod says. Where it is ``awaited``, no other
    container starts before it listens.
    """
    probe = {"startupProbe": _startup_probe(guarded)} if awaited else {}
    return {
        **probe,
        "name": names.RECORDER_CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "restartPolicy": "Always",
        "env": _environment(settings, trust, guarded),
        "resources": {"requests": settings.requests, "limits": settings.limits},
        "securityContext": {
            "runAsUser": names.RECORDER_UID,
            "runAsGroup": names.RECORDER_UID,
            "runAsNonRoot": True,
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": names.SHIM_VOLUME, "mountPath": str(names.SHIM_DIRECTORY)},
            {"name": names.DEBUG_VOLUME, "mountPath": str(names.DEBUG_DIRECTORY)},
            {"name": names.SPOOL_VOLUME, "mountPath": str(names.SPOOL_DIRECTORY)},
            {"name": names.TOKEN_VOLUME, "mountPath": str(names.TOKEN_FILE.parent), "readOnly": True},
            # Mounted here too, the API server does not mount the application's own token in its place.
            {"name": names.TOKEN_VOLUME, "mountPath": _SERVICE_ACCOUNT_DIRECTORY, "readOnly": True},
        ],
    }


def _startup_probe(guarded: tuple[str, ...]) -> Json:
    """Give the probe that finds the socket which the recorder makes last."""
    socket = names.SHIM_DIRECTORY / guarded[-1] / names.SOCKET_FILE
    return {
        "exec": {"command": ["test", "-S", str(socket)]},
        "periodSeconds": 1,
        "timeoutSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 120,
    }


def volumes(settings: RecorderSettings) -> tuple[Json, ...]:
    """Give the volumes of a guarded pod."""
    token = {
        "path": names.TOKEN_FILE.name,
        "audience": names.TOKEN_AUDIENCE,
        "expirationSeconds": _TOKEN_SECONDS,
    }
    return (
        {"name": names.SHIM_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": _SHIM_VOLUME_SIZE}},
        {"name": names.DEBUG_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": _DEBUG_VOLUME_SIZE}},
        {
            "name": names.SPOOL_VOLUME,
            "emptyDir": {"sizeLimit": _quantity(settings.spool_bytes + _SPOOL_MARGIN)},
        },
        {
            "name": names.TOKEN_VOLUME,
            "projected": {"defaultMode": 0o644, "sources": [{"serviceAccountToken": token}]},
        },
    )


def mount(guarded: str) -> Json:
    """Give the mount of a guarded container: its own directory of the shim volume, read-only."""
    return {
        "name": names.SHIM_VOLUME,
        "mountPath": str(names.SHIM_DIRECTORY),
        "subPath": guarded,
        "readOnly": True,
    }


def debug_mount() -> Json:
    """Give the mount of a debug container, read-only."""
    return {"name": names.DEBUG_VOLUME, "mountPath": str(names.SHIM_DIRECTORY), "readOnly": True}


def collector_host(settings: RecorderSettings) -> str:
    """Give the collector's DNS name."""
    return urlsplit(settings.collector).hostname or ""


def looks_ours(found: Json, settings: RecorderSettings) -> bool:
    """Tell whether a container of the recorder's name was injected, whatever another webhook did to it since.

    It runs what Chaperone runs: such a one is put right again, any other one is somebody else's.
    """
    wanted = container(settings, Trust((), ""), ())
    same = all(found.get(key) == wanted[key] for key in ("name", "image", "restartPolicy"))
    return same and not found.get("command") and not found.get("args")


def _quantity(number: int) -> str:
    """Give a number of bytes as the API server spells it."""
    for suffix in ("", "k", "M", "G", "T"):
        if number % 1000:
            return f"{number}{suffix}"
        number //= 1000
    return f"{number}P"


def _environment(settings: RecorderSettings, trust: Trust, guarded: tuple[str, ...]) -> list[Json]:
    values = {
        environment.CONTAINERS: ",".join(guarded),
        environment.ROOT_KEYS: environment.write_roots(trust.roots),
        environment.CA: trust.ca,
        environment.COLLECTOR: settings.collector,
        **({environment.COLLECTOR_ADDRESS: trust.collector_address} if trust.collector_address else {}),
        environment.SPOOL_BYTES: str(settings.spool_bytes),
        environment.MAX_SESSIONS: str(settings.max_sessions),
    }
    fields = [
        {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
        for name, path in _POD_FIELDS.items()
    ]
    return [{"name": name, "value": value} for name, value in values.items()] + fields
