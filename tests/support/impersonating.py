"""kubectl as anybody, with claims: by the administrator's right to impersonate, out of a kubeconfig."""

import json
from pathlib import Path

from kube import Kubectl


def impersonating(
    admin: Kubectl, folder: Path, name: str, *groups: str, uid: str = "", **extra: list[str]
) -> Kubectl:
    """Give somebody with a name, groups and claims (``userInfo.extra``)."""
    config = json.loads(admin.kubeconfig.read_text())
    for user in config["users"]:
        claims = {"as-uid": uid} if uid else {}
        user["user"] |= {"as": name, "as-groups": list(groups), "as-user-extra": extra, **claims}
    path = folder / f"{len(list(folder.iterdir()))}.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return Kubectl(path)
