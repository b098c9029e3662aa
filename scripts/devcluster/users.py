"""The people of the demonstration: client certificates from the cluster's own signer, and their rights."""

import base64
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.errors import NotReadyError, UsageError
from devcluster.files import write_atomically
from devcluster.kubeconfig import Endpoint, certificate_in, render_kubeconfig
from devcluster.kubectl import Kubectl, wait_until
from devcluster.pki import NEW_KEY
from devcluster.settings import Settings
from devcluster.shell import run

ADMIN = "admin"
NAMESPACE = "payments"
MANAGER = "chaperone-scripts"
MONTH = str(30 * 86400)
YEAR = 365 * 86400
MANIFEST = Path(__file__).parent / "manifests/access.yaml"


@dataclass(frozen=True)
class Person:
    """Someone with a kubeconfig of their own."""

    name: str
    group: str


PEOPLE = (
    Person("agent", "agents"),
    Person("approver", "approvers"),
    Person("approver2", "approvers"),
    Person("auditor", "auditors"),
)
NAMES = (ADMIN, *(person.name for person in PEOPLE))


def ensure_people(settings: Settings, kubectl: Kubectl, endpoint: Endpoint) -> None:
    """Give everyone their rights and a kubeconfig that is good for another month at least."""
    kubectl.apply(MANIFEST.read_text())
    without = [person for person in PEOPLE if not _is_current(settings.kubeconfig(person.name), endpoint)]
    if not without:
        return
    work = Path(tempfile.mkdtemp(dir=settings.state, prefix=".users-"))
    try:
        certificates = _issue(kubectl, work, without)
        for person in without:
            key = (work / f"{person.name}.key").read_bytes()
            text = render_kubeconfig(settings.name, endpoint, person.name, certificates[person.name], key)
            write_atomically(settings.kubeconfig(person.name), text, 0o600)
    finally:
        shutil.rmtree(work)


def remove_people(kubectl: Kubectl) -> None:
    """Take back what `ensure_people` made in the cluster."""
    kubectl.run("delete", "--ignore-not-found", "-f", "-", stdin=MANIFEST.read_text())


def refuse_foreign_namespace(kubectl: Kubectl) -> None:
    """Raise UsageError where the demonstration's namespace exists and is somebody else's."""
    query = "jsonpath={.metadata.name} {.metadata.labels.app\\.kubernetes\\.io/managed-by}"
    found = kubectl.run("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", query).stdout.split()
    if found and found[1:] != [MANAGER]:
        raise UsageError(f"this cluster has a namespace {NAMESPACE} that scripts/cluster did not make")


def _is_current(path: Path, endpoint: Endpoint) -> bool:
    """Whether a kubeconfig leads to this cluster and its certificate lasts."""
    if not path.exists() or json.loads(path.read_text())["clusters"][0]["cluster"] != endpoint.cluster:
        return False
    certificate = certificate_in(path).decode()
    return (
        run(["openssl", "x509", "-noout", "-checkend", MONTH], stdin=certificate, check=False).returncode == 0
    )


def _issue(kubectl: Kubectl, work: Path, people: list[Person]) -> dict[str, bytes]:
    """Certificates (PEM) by person, from the cluster's signer for API clients."""
    requests = {person.name: _request(work, person) for person in people}
    names = {person: request["metadata"]["name"] for person, request in requests.items()}
    kubectl.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(requests.values())}))
    kubectl.run("certificate", "approve", *names.values())

    def issued() -> dict[str, bytes]:
        items = kubectl.json("get", "certificatesigningrequests", *names.values())
        listed = items.get("items", [items])
        statuses = {item["metadata"]["name"]: item.get("status", {}) for item in listed}
        found = {person: statuses[name].get("certificate") for person, name in names.items()}
        return {person: base64.b64decode(text) for person, text in found.items() if text}

    try:
        wait_until("the signer of client certificates", lambda: len(issued()) == len(names), 120)
    except NotReadyError as error:
        raise NotReadyError(
            f"{error}: does this cluster sign kubernetes.io/kube-apiserver-client?"
        ) from error
    certificates = issued()
    kubectl.run("delete", "certificatesigningrequests", *names.values())
    return certificates


def _request(work: Path, person: Person) -> dict[str, Any]:
    """Make a key in `work` and give the CertificateSigningRequest for it."""
    key = work / f"{person.name}.key"
    run(["openssl", "genpkey", *NEW_KEY, "-out", key])
    subject = f"/O={person.group}/CN={person.name}"
    request = run(["openssl", "req", "-new", "-key", key, "-subj", subject]).stdout
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": f"chaperone-{person.name}-{hashlib.sha256(request.encode()).hexdigest()[:8]}"},
        "spec": {
            "request": base64.b64encode(request.encode()).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "expirationSeconds": YEAR,
            "usages": ["client auth"],
        },
    }
