"""Configuration files of a local node's components, as text. Paths are those the node itself sees."""

import json
from typing import Any

from devcluster.network import DNS_SERVICE, POD_RANGE

CLUSTER = "/run/cluster"
"""Where the node sees the cluster's state folder."""
PKI = f"{CLUSTER}/pki"
ETC = f"{CLUSTER}/etc"
BINARIES = "/run/bin"
"""Where the node sees the Kubernetes commands."""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def _dump(fields: dict[str, Any]) -> str:
    return json.dumps(fields, indent=1) + "\n"


def containerd(pause: str, snapshotter: str) -> str:
    """containerd's configuration (config version 2).

    `restrict_oom_score_adj`: without CAP_SYS_RESOURCE no sandbox starts otherwise.
    """
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{ETC}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def cni() -> str:
    """Pod networking where the node routes every packet: Service addresses work without br_netfilter."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": POD_RANGE}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugin = {"type": "ptp", "ipMasq": False, "ipam": {**addresses, "dataDir": "/run/cni"}}
    return _dump({"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]})


def kubelet(cgroup_root: str) -> str:
    """A kubelet that never evicts and never removes an image: images are loaded once, by hand."""
    return _dump(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{PKI}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{PKI}/kubelet.crt",
            "tlsPrivateKeyFile": f"{PKI}/kubelet.key",
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": cgroup_root,
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": False,
            "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "oomScoreAdj": 0,
            "clusterDomain": "cluster.local",
            "clusterDNS": [DNS_SERVICE],
            "resolvConf": f"{ETC}/resolv.conf",
            "staticPodPath": f"{ETC}/static-pods",
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
            "readOnlyPort": 0,
        }
    )


def proxy(node: str) -> str:
    """kube-proxy in nftables mode, with the host's connection tracking limits left alone."""
    return _dump(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": f"{ETC}/proxy.kubeconfig"},
            "mode": "nftables",
            "clusterCIDR": POD_RANGE,
            "hostnameOverride": node,
            "oomScoreAdj": 0,
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }
    )


def audit_policy() -> str:
    """Who did what to which object, exec and attach included; never a body, so never a Secret's value."""
    quiet = [
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi/*"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}]},
    ]
    return _dump(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [*quiet, {"level": "Metadata"}],
        }
    )
