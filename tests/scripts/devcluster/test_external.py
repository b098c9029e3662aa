import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from devcluster import cli, external
from devcluster.external import kind_configuration


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="up --existing uses the kubectl that is there")
def test_a_cluster_that_does_not_answer_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config"
    file.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\nusers: [{name: a, user: {}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setenv("CHAPERONE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(external, "REACHED_SECONDS", 0.0)
    assert cli.main(["up", "--existing", "--name", "gone"], tmp_path) == 1
    assert "does not answer; kubectl get --raw /readyz says why" in capsys.readouterr().err
    assert cli.main(["status", "--name", "gone"], tmp_path) == 1
    assert "there is no cluster gone" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "state").rglob("*") if "kubeconfig" in path.name]


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
