"""Approval requests as the commands read and decide them, with refusals in words that help."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from webhook.approvals.objects import API_VERSION, PLURAL, ApprovalRequest, Phase
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.object_names import check_namespace
from webhook.replay.safety import printable

_MERGE_PATCH: Final = "application/merge-patch+json"
_PAUSE_SECONDS: Final = 2.0
_T = TypeVar("_T")


class Found(msgspec.Struct, frozen=True):
    """A request, and the object exactly as the API server gave it."""

    ticket: ApprovalRequest
    raw: msgspec.Raw


class _List(msgspec.Struct, frozen=True):
    items: tuple[msgspec.Raw, ...] | None = ()


class _Status(msgspec.Struct, frozen=True):
    message: str = ""


class ApprovalAccess:
    """One API server, as one user, and the namespace to look in; None for all."""

    def __init__(self, cluster: Cluster, namespace: str | None) -> None:
        self.cluster = cluster
        self.namespace = namespace

    @classmethod
    def open(
        cls, kubeconfig: Path | None, context: str | None, namespace: str | None, *, all_namespaces: bool
    ) -> "ApprovalAccess":
        """Read the kubeconfig. Raises CliError."""
        if namespace:
            check_namespace("--namespace", namespace)
        cluster = Cluster(kubeconfig, context)
        return cls(cluster, None if all_namespaces else namespace or cluster.namespace)

    @property
    def place(self) -> str:
        """Where, in words."""
        return f"namespace {self.namespace}" if self.namespace else "any namespace"

    def get(self, name: str = "") -> bytes:
        """Give one request, or the list of all. Raises CliError."""
        with self.cluster.request(self._path(name), {}) as answer:
            return self._content(answer.status, answer.read(), name)

    def patch(self, name: str, body: object) -> bytes:
        """Change a request. Raises CliError."""
        content = msgspec.json.encode(body)
        with self.cluster.request(self._path(name), {}, body=content, patch=_MERGE_PATCH) as answer:
            return self._content(answer.status, answer.read(), name)

    def _path(self, name: str) -> tuple[str, ...]:
        where = ("namespaces", self.namespace) if self.namespace else ()
        return ("apis", *API_VERSION.split("/"), *where, PLURAL, *([name] if name else []))

    def _content(self, status: int, body: bytes, name: str) -> bytes:
        if 200 <= status < 300:
            return body
        told = printable(_decoded(body, _Status).message)
        if status == 404 and name and name in told:
            raise CliError(f'no approval request "{printable(name)}" in {self.place}', ExitCode.NOT_FOUND)
        if status == 404:
            raise CliError(
                "this cluster has no approval requests: is Chaperone installed?", ExitCode.UNAVAILABLE
            )
        code = ExitCode.FORBIDDEN if status in {401, 403} else ExitCode.FAILED
        raise CliError(told or f"the API server answered {status}", code)


def listed(access: ApprovalAccess, *, everything: bool) -> list[Found]:
    """Give requests, the oldest first; only open ones unless all are asked for. Raises CliError."""
    found = [_found(bytes(raw)) for raw in _decoded(access.get(), _List).items or ()]
    shown = [one for one in found if everything or one.ticket.status.phase is Phase.PENDING]
    return sorted(shown, key=lambda one: (one.ticket.spec.expires_at, one.ticket.metadata.name))


def find(access: ApprovalAccess, name: str) -> Found:
    """Give one request. Raises CliError."""
    return _found(access.get(name))


def say(access: ApprovalAccess, name: str, verdict: str, reason: str) -> str:
    """Decide, and give what came of it in one line. Raises CliError."""
    decision = {"verdict": verdict, **({"reason": reason} if reason else {})}
    ticket = _found(access.patch(name, {"decision": decision})).ticket
    count = ticket.spec.approval.count - len(ticket.status.decisions)
    still = f"; {count} more must agree" if ticket.status.phase is Phase.PENDING else ""
    return f"{name}: {ticket.status.phase.value.lower()}{still}"


def follow(access: ApprovalAccess) -> Iterator[ApprovalRequest]:
    """Give each request that comes or changes, for ever. Raises CliError."""
    known: dict[str, str] = {}
    while True:
        for one in listed(access, everything=True):
            metadata = one.ticket.metadata
            if known.get(metadata.uid) != metadata.resource_version:
                known[metadata.uid] = metadata.resource_version
                yield one.ticket
        time.sleep(_PAUSE_SECONDS)


def _found(body: bytes) -> Found:
    return Found(_decoded(body, ApprovalRequest), msgspec.Raw(body))


def _decoded(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise CliError("the API server's answer cannot be read; is it of another version?") from None
