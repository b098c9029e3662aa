"""Kubeconfig files. They are written as JSON, which every reader of YAML takes."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from devcluster.errors import ClusterToolError


@dataclass(frozen=True)
class Endpoint:
    """An API server as clients see it."""

    server: str
    cluster: dict[str, Any]
    """The kubeconfig's own `cluster` object, so that proxies and TLS names are kept."""


def endpoint_of(server: str, authority: bytes) -> Endpoint:
    """The endpoint of an API server whose certificates `authority` (PEM) signs."""
    return Endpoint(server, {"server": server, "certificate-authority-data": _encoded(authority)})


def parse_endpoint(text: str) -> Endpoint:
    """The endpoint that a minified kubeconfig in JSON points to.

    Raises ClusterToolError when it names no cluster.
    """
    fields = cast("dict[str, Any]", json.loads(text))
    if not fields.get("clusters"):
        raise ClusterToolError("the current kubeconfig names no cluster")
    cluster = cast("dict[str, Any]", fields["clusters"][0]["cluster"])
    return Endpoint(str(cluster["server"]), cluster)


def render_kubeconfig(name: str, endpoint: Endpoint, user: str, certificate: bytes, key: bytes) -> str:
    """A kubeconfig for one user with a client certificate (PEM), everything embedded."""
    credentials = {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)}
    context = {"cluster": name, "user": user}
    return _dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": endpoint.cluster}],
            "users": [{"name": user, "user": credentials}],
            "contexts": [{"name": f"{user}@{name}", "context": context}],
            "current-context": f"{user}@{name}",
        }
    )


def certificate_in(path: Path) -> bytes:
    """The client certificate (PEM) of a kubeconfig that `render_kubeconfig` made."""
    fields = json.loads(path.read_text())
    return base64.b64decode(fields["users"][0]["user"]["client-certificate-data"])


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _dump(fields: dict[str, Any]) -> str:
    return json.dumps(fields, indent=1) + "\n"
