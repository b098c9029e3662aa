"""Clusters that this tool does not build itself: kind's, and those of the current kubeconfig."""

import json
import shutil
from pathlib import Path

from devcluster import configs
from devcluster.clients import kubectl_for
from devcluster.errors import NotReadyError, PrerequisiteError
from devcluster.files import write_atomically
from devcluster.kubeconfig import parse_endpoint
from devcluster.kubectl import wait_until
from devcluster.progress import Progress
from devcluster.record import Backend, Record, write_record
from devcluster.settings import Settings
from devcluster.shell import run
from devcluster.users import ADMIN, ensure_people, refuse_foreign_namespace, remove_people

AUDIT_FOLDER = "/var/log/chaperone-audit"
POLICY_FOLDER = "/etc/chaperone-audit"
REACHED_SECONDS = 10.0
"""How long a cluster that is up already may take to answer."""


def docker_answers() -> bool:
    """Whether a Docker engine and kind are there."""
    if shutil.which("docker") is None or shutil.which("kind") is None:
        return False
    return run(["docker", "info"], check=False, timeout=20).returncode == 0


def up_existing(settings: Settings, progress: Progress) -> None:
    """Take the current kubeconfig's cluster as it is; add the demonstration's people."""
    record = Record(Backend.EXISTING, "", 0)
    if not settings.kubeconfig(ADMIN).exists():
        with progress.step("read the current kubeconfig"):
            if shutil.which("kubectl") is None:
                raise PrerequisiteError("kubectl is not installed")
            view = run(["kubectl", "config", "view", "--minify", "--flatten", "--raw", "-o", "json"])
            write_atomically(settings.kubeconfig(ADMIN), view.stdout, 0o600)
            _reach(settings, record, progress)
    write_record(settings.state, record)
    _finish(settings, record, progress)


def _reach(settings: Settings, record: Record, progress: Progress) -> None:
    """See that the cluster answers before anything is kept of it. Raises PrerequisiteError."""
    kubectl = kubectl_for(settings, record, progress)
    try:
        wait_until("the API server", kubectl.ready, REACHED_SECONDS)
    except NotReadyError:
        settings.kubeconfig(ADMIN).unlink()
        raise PrerequisiteError(
            "the cluster of the current kubeconfig does not answer; kubectl get --raw /readyz says why"
        ) from None


def up_kind(settings: Settings, version: str | None, progress: Progress) -> None:
    """Create kind's cluster where it is not there; add the demonstration's people."""
    if not docker_answers():
        raise PrerequisiteError("kind needs a running Docker engine and the kind command")
    record = Record(Backend.KIND, version or "", 0)
    write_record(settings.state, record)
    name = f"chaperone-{settings.name}"
    if name not in run(["kind", "get", "clusters"]).stdout.split():
        with progress.step("create kind's cluster"):
            write_atomically(settings.state / "etc/audit-policy.yaml", configs.audit_policy())
            (settings.state / "audit").mkdir(exist_ok=True)
            image = ["--image", f"kindest/node:v{version}"] if version else []
            target = ["--name", name, "--kubeconfig", settings.kubeconfig(ADMIN), "--config", "-"]
            run(["kind", "create", "cluster", *target, *image], stdin=kind_configuration(settings.state))
    text = run(["kind", "get", "kubeconfig", "--name", name]).stdout
    write_atomically(settings.kubeconfig(ADMIN), text, 0o600)
    _finish(settings, record, progress)


def down_existing(settings: Settings, record: Record, progress: Progress) -> None:
    """Take back what `up` added; the cluster stays."""
    with progress.step("remove the people and their rights"):
        kubectl = kubectl_for(settings, record, progress)
        try:
            wait_until("the API server", kubectl.ready, REACHED_SECONDS)
        except NotReadyError:
            raise PrerequisiteError(
                f"the cluster does not answer; if it is gone for good, remove the folder {settings.state}"
            ) from None
        refuse_foreign_namespace(kubectl)
        remove_people(kubectl)


def down_kind(settings: Settings, progress: Progress) -> None:
    with progress.step("delete kind's cluster"):
        run(["kind", "delete", "cluster", "--name", f"chaperone-{settings.name}"])


def kind_configuration(state: Path) -> str:
    """kind's configuration: one node, API audit log into the state folder."""
    mounts = [
        {"hostPath": str(state / "etc"), "containerPath": POLICY_FOLDER, "readOnly": True},
        {"hostPath": str(state / "audit"), "containerPath": AUDIT_FOLDER},
    ]
    arguments = {
        "audit-policy-file": f"{POLICY_FOLDER}/audit-policy.yaml",
        "audit-log-path": f"{AUDIT_FOLDER}/audit.log",
        "audit-log-maxsize": "50",
        "audit-log-maxbackup": "2",
        "enable-aggregator-routing": "true",
    }
    listed = [{"name": name, "value": value} for name, value in arguments.items()]
    volumes = [
        {
            "name": name,
            "hostPath": path,
            "mountPath": path,
            "readOnly": path == POLICY_FOLDER,
            "pathType": "Directory",
        }
        for name, path in (("audit-policy", POLICY_FOLDER), ("audit-log", AUDIT_FOLDER))
    ]
    patches = [
        {
            "kind": "ClusterConfiguration",
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "apiServer": {"extraArgs": given, "extraVolumes": volumes},
        }
        for version, given in (("v1beta3", arguments), ("v1beta4", listed))
    ]
    encoded = [json.dumps(patch) for patch in patches]
    node = {"role": "control-plane", "extraMounts": mounts, "kubeadmConfigPatches": encoded}
    return json.dumps({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]})


def _finish(settings: Settings, record: Record, progress: Progress) -> None:
    kubectl = kubectl_for(settings, record, progress)
    with progress.step("API server"):
        wait_until("the API server", kubectl.ready, 90)
    with progress.step("people and their rights"):
        view = kubectl.run("config", "view", "--minify", "--flatten", "--raw", "-o", "json")
        refuse_foreign_namespace(kubectl)
        ensure_people(settings, kubectl, parse_endpoint(view.stdout))
