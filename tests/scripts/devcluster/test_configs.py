import json
import tomllib
from typing import Any

from devcluster import components, configs
from devcluster.network import link_of

LINK = link_of(0)


def policy_level(resource: str, group: str = "") -> str:
    """The level that the audit policy's first matching rule gives (the API server reads it so)."""
    policy: dict[str, Any] = json.loads(configs.audit_policy())
    for rule in policy["rules"]:
        listed: list[dict[str, Any]] | None = rule.get("resources")
        if listed is None and "nonResourceURLs" not in rule:
            return rule["level"]
        for entry in listed or []:
            if entry["group"] == group and resource in entry["resources"]:
                return rule["level"]
    return "None"


def test_no_audit_rule_keeps_a_body() -> None:
    policy = json.loads(configs.audit_policy())
    assert {rule["level"] for rule in policy["rules"]} == {"None", "Metadata"}


def test_sessions_and_secrets_are_audited() -> None:
    for resource in ("pods/exec", "pods/attach", "pods/portforward", "secrets"):
        assert policy_level(resource) == "Metadata"
    assert policy_level("leases", "coordination.k8s.io") == "None"


def test_containerd_reads_its_configuration() -> None:
    parsed = tomllib.loads(configs.containerd("localhost/pause:x", "native"))
    cri = parsed["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == "localhost/pause:x"
    assert cri["containerd"]["snapshotter"] == "native"
    assert cri["restrict_oom_score_adj"]


def test_a_kubelet_keeps_its_images_and_pods() -> None:
    parsed = json.loads(configs.kubelet("/chaperone-dev-1"))
    assert parsed["imageGCHighThresholdPercent"] == 100
    assert set(parsed["evictionHard"].values()) == {"0%"}
    assert parsed["cgroupRoot"] == "/chaperone-dev-1"
    assert not parsed["authentication"]["anonymous"]["enabled"]


def test_kube_proxy_leaves_the_hosts_limits_alone() -> None:
    parsed = json.loads(configs.proxy("dev"))
    assert (parsed["conntrack"]["maxPerCore"], parsed["conntrack"]["min"]) == (0, 0)


def test_sockets_have_short_paths() -> None:
    assert len(configs.CONTAINERD_SOCKET) < 60


def test_a_changed_configuration_is_another_component() -> None:
    one, two = (components.kubelet("dev", LINK, text, "1.37.2") for text in ("a", "b"))
    assert one.specification != two.specification
    assert components.etcd().specification == components.etcd().specification


def test_a_changed_version_is_another_component() -> None:
    one, two = (components.scheduler(version).specification for version in ("1.37.2", "1.34.4"))
    assert one != two


def test_the_api_server_authorises_audits_and_aggregates() -> None:
    argv = components.apiserver(LINK, configs.audit_policy(), "1.37.2").argv
    assert "--authorization-mode=Node,RBAC" in argv
    assert "--enable-aggregator-routing" in argv
    assert any(word.startswith("--audit-log-path=") for word in argv)
    assert "--requestheader-allowed-names=front-proxy-client" in argv
