"""Approvals as the commands read and decide them, with refusals in words that help."""

import re
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.approvals import standing
from webhook.approvals.lifecycle import awaits_review
from webhook.approvals.objects import API_VERSION, PLURAL, ApprovalRequest, Phase, Verdict
from webhook.approvals.standing import StandingApproval
from webhook.cli.answers import decoded_object
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.object_names import check_namespace
from webhook.cli.refusals import is_without_right, unknown_user, way_to_allow
from webhook.replay.safety import printable

_MERGE_PATCH: Final = "application/merge-patch+json"
_KINDS: Final = {PLURAL: "approval request", standing.PLURAL: "standing approval"}
_PASSED_ON: Final = re.compile(r'^admission webhook "[^"]+" denied the request: ')
_READING: Final = ("reading them", "chaperone-requester")
_DECIDING: Final = ("deciding", "chaperone-approver")
_BREAKING: Final = ("breaking the glass", "chaperone-break-glass")
"""What ClusterRoles of the chart allow."""
_T = TypeVar("_T")


class Found(msgspec.Struct, frozen=True):
    """A request, and the object exactly as the API server gave it."""

    ticket: ApprovalRequest
    raw: msgspec.Raw


class Given(msgspec.Struct, frozen=True):
    """A standing approval, and the object exactly as the API server gave it."""

    approval: StandingApproval
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

    def get(self, plural: str, name: str = "") -> bytes:
        """Give one object, or the list of all. Raises CliError."""
        with self.cluster.request(self.path(plural, name), {}) as answer:
            return self.content(answer.status, answer.read(), plural, name)

    def patch(self, plural: str, name: str, body: object, needed: tuple[str, str] = _DECIDING) -> bytes:
        """Change an object, which takes a role. Raises CliError."""
        content, path = msgspec.json.encode(body), self.path(plural, name)
        with self.cluster.request(path, {}, body=content, patch=_MERGE_PATCH) as answer:
            return self.content(answer.status, answer.read(), plural, name, needed)

    def create(self, plural: str, body: object) -> bytes:
        """Make an object. Raises CliError."""
        with self.cluster.request(self.path(plural), {}, body=msgspec.json.encode(body)) as answer:
            return self.content(answer.status, answer.read(), plural, "", _DECIDING)

    def path(self, plural: str, name: str = "") -> tuple[str, ...]:
        """Give the path of one object, or of all, part by part."""
        where = ("namespaces", self.namespace) if self.namespace else ()
        return ("apis", *API_VERSION.split("/"), *where, plural, *([name] if name else []))

    def content(
        self, status: int, body: bytes, plural: str, name: str, needed: tuple[str, str] = _READING
    ) -> bytes:
        """Give the body of a good answer. Raises CliError that says what to do about another."""
        if 200 <= status < 300:
            return body
        told = printable(_message(body))
        if status == 404 and name and name in told:
            where = f"{self.place}; -n NAMESPACE looks elsewhere, and list -A everywhere"
            raise CliError(f'no {_KINDS[plural]} "{printable(name)}" in {where}', ExitCode.NOT_FOUND)
        if status == 404:
            raise CliError(
                "this cluster has no approval requests: is Chaperone installed?", ExitCode.UNAVAILABLE
            )
        if status == 401:
            raise unknown_user()
        if status == 403 and is_without_right(told):
            told = f"{told}\n{way_to_allow(*needed, self.namespace, told)}"
        code = ExitCode.FORBIDDEN if status == 403 else ExitCode.FAILED
        raise CliError(told or f"the API server answered {status}", code)


def _message(body: bytes) -> str:
    """Give what is said of a refusal; nothing where something else answered.

    Who passed it on, the API server on behalf of a webhook, is left out.
    """
    try:
        return _PASSED_ON.sub("", msgspec.json.decode(body, type=_Status).message)
    except UNREADABLE:
        return ""


def listed(access: ApprovalAccess, *, everything: bool, unreviewed: bool = False) -> list[Found]:
    """Give requests, the oldest first. Raises CliError.

    Only those that wait unless all are asked for; with ``unreviewed`` those where the glass was broken and
    nobody has reviewed that.
    """
    found = [_found(bytes(raw)) for raw in decoded_object(access.get(PLURAL), _List).items or ()]
    if unreviewed:
        shown = [one for one in found if awaits_review(one.ticket)]
    else:
        shown = [one for one in found if everything or one.ticket.status.phase is Phase.PENDING]
    return sorted(shown, key=lambda one: (one.ticket.spec.expires_at, one.ticket.metadata.name))


def find(access: ApprovalAccess, name: str) -> Found:
    """Give one request. Raises CliError."""
    return _found(access.get(PLURAL, name))


def say(
    access: ApprovalAccess, name: str, verdict: Verdict, reason: str, *, digest: str = ""
) -> ApprovalRequest:
    """Decide, and give the request as it is then. Raises CliError.

    With ``digest`` the verdict is taken on what has this digest alone.
    """
    said = {"verdict": verdict.value, "reason": reason, "digest": digest}
    decision = {key: value for key, value in said.items() if value}
    needed = _BREAKING if verdict is Verdict.BREAK_GLASS else _DECIDING
    return _found(access.patch(PLURAL, name, {"decision": decision}, needed)).ticket


def standings(access: ApprovalAccess) -> list[Given]:
    """Give standing approvals, those that end first first. Raises CliError."""
    raws = decoded_object(access.get(standing.PLURAL), _List).items or ()
    found = [_given(bytes(raw)) for raw in raws]
    return sorted(found, key=lambda one: (str(one.approval.status and one.approval.status.until), one.raw))


def give(access: ApprovalAccess, body: object) -> StandingApproval:
    """Make a standing approval, and give it as it is kept. Raises CliError."""
    return _given(access.create(standing.PLURAL, body)).approval


def revoke(access: ApprovalAccess, name: str, reason: str) -> StandingApproval:
    """Revoke a standing approval, and give it as it is then. Raises CliError."""
    body = {"revoke": {"reason": reason} if reason else {}}
    return _given(access.patch(standing.PLURAL, name, body)).approval


def _found(body: bytes) -> Found:
    return Found(decoded_object(body, ApprovalRequest), msgspec.Raw(body))


def _given(body: bytes) -> Given:
    return Given(decoded_object(body, StandingApproval), msgspec.Raw(body))
