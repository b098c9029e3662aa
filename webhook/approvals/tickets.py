"""Approval requests in the API server: made once, and spent once, however many replicas are asked."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.approvals import lifecycle, standing
from webhook.approvals.objects import (
    API_VERSION,
    ASK_LABEL,
    PLURAL,
    ApprovalRequest,
    Status,
    generation_of,
)
from webhook.approvals.standing import StandingApproval
from webhook.kube.api import MERGE_PATCH, KubeApi

PATH: Final = f"/apis/{API_VERSION}"
EVERYWHERE: Final = f"{PATH}/{PLURAL}"
"""Path of the requests of all namespaces."""


class Tickets(Protocol):
    """Where approval requests are kept. Methods block and raise ClusterError."""

    def last(self, namespace: str, base: str, now: dt.datetime) -> ApprovalRequest | None:
        """Give the last request for one action, as it is now; None when there is none."""
        ...

    def create(self, ticket: ApprovalRequest) -> ApprovalRequest | None:
        """Make one and give it as it is kept; None when there is one of that name."""
        ...

    def update(self, ticket: ApprovalRequest, status: Status) -> bool:
        """Give one a new status; False when it has changed since it was read, or is gone."""
        ...

    def remove(self, ticket: ApprovalRequest) -> bool:
        """Remove one; False when it has changed since it was read, or is gone."""
        ...


class Standings(Protocol):
    """Where standing approvals are kept. Methods block and raise ClusterError."""

    def given(self, namespace: str) -> Iterable[StandingApproval]:
        """Give those of a namespace, as they are now."""
        ...


class _List(msgspec.Struct, frozen=True):
    items: tuple[ApprovalRequest, ...] | None = ()


class _StandingList(msgspec.Struct, frozen=True):
    items: tuple[StandingApproval, ...] | None = ()


class _Preconditions(msgspec.Struct, frozen=True, rename="camel"):
    uid: str
    resource_version: str


class _DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    preconditions: _Preconditions
    api_version: str = "v1"
    kind: str = "DeleteOptions"


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _Change(msgspec.Struct, frozen=True):
    metadata: _Version
    status: Status


class KubeTickets:
    """Keeps them in the API server."""

    def __init__(
        self, api: KubeApi, *, seconds: float, known: Callable[[str, str], int | None] | None = None
    ) -> None:
        """``seconds`` is how long one request may take.

        ``known`` gives which was the last request for one action a moment ago, from 1; 0 when there was none,
        None when that is not known.
        """
        self._api = api
        self._seconds = seconds
        self._known = known

    def last(self, namespace: str, base: str, now: dt.datetime) -> ApprovalRequest | None:
        """Give the last request for one action, as it is now; None when there is none.

        Read by name, from the one that was the last a moment ago: a list takes the longer the more requests
        the namespace has. Only where that one is gone, or nothing is known, there is no other way.
        """
        known = None if self._known is None else self._known(namespace, base)
        found = None if known is None else self.get(namespace, f"{base}-{max(1, known)}")
        if found is None:
            return None if known == 0 else self._last_listed(namespace, base)
        while not lifecycle.blocks(found, now):
            following = self.get(namespace, f"{base}-{generation_of(found) + 1}")
            if following is None:
                return found
            found = following
        return found

    def _last_listed(self, namespace: str, base: str) -> ApprovalRequest | None:
        query = urlencode({"labelSelector": f"{ASK_LABEL}={base}"})
        found = self._api.get(f"{_path(namespace)}?{query}", _List, seconds=self._seconds)
        if found is None:
            raise ClusterError("this cluster has no approval requests: their definition is missing")
        return max(found.items or (), key=generation_of, default=None)

    def get(self, namespace: str, name: str) -> ApprovalRequest | None:
        """Give one, None when there is none."""
        return self._api.get(_path(namespace, name), ApprovalRequest, seconds=self._seconds)

    def create(self, ticket: ApprovalRequest) -> ApprovalRequest | None:
        """Make one and give it as it is kept; None when there is one of that name."""
        path = _path(ticket.metadata.namespace)
        reply = self._api.request("POST", path, body=ticket, seconds=self._seconds)
        if reply.status == 409:
            return None
        if not 200 <= reply.status < 300:
            raise ClusterError(f"an approval request cannot be made: the API server answered {reply.status}")
        return reply.decode(ApprovalRequest)

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

    def remove(self, ticket: ApprovalRequest) -> bool:
        """Remove one; False when it has changed since it was read, or is gone."""
        metadata = ticket.metadata
        path = _path(metadata.namespace, metadata.name)
        return self._remove(path, metadata.uid, metadata.resource_version)

    def end(self, given: StandingApproval) -> bool:
        """Remove a standing approval; False when it has changed since it was read, or is gone."""
        metadata = given.metadata
        path = f"{_standing_path(metadata.namespace)}/{quote(metadata.name, safe='')}"
        return self._remove(path, metadata.uid, metadata.resource_version)

    def _remove(self, path: str, uid: str, version: str) -> bool:
        options = _DeleteOptions(_Preconditions(uid, version))
        reply = self._api.request("DELETE", path, body=options, seconds=self._seconds)
        if reply.status in {404, 409}:
            return False
        if not 200 <= reply.status < 300:
            raise ClusterError(f"an old approval request stays: the API server answered {reply.status}")
        return True

    def given(self, namespace: str) -> Iterable[StandingApproval]:
        """Give the standing approvals of a namespace, as they are now; of all without one."""
        path = _standing_path(namespace) if namespace else f"{PATH}/{standing.PLURAL}"
        found = self._api.get(path, _StandingList, seconds=self._seconds)
        if found is None:
            raise ClusterError("this cluster has no standing approvals: their definition is missing")
        return found.items or ()


def _path(namespace: str, name: str = "") -> str:
    path = f"{PATH}/namespaces/{quote(namespace, safe='')}/{PLURAL}"
    return f"{path}/{quote(name, safe='')}" if name else path


def _standing_path(namespace: str) -> str:
    return f"{PATH}/namespaces/{quote(namespace, safe='')}/{standing.PLURAL}"
