"""The components of a local node: what each is started with."""

from dataclasses import dataclass

from devcluster import configs
from devcluster.configs import BINARIES, ETC, PKI
from devcluster.files import digest_of
from devcluster.network import SERVICE_RANGE, Link
from devcluster.pki import FRONT_PROXY_NAME

API_PORT = 6443
AUDIT_LOG = f"{configs.CLUSTER}/audit/audit.log"


@dataclass(frozen=True)
class Component:
    """A long-running program of the node."""

    name: str
    argv: tuple[str, ...]
    configuration: tuple[str, ...] = ()
    """Texts it reads at its start: when one changes, `up` restarts it."""

    @property
    def specification(self) -> str:
        """Tells whether a running component is the one that is wanted."""
        return digest_of(text.encode() for text in (*self.argv, *self.configuration))


def etcd() -> Component:
    """Durable only as far as the host's page cache: enough for a cluster that can be made anew."""
    client = "http://127.0.0.1:2379"
    return Component(
        "etcd",
        (
            "etcd",
            f"--data-dir={configs.CLUSTER}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ),
    )


def containerd(configuration: str) -> Component:
    return Component("containerd", ("containerd", f"--config={ETC}/containerd.toml"), (configuration,))


def apiserver(link: Link, policy: str, version: str) -> Component:
    """The API server: RBAC, audit log, aggregation with a CA of its own, webhooks reached by endpoint."""
    return Component(
        "kube-apiserver",
        (
            f"{BINARIES}/kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={link.node}",
            f"--secure-port={API_PORT}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged",
            "--enable-aggregator-routing",
            f"--tls-cert-file={PKI}/apiserver.crt",
            f"--tls-private-key-file={PKI}/apiserver.key",
            f"--client-ca-file={PKI}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={PKI}/apiserver-kubelet.crt",
            f"--kubelet-client-key={PKI}/apiserver-kubelet.key",
            f"--kubelet-certificate-authority={PKI}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={PKI}/service-account.pub",
            f"--service-account-signing-key-file={PKI}/service-account.key",
            f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
            f"--requestheader-allowed-names={FRONT_PROXY_NAME}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={PKI}/front-proxy.crt",
            f"--proxy-client-key-file={PKI}/front-proxy.key",
            f"--audit-policy-file={ETC}/audit-policy.yaml",
            f"--audit-log-path={AUDIT_LOG}",
            "--audit-log-maxsize=50",
            "--audit-log-maxbackup=2",
        ),
        (policy, version),
    )


def controller_manager(version: str) -> Component:
    """Also the signer of the users' client certificates."""
    return Component(
        "kube-controller-manager",
        (
            f"{BINARIES}/kube-controller-manager",
            f"--kubeconfig={ETC}/controller-manager.kubeconfig",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={PKI}/service-account.key",
            f"--root-ca-file={PKI}/ca.crt",
            f"--cluster-signing-cert-file={PKI}/ca.crt",
            f"--cluster-signing-key-file={PKI}/ca.key",
            "--cluster-signing-duration=8760h",
        ),
        (version,),
    )


def scheduler(version: str) -> Component:
    argv = (f"{BINARIES}/kube-scheduler", f"--kubeconfig={ETC}/scheduler.kubeconfig", "--leader-elect=false")
    return Component("kube-scheduler", argv, (version,))


def proxy(configuration: str, version: str) -> Component:
    return Component(
        "kube-proxy", (f"{BINARIES}/kube-proxy", f"--config={ETC}/proxy.yaml"), (configuration, version)
    )


def kubelet(node: str, link: Link, configuration: str, version: str) -> Component:
    argv = (
        f"{BINARIES}/kubelet",
        f"--config={ETC}/kubelet.yaml",
        f"--kubeconfig={ETC}/kubelet.kubeconfig",
        f"--hostname-override={node}",
        f"--node-ip={link.node}",
    )
    return Component("kubelet", argv, (configuration, version))
