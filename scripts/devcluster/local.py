"""A control plane and one node on this machine, in namespaces of their own."""

import os
import shutil
import sys
import time
from pathlib import Path
from string import Template

from devcluster import cgroups, components, configs, imagestore, network
from devcluster.apt import ensure_packages
from devcluster.components import API_PORT, Component
from devcluster.errors import NotReadyError, UsageError
from devcluster.files import write_atomically
from devcluster.gobuild import build
from devcluster.gomod import coredns, kubernetes
from devcluster.kubeconfig import Endpoint, endpoint_of, render_kubeconfig
from devcluster.kubectl import Kubectl, wait_until
from devcluster.network import Link
from devcluster.node import SPECIFICATION, Node, create_node, end_node, end_process, find_node
from devcluster.pki import certificates, make_pki
from devcluster.processes import start_time
from devcluster.progress import Progress
from devcluster.record import Backend, Record, write_record
from devcluster.settings import Settings
from devcluster.shell import run
from devcluster.staleness import stale_pods
from devcluster.users import ADMIN, ensure_people
from devcluster.volumes import ensure_volumes

COREDNS_MANIFEST = Path(__file__).parent / "manifests/coredns.yaml"
PATIENCE = 180
"""Seconds that each step may take to become ready: generous, for machines that do other things too."""
SYSTEM_USERS = ("kubelet", "controller-manager", "scheduler", "proxy")


def up(settings: Settings, record: Record | None, version: str, progress: Progress) -> None:
    """Bring everything up that is not up; safe to run again after any interruption."""
    _require_root()
    ensure_packages(progress)
    binaries = build(kubernetes(version), settings.cache, progress)
    build(coredns(), settings.cache, progress)
    if record is None:
        subnet = network.choose_subnet(settings.ident, network.networks_in_use())
        record = Record(Backend.LOCAL, version, subnet)
        write_record(settings.state, record)
    LocalCluster(settings, network.link_of(record.subnet), version, binaries).start(progress)


def end(settings: Settings, progress: Progress) -> None:
    """End every process and remove all that is outside the state folder and the build cache."""
    _require_root()
    with progress.step("end all processes"):
        while (node := find_node(settings)) is not None:
            end_node(node)
    with progress.step("remove the link and control groups"):
        network.disconnect(settings)
        cgroups.remove_cgroups(settings.ident)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise UsageError("a local cluster needs root; or use --existing, or install Docker and kind")


def remove_state(state: Path) -> None:
    """Remove a cluster's folder in one visible step: a half-removed cluster is never taken for one."""
    if state.exists():
        doomed = state.with_name(f".{state.name}.removed.{os.getpid()}")
        state.rename(doomed)
    for doomed in state.parent.glob(f".{state.name}.removed.*"):
        shutil.rmtree(doomed)


