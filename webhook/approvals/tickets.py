"""Approval requests in the API server: made once, and spent once, however many replicas are asked."""

from collections.abc import Iterable
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.approvals.objects import API_VERSION, ASK_LABEL, PLURAL, ApprovalRequest, Status
from webhook.kube.api import MERGE_PATCH, KubeApi

PATH: Final = f"/apis/{API_VERSION}"


class Tickets(Protocol):
    """Where approval requests are kept. Methods block and raise ClusterError."""

    def find(self, namespace: str, base: str) -> Iterable[ApprovalRequest]:
        """Give all requests for one action, as they are now."""
        ...

    def create(self, ticket: ApprovalRequest) -> bool:
        """Make one; False when there is one of that name."""
        ...

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        """Give one a new status; False when it has changed since it was read, or is gone."""
        ...


class _List(msgspec.Struct, frozen=True):
    items: tuple[ApprovalRequest, ...] | None = ()


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _Change(msgspec.Struct, frozen=True):
    metadata: _Version
    status: Status


class KubeTickets:
    """Keeps them in the API server."""

    def __init__(self, api: KubeApi, *, seconds: float) -> None:
        """``seconds`` is how long one request may take."""
        self._api = api
        self._seconds = seconds

    def find(self, namespace: str, base: str) -> Iterable[ApprovalRequest]:
        """Give all requests for one action, as they are now."""
        query = urlencode({"labelSelector": f"{ASK_LABEL}={base}"})
        return self._list(f"{_path(namespace)}?{query}")

    def everything(self) -> Iterable[ApprovalRequest]:
        """Give the requests of all namespaces."""
        return self._list(f"{PATH}/{PLURAL}")

    def get(self, namespace: str, name: str) -> ApprovalRequest | None:
        """Give one, None when there is none."""
        return self._api.get(_path(namespace, name), ApprovalRequest, seconds=self._seconds)

    def create(self, ticket: ApprovalRequest) -> bool:
        """Make one; False when there is one of that name."""
        path = _path(ticket.metadata.namespace)
        reply = self._api.request("POST", path, body=ticket, seconds=self._seconds)
        if reply.status == 409:
            return False
        if not 200 <= reply.status < 300:
            raise ClusterError(f"an approval request cannot be made: the API server answered {reply.status}")
        return True

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        """Give one a new status; False when it has changed since it was read, or is gone."""
        metadata = ticket.metadata
        reply = self._api.request(
            "PATCH",
            _path(metadata.namespace, metadata.name),
            body=_Change(_Version(metadata.resource_version), status),
            content_type=MERGE_PATCH,
            seconds=self._seconds,
        )
        if reply.status in {404, 409}:
            return False
        if not 200 <= reply.status < 300:
            raise ClusterError(f"an approval cannot be spent: the API server answered {reply.status}")
        return True

    def _list(self, path: str) -> Iterable[ApprovalRequest]:
        found = self._api.get(path, _List, seconds=self._seconds)
        if found is None:
            raise ClusterError("this cluster has no approval requests: their definition is missing")
        return found.items or ()


def _path(namespace: str, name: str = "") -> str:
    path = f"{PATH}/namespaces/{quote(namespace, safe='')}/{PLURAL}"
    return f"{path}/{quote(name, safe='')}" if name else path
