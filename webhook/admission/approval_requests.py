"""The door of ApprovalRequest objects: Chaperone alone makes them, people add one verdict, stamped with who.

Source for the check of rights: SubjectAccessReview, authorization.k8s.io/v1.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol, cast

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.sealing import Identity
from webhook.admission.denials import deny, unavailable
from webhook.admission.review import (
    Answer,
    MalformedReviewError,
    PatchOperation,
    RemoveOperation,
    Request,
    decode_object,
)
from webhook.approvals import lifecycle
from webhook.approvals.objects import PLURAL, ApprovalRequest, Asked, Person
from webhook.policy.decision import Operation

Json = dict[str, Any]
_SYSTEM: Final = frozenset(
    {
        "system:serviceaccount:kube-system:namespace-controller",
        "system:serviceaccount:kube-system:generic-garbage-collector",
    }
)
_WRITTEN_BY_SERVER: Final = frozenset({"managedFields", "generation", "resourceVersion"})
_NEVER: Final = "approval requests are made, changed and removed by Chaperone alone"
_DECIDE: Final = "add a decision: chaperone approvals approve NAME, or deny NAME"


class Rights(Protocol):
    """Knows what the cluster's RBAC lets people do."""

    def may_approve(self, identity: Identity, namespace: str, name: str) -> bool:
        """Tell whether somebody has the verb ``approve`` on a request. Blocks; raises ClusterError."""
        ...


class _Written(msgspec.Struct, frozen=True):
    decision: Asked | None = None


_requests = msgspec.json.Decoder(ApprovalRequest)
_written = msgspec.json.Decoder(_Written)
_objects = msgspec.json.Decoder(Json)


class ApprovalRequestDoor:
    """Judges CREATE, UPDATE and DELETE ``approvalrequests``. ``clock`` gives the time."""

    def __init__(self, rights: Rights, *, writers: frozenset[str], clock: Callable[[], datetime]) -> None:
        """``writers`` are the users Chaperone itself writes as."""
        self._rights = rights
        self._writers = writers
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give the stamped verdict, or a refusal. Raises MalformedReviewError."""
        if request.user_info.username in self._writers | _SYSTEM:
            return Answer()
        match request.operation:
            case Operation.UPDATE:
                return await self._update(request)
            case Operation.DELETE:
                return self._delete(request)
            case _:
                asked = f"creation of approval request {request.namespace}/{request.name}"
                remedy = "do what you want approved; Chaperone asks for the approval then"
                return deny(asked, why=_NEVER, remedy=remedy, rule="NotByHand")

    def _delete(self, request: Request) -> Answer:
        ticket = decode_object(request.old_object, _requests)
        if not lifecycle.phase_at(ticket, self._clock()).is_open:
            return Answer()
        asked = f"removal of approval request {request.namespace}/{request.name}"
        remedy = "deny it, or wait until it has expired; then it can be removed"
        return deny(asked, why=f"{_NEVER} while they are open", remedy=remedy, rule="NotByHand")

    async def _update(self, request: Request) -> Answer:
        asked = f"change of approval request {request.namespace}/{request.name}"
        ticket = decode_object(request.old_object, _requests)
        said = _said(request)
        if not _is_otherwise_same(request):
            return deny(asked, why=_NEVER, remedy=_DECIDE, rule="NotByHand")
        if said is None:
            return Answer()
        identity = request.user_info.identity()
        approver = Person(username=identity.username, uid=identity.uid, groups=tuple(identity.groups[:64]))
        asked = f"verdict on approval request {request.namespace}/{request.name}"
        now = self._clock()
        refusal = lifecycle.refuse(ticket, said, approver, now)
        if refusal is not None:
            remedy = _remedy(refusal.rule, request)
            return deny(asked, why=refusal.why, remedy=remedy, rule=refusal.rule, field="decision")
        try:
            if not await asyncio.to_thread(
                self._rights.may_approve, identity, request.namespace, request.name
            ):
                return _without_right(asked, request)
        except ClusterError as error:
            return unavailable(asked, why=str(error))
        status = msgspec.to_builtins(lifecycle.decide(ticket, said, approver, now), str_keys=True)
        return Answer(patch=(RemoveOperation("/decision"), PatchOperation("add", "/status", status)))


def _said(request: Request) -> Asked | None:
    try:
        return decode_object(request.object, _written).decision
    except MalformedReviewError:
        raise MalformedReviewError("a decision has a verdict, approve or deny, and a reason") from None


def _is_otherwise_same(request: Request) -> bool:
    """Tell whether nothing but the decision differs from what is stored."""
    before, after = (decode_object(raw, _objects) for raw in (request.old_object, request.object))
    after.pop("decision", None)
    return _comparable(before) == _comparable(after)


def _comparable(found: Json) -> Json:
    metadata = cast("Json", found.get("metadata") or {})
    return {
        **found,
        "metadata": {key: value for key, value in metadata.items() if key not in _WRITTEN_BY_SERVER},
    }


def _without_right(asked: str, request: Request) -> Answer:
    user = request.user_info.username
    return deny(
        asked,
        why=f"{user} has no right to approve in namespace {request.namespace}",
        remedy="an administrator can give it: kubectl create rolebinding chaperone-approver"
        f" -n {request.namespace} --clusterrole=chaperone-approver --user={user}",
        rule="MayNotApprove",
    )


def _remedy(rule: str, request: Request) -> str:
    show = f"kubectl get {PLURAL} {request.name} -n {request.namespace} -o yaml"
    match rule:
        case "OwnRequest" | "DecidedTwice" | "NotAnApprover":
            return f"ask somebody else to decide; what is known of it: {show}"
        case "ReasonMissing":
            return 'add a reason: {"decision":{"verdict":"approve","reason":"WHY"}}'
        case _:
            return f"have the action asked for again, if it is still wanted; what became of it: {show}"