class LocalCluster:
    """The steps of `up`, each of which does only what is not done yet."""

    def __init__(self, settings: Settings, link: Link, version: str, binaries: Path) -> None:
        self._settings = settings
        self._link = link
        self._version = version
        self._binaries = binaries
        self._init = imagestore.build_init(settings.cache)
        self._kubectl = Kubectl(binaries / "kubectl", settings.kubeconfig(ADMIN))

    def start(self, progress: Progress) -> None:
        with progress.step("keys and configuration"):
            make_pki(self._settings.pki, certificates(self._settings.name, self._link))
            endpoint = self._write_kubeconfigs()
            wanted = self._write_configuration()
        with progress.step("node namespaces and network"):
            cgroups.make_cgroups(self._settings.ident)
            node = find_node(self._settings) or create_node(self._settings, self._init, self._binaries)
            network.connect(self._settings, node, self._link)
        with progress.step("container runtime and images"):
            self._start(node, wanted["containerd"], wanted["etcd"])
            wait_until("containerd", lambda: self._runtime_answers(node), PATIENCE)
            self._load_images(node)
        with progress.step("API server"):
            self._start(node, wanted["kube-apiserver"])
            wait_until(
                "the API server",
                lambda: self._alive(node, "kube-apiserver") and self._kubectl.ready(),
                PATIENCE,
            )
        with progress.step("controllers, scheduler, proxy and kubelet"):
            self._start(node, *(wanted[name] for name in ("kube-controller-manager", "kube-scheduler")))
            self._start(node, *(wanted[name] for name in ("kube-proxy", "kubelet")))
        with progress.step("people and their rights"):
            ensure_people(self._settings, self._kubectl, endpoint)
        with progress.step("volumes and cluster DNS"):
            ensure_volumes(self._settings, self._kubectl)
            image = imagestore.coredns_image(self._settings).reference
            names = {"IMAGE": image, "ADDRESS": network.DNS_SERVICE}
            self._kubectl.apply(Template(COREDNS_MANIFEST.read_text()).substitute(names))
        with progress.step("node ready"):
            wait_until("the node", lambda: self._alive(node, "kubelet") and self._node_ready(node), PATIENCE)
        with progress.step("DNS ready"):
            wait_until("the cluster's DNS", lambda: self._names_resolve(node), PATIENCE)

    def _write_kubeconfigs(self) -> Endpoint:
        """The administrator's for the host, the components' for the node."""
        pki = self._settings.pki
        endpoint = endpoint_of(f"https://{self._link.node}:{API_PORT}", (pki / "ca.crt").read_bytes())
        targets = {ADMIN: self._settings.kubeconfig(ADMIN)}
        targets |= {name: self._settings.state / f"etc/{name}.kubeconfig" for name in SYSTEM_USERS}
        for name, target in targets.items():
            certificate, key = (pki / f"{name}.crt").read_bytes(), (pki / f"{name}.key").read_bytes()
            text = render_kubeconfig(self._settings.name, endpoint, name, certificate, key)
            write_atomically(target, text, 0o600)
        return endpoint

    def _write_configuration(self) -> dict[str, Component]:
        """Write the configuration files and give the components that read them."""
        settings, link, version = self._settings, self._link, self._version
        pause = imagestore.pause_image(self._init).reference
        files = {
            "containerd.toml": configs.containerd(pause, _snapshotter(settings.state)),
            "cni/10-pods.conflist": configs.cni(),
            "kubelet.yaml": configs.kubelet(f"/{settings.ident}"),
            "proxy.yaml": configs.proxy(settings.name),
            "audit-policy.yaml": configs.audit_policy(),
            "resolv.conf": "",
        }
        for name, text in files.items():
            write_atomically(settings.state / "etc" / name, text)
        for folder in ("audit", "etc/static-pods"):
            (settings.state / folder).mkdir(exist_ok=True)
        wanted = (
            components.etcd(),
            components.containerd(files["containerd.toml"]),
            components.apiserver(link, files["audit-policy.yaml"], version),
            components.controller_manager(version),
            components.scheduler(version),
            components.proxy(files["proxy.yaml"], version),
            components.kubelet(settings.name, link, files["kubelet.yaml"], version),
        )
        return {component.name: component for component in wanted}

    def _start(self, node: Node, *wanted: Component) -> None:
        """Start what does not run; restart what runs with another specification."""
        for component in wanted:
            running = node.component(component.name)
            if running is not None and running.specification == component.specification:
                continue
            if running is not None:
                end_process(running.process, 15)
            log = self._settings.logs / f"{component.name}.log"
            node.start(component.name, component.argv, log, {SPECIFICATION: component.specification})

    def _alive(self, node: Node, name: str) -> bool:
        """True while a component runs.

        Raises NotReadyError with the end of its log when it ended.
        """
        if not any(self._seen(node, name) for _ in range(5)):
            log = self._settings.logs / f"{name}.log"
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise NotReadyError(f"{name} ended; the end of {log}:\n{tail}")
        return True

    def _seen(self, node: Node, name: str) -> bool:
        """Look for a component; a process in its execve shows neither arguments nor environment."""
        if node.component(name) is not None:
            return True
        time.sleep(0.2)
        return False

    def _runtime_answers(self, node: Node) -> bool:
        self._alive(node, "containerd")
        return node.run([*imagestore.CTR, "version"], check=False, timeout=10).returncode == 0

    def _load_images(self, node: Node) -> None:
        present = imagestore.loaded(node)
        for image in (imagestore.pause_image(self._init), imagestore.coredns_image(self._settings)):
            if image.reference not in present:
                imagestore.load(node, imagestore.archived(image, self._settings.cache), image.reference)

    def _names_resolve(self, node: Node) -> bool:
        probe = [sys.executable, "-I", Path(__file__).with_name("dnsprobe.py")]
        asked = [network.DNS_SERVICE, "kubernetes.default.svc.cluster.local"]
        return run(node.on_network([*probe, *asked]), check=False).returncode == 0

    def _node_ready(self, node: Node) -> bool:
        query = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        done = self._kubectl.run("get", "node", self._settings.name, "-o", query, check=False)
        fresh = done.stdout == "True" and self._kubectl.json("get", "pods", "--all-namespaces")
        return bool(fresh) and not stale_pods(fresh, start_time(node.init))


def _snapshotter(state: Path) -> str:
    """Overlay does not stack on overlay: where the state folder is on one, layers are copied."""
    kind = run(["stat", "--file-system", "--format=%T", state]).stdout.strip()
    return "native" if kind == "overlayfs" else "overlayfs"
