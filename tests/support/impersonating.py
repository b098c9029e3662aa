"""kubectl as anybody, with claims: by the administrator's right to impersonate, out of a kubeconfig."""

import json
from collections.abc import Mapping
from pathlib import Path

from kube import Kubectl


def impersonating(
    admin: Kubectl, folder: Path, name: str, *groups: str, extra: Mapping[str, list[str]] | None = None
) -> Kubectl:
    """Give somebody with a name, groups and claims (``userInfo.extra``)."""
    config = json.loads(admin.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] |= {"as": name, "as-groups": list(groups), "as-user-extra": dict(extra or {})}
    path = folder / f"{len(list(folder.iterdir()))}.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return Kubectl(path)
