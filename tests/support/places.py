"""Everywhere that something of what people do could be written down, and the forms it could have there."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kube import NAMESPACE, SYSTEM, Kubectl, chaperone, until
from node import container_id, processes
from sessions import API

from webhook.ledger.entries import SignedManifest, read_entry
from webhook.ledger.manifest import Manifest

_ROLES = ("admission", "collector")


def files(kubectl: Kubectl, namespace: str, pod: str, container: str, folder: str) -> bytes:
    """Everything below a folder of a container, as the node sees it; files may come and go meanwhile."""
    first = processes(container_id(kubectl, namespace, pod, container))[0]
    found: list[bytes] = []
    for path in Path(f"/proc/{first}/root{folder}").rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found.append(path.read_bytes())
    return b"".join(found)


def replicas(kubectl: Kubectl, role: str) -> list[str]:
    """Names of the pods of a role."""
    listed = kubectl.get("-n", SYSTEM, "pods", "-l", f"app.kubernetes.io/component={role}")["items"]
    return [item["metadata"]["name"] for item in listed]


def scraped(kubectl: Kubectl, pod: str) -> str:
    """What a pod of the control side shows to who scrapes it."""
    return kubectl.run("get", "--raw", f"/api/v1/namespaces/{SYSTEM}/pods/https:{pod}:8443/proxy/metrics")


def entries(auditor: Kubectl) -> dict[str, bytes]:
    """All entries of the ledger by their keys."""
    found: dict[str, bytes] = {}
    start: int | None = 0
    while start is not None:
        page = auditor.raw(f"{API}/ledgers/main/entries?start={start}&limit=1000")
        found |= {item["key"]: base64.b64decode(item["data"]) for item in page["items"]}
        start = page.get("nextStart")
    return found


def sealed(auditor: Kubectl, session: str) -> Manifest:
    """The manifest of a session, once it is in the ledger."""

    def entry() -> list[dict[str, str]]:
        return auditor.raw(f"{API}/ledgers/main/entries?key=manifest%2F{session}")["items"]

    [found] = until(entry, what="the session's manifest in the ledger")
    value = read_entry(base64.b64decode(found["data"]))
    assert isinstance(value, SignedManifest)
    return value.manifest


def written_down(admin: Kubectl, auditor: Kubectl) -> dict[str, bytes]:
    """Everything that Chaperone writes on this cluster, by where it is."""
    found: dict[str, bytes] = {}
    for role in _ROLES:
        for pod in replicas(admin, role):
            found[f"log of {pod}"] = admin.try_("logs", "-n", SYSTEM, pod, "--tail=-1").stdout
            found[f"metrics of {pod}"] = scraped(admin, pod).encode()
            found[f"files of {pod}"] = files(admin, SYSTEM, pod, role, "/var/lib/chaperone")
    objects = "approvalrequests,standingapprovals,events,events.events.k8s.io"
    found["objects"] = admin.run("get", objects, "-A", "-o", "json").encode()
    found["checkpoint"] = admin.run(
        "get", "configmap", "chaperone-ledger", "-n", SYSTEM, "-o", "json"
    ).encode()
    found["kubectl get auditevents"] = auditor.run("get", "auditevents", "-A", "-o", "json").encode()
    found["kubectl get sessions"] = auditor.run("get", "sessions", "-A", "-o", "json").encode()
    found["chaperone events"] = chaperone(
        auditor, "events", "list", "-n", NAMESPACE, "-o", "json", "--limit", "0"
    ).encode()
    found["ledger"] = json.dumps({key: str(data) for key, data in entries(auditor).items()}).encode()
    return found


def forms(text: str) -> Iterator[bytes]:
    """Give a text as it is and as it stands in base64, wherever it begins there."""
    data = text.encode()
    yield data
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        whole = encoded.rstrip(b"=")
        yield whole[(0, 2, 3)[before] : len(whole) - (0 if (before + len(data)) % 3 == 0 else 1)]


def leaks(texts: dict[str, str], places: dict[str, bytes]) -> list[str]:
    """Give which of the texts, named by what they are, stand in which places, without saying them."""
    return [
        f"{what} is in {where}"
        for what, text in texts.items()
        for where, data in places.items()
        if any(form in data for form in forms(text))
    ]
