import json
from pathlib import Path

import pytest
from devcluster.errors import ClusterToolError
from devcluster.kubeconfig import certificate_in, endpoint_of, parse_endpoint, render_kubeconfig


def test_a_kubeconfig_holds_all_it_needs(tmp_path: Path) -> None:
    endpoint = endpoint_of("https://10.201.0.2:6443", b"authority")
    path = tmp_path / "agent.kubeconfig"
    path.write_text(render_kubeconfig("dev", endpoint, "agent", b"certificate", b"key"))
    assert certificate_in(path) == b"certificate"
    assert parse_endpoint(path.read_text()) == endpoint
    assert json.loads(path.read_text())["current-context"] == "agent@dev"


def test_a_clusters_own_settings_are_kept() -> None:
    cluster = {"server": "https://a", "proxy-url": "http://b", "tls-server-name": "c"}
    assert parse_endpoint(json.dumps({"clusters": [{"name": "x", "cluster": cluster}]})).cluster == cluster


def test_a_kubeconfig_without_a_cluster_is_refused() -> None:
    with pytest.raises(ClusterToolError, match="names no cluster"):
        parse_endpoint('{"clusters": null}')
