import json
from pathlib import Path

import pytest
from devcluster import gobuild, gomod
from devcluster.errors import ClusterToolError
from devcluster.gomod import Upstream, parse_upstream, render_go_mod

ANSWER = json.dumps(
    {
        "Module": {"Path": "k8s.io/kubernetes"},
        "Go": "1.24.0",
        "Godebug": [{"Key": "default", "Value": "go1.24"}],
        "Require": [
            {"Path": "k8s.io/utils", "Version": "v0.0.0-20250604170112-4c0f3b243397"},
            {"Path": "k8s.io/api", "Version": "v0.0.0"},
            {"Path": "k8s.io/client-go", "Version": "v0.0.0"},
        ],
        "Replace": [
            {"Old": {"Path": "k8s.io/api"}, "New": {"Path": "./staging/src/k8s.io/api"}},
            {"Old": {"Path": "example.org/a"}, "New": {"Path": "example.org/b", "Version": "v1.0.0"}},
        ],
    }
)


def test_only_modules_at_the_zero_version_are_staging_modules() -> None:
    assert parse_upstream(ANSWER).staging == ("k8s.io/api", "k8s.io/client-go")


def test_only_published_replacements_are_taken_over() -> None:
    assert parse_upstream(ANSWER).replaced == (("example.org/a", "example.org/b", "v1.0.0"),)


def test_a_module_without_a_go_version_is_refused() -> None:
    with pytest.raises(ClusterToolError, match="names no Go version"):
        parse_upstream('{"Require": null}')


def test_staging_modules_follow_the_minor_version() -> None:
    text = render_go_mod(gomod.kubernetes("1.34.4"), parse_upstream(ANSWER))
    assert "require k8s.io/kubernetes v1.34.4\n" in text
    assert "replace k8s.io/client-go => k8s.io/client-go v0.34.4\n" in text
    assert "replace example.org/a => example.org/b v1.0.0\n" in text
    assert "k8s.io/utils" not in text
    assert "go 1.24.0\n" in text
    assert "godebug default=go1.24\n" in text
    assert text.count("\ntool k8s.io/kubernetes/cmd/") == len(gomod.KUBERNETES_COMMANDS)


def test_a_product_without_staging_modules() -> None:
    text = render_go_mod(gomod.helm(), Upstream("1.26.0", (), (), ()))
    assert "replace" not in text
    assert text.endswith("tool helm.sh/helm/v4/cmd/helm\n")


def test_a_build_carries_its_version() -> None:
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in gomod.kubernetes("1.34.4").ldflags
    assert gomod.coredns().ldflags == "-s -w"


@pytest.mark.parametrize("product", [gomod.kubernetes("1.37.2"), gomod.coredns(), gomod.helm()])
def test_the_default_versions_are_pinned(product: gomod.Product) -> None:
    folder = gobuild.PINNED / product.title
    assert f"{product.module} v{product.version}" in (folder / "go.mod").read_text()
    assert f"{product.module} v{product.version} h1:" in (folder / "go.sum").read_text()


def test_a_partial_binary_is_not_a_built_one(tmp_path: Path) -> None:
    (tmp_path / ".helm.partial").write_text("")
    assert gobuild.missing_commands(gomod.helm(), tmp_path) == [("helm", "helm.sh/helm/v4/cmd/helm")]
    (tmp_path / "helm").write_text("")
    (tmp_path / "helm").chmod(0o755)
    assert gobuild.missing_commands(gomod.helm(), tmp_path) == []
