"""Who may approve, as the cluster's RBAC says."""

from typing import Final

import msgspec

from sidecar.contract.sealing import Identity
from webhook.kube.api import KubeApi

_PATH: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_GROUP: Final = "chaperone.dev"


class _Status(msgspec.Struct, frozen=True):
    allowed: bool = False
    denied: bool = False


class _Review(msgspec.Struct, frozen=True):
    status: _Status


class KubeRights:
    """Asks by SubjectAccessReview."""

    def __init__(self, api: KubeApi, *, seconds: float) -> None:
        """``seconds`` is how long one request may take."""
        self._api = api
        self._seconds = seconds

    def may_approve(self, identity: Identity, resource: str, namespace: str, name: str) -> bool:
        """Tell whether somebody has the verb ``approve`` on an object. Blocks; raises ClusterError."""
        attributes = {
            "namespace": namespace,
            "verb": "approve",
            "group": _GROUP,
            "resource": resource,
            "name": name,
        }
        spec = {
            "user": identity.username,
            "uid": identity.uid,
            "groups": identity.groups,
            "extra": identity.extra,
            "resourceAttributes": attributes,
        }
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        status = self._api.request("POST", _PATH, body=body, seconds=self._seconds).decode(_Review).status
        return status.allowed and not status.denied
