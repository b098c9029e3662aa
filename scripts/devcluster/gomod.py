"""The Go modules that the programs of a cluster are built from, and the go.mod of each build."""

import json
from dataclasses import dataclass
from typing import Any, cast

from devcluster.errors import ClusterToolError
from devcluster.settings import COREDNS_VERSION, HELM_VERSION

KUBERNETES_COMMANDS = (
    "kubectl",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
)


@dataclass(frozen=True)
class Product:
    """Commands that are built from one version of one Go module."""

    name: str
    module: str
    version: str
    """Without `v`."""
    commands: tuple[tuple[str, str], ...]
    """Pairs of binary name and Go package."""
    symbols: tuple[tuple[str, str], ...] = ()
    """Pairs of Go variable and the text the linker puts there."""

    @property
    def title(self) -> str:
        return f"{self.name}-v{self.version}"

    @property
    def ldflags(self) -> str:
        return " ".join(["-s", "-w", *(f"-X {variable}={value}" for variable, value in self.symbols)])


@dataclass(frozen=True)
class Upstream:
    """What a build takes over from a module's own go.mod."""

    go: str
    godebug: tuple[tuple[str, str], ...]
    staging: tuple[str, ...]
    """Modules required at v0.0.0: they live in the module's own repository and are published beside it."""
    replaced: tuple[tuple[str, str, str], ...]
    """Replacements by published modules: old path, new path, new version."""


def kubernetes(version: str) -> Product:
    """The control plane, node and client commands of a Kubernetes version."""
    _, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    return Product(
        "kubernetes",
        "k8s.io/kubernetes",
        version,
        tuple((name, f"k8s.io/kubernetes/cmd/{name}") for name in KUBERNETES_COMMANDS),
        (
            (f"{package}.gitVersion", f"v{version}"),
            (f"{package}.gitMajor", "1"),
            (f"{package}.gitMinor", minor),
        ),
    )


def coredns() -> Product:
    """The cluster's DNS server."""
    module = "github.com/coredns/coredns"
    return Product("coredns", module, COREDNS_VERSION, (("coredns", module),))


def helm() -> Product:
    """The Helm client."""
    return Product("helm", "helm.sh/helm/v4", HELM_VERSION, (("helm", "helm.sh/helm/v4/cmd/helm"),))


def parse_upstream(text: str) -> Upstream:
    """Read the answer of `go mod edit -json`.

    Raises ClusterToolError when it lacks the Go version.
    """
    fields = cast("dict[str, Any]", json.loads(text))
    if "Go" not in fields:
        raise ClusterToolError("the module's go.mod names no Go version")
    godebug, replaced = _listed(fields, "Godebug"), _listed(fields, "Replace")
    published = [item for item in replaced if "Version" in item["New"]]
    return Upstream(
        str(fields["Go"]),
        tuple((item["Key"], item["Value"]) for item in godebug),
        tuple(sorted(item["Path"] for item in _listed(fields, "Require") if item["Version"] == "v0.0.0")),
        tuple((item["Old"]["Path"], item["New"]["Path"], item["New"]["Version"]) for item in published),
    )


def _listed(fields: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", fields.get(key) or [])


def render_go_mod(product: Product, upstream: Upstream) -> str:
    """A go.mod that builds the product's commands.

    Only a main module's own replacements count for Go, so the upstream's are repeated here, and each
    staging module is replaced by its published version: v0.MINOR.PATCH.
    """
    staging = "v0." + product.version.split(".", 1)[1]
    lines = ["module chaperone.dev/build", "", f"go {upstream.go}", ""]
    lines += [f"godebug {key}={value}" for key, value in upstream.godebug]
    lines += ["", f"require {product.module} v{product.version}", ""]
    lines += [f"replace {path} => {path} {staging}" for path in upstream.staging]
    lines += [f"replace {old} => {new} {version}" for old, new, version in upstream.replaced]
    lines += ["", *(f"tool {package}" for _, package in product.commands)]
    return "\n".join(lines) + "\n"
