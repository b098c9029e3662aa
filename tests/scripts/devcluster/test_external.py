import json
from pathlib import Path
from typing import Any

from devcluster.external import kind_configuration


def test_kinds_cluster_audits_under_either_kubeadm_version() -> None:
    node: dict[str, Any] = json.loads(kind_configuration(Path("/state/dev")))["nodes"][0]
    patches = {
        patch["apiVersion"]: patch["apiServer"]["extraArgs"]
        for patch in map(json.loads, node["kubeadmConfigPatches"])
    }
    plain = patches["kubeadm.k8s.io/v1beta3"]
    listed = {item["name"]: item["value"] for item in patches["kubeadm.k8s.io/v1beta4"]}
    assert plain == listed
    assert plain["audit-policy-file"].startswith(node["extraMounts"][0]["containerPath"])
    assert node["extraMounts"][1]["hostPath"] == "/state/dev/audit"
