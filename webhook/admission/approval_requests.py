"""The door of ApprovalRequest objects: Chaperone alone makes them, people add one verdict, stamped with who.

Source for the check of rights: SubjectAccessReview, authorization.k8s.io/v1.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, cast

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.sealing import Identity
from webhook.accounts import user_of
from webhook.admission.approval_rights import Rights
from webhook.admission.denials import deny, unavailable
from webhook.admission.lookup import NotPermittedError
from webhook.admission.review import (
    Answer,
    MalformedReviewError,
    PatchOperation,
    RemoveOperation,
    Request,
    decode_object,
)
from webhook.approvals import lifecycle, telling
from webhook.approvals.approvers import is_same
from webhook.approvals.asking import decider
from webhook.approvals.objects import PLURAL, ApprovalRequest, Asked, Person, Verdict
from webhook.approvals.telling import Source
from webhook.approvals.verdicts import Refusal, decide, refuse
from webhook.journal.journal import Journal
from webhook.policy.decision import Operation

Json = dict[str, Any]
SYSTEM: Final = frozenset(
    {
        user_of("kube-system", "namespace-controller"),
        user_of("kube-system", "generic-garbage-collector"),
        "system:kube-controller-manager",  # all controllers, where they share a credential
    }
)
WRITTEN_BY_SERVER: Final = frozenset({"managedFields", "generation", "resourceVersion"})
_NEVER: Final = "approval requests are made, changed and removed by Chaperone alone"
_STAYS: Final = "leave it: Chaperone removes it in its time, or have somebody remove it who may approve it"

Targets = Callable[[ApprovalRequest], Awaitable[str]]
"""Gives why an approval could not be used any more, nothing when it could.

Raises NotPermittedError where Chaperone may not look, and ClusterError.
"""

_requests = msgspec.json.Decoder(ApprovalRequest)
_objects = msgspec.json.Decoder(Json)


class _Written(msgspec.Struct, frozen=True):
    decision: Asked | None = None


_written = msgspec.json.Decoder(_Written)


class ApprovalRequestDoor:
    """Judges CREATE, UPDATE and DELETE ``approvalrequests``. ``clock`` gives the time."""

    def __init__(
        self,
        rights: Rights,
        *,
        writers: frozenset[str],
        targets: Targets,
        masked: Callable[[str], str],
        shown: Callable[[Identity], Identity],
        journal: Journal,
        source: Source,
        clock: Callable[[], datetime],
    ) -> None:
        """``writers`` are the users Chaperone itself writes as.

        ``masked`` masks what people write, ``shown`` who they are.
        """
        self._rights = rights
        self._writers = writers
        self._targets = targets
        self._masked = masked
        self._shown = shown
        self._journal = journal
        self._source = source
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give the stamped verdict, or a refusal. Raises MalformedReviewError."""
        if request.user_info.username in self._writers | SYSTEM:
            return Answer()
        try:
            match request.operation:
                case Operation.UPDATE:
                    return await self._update(request)
                case Operation.DELETE:
                    return await self._delete(request)
                case _:
                    asked = f"creation of approval request {request.namespace}/{request.name}"
                    remedy = "do what you want approved; Chaperone asks for the approval then"
                    return deny(asked, why=_NEVER, remedy=remedy, rule="NotByHand")
        except ClusterError as error:
            return unavailable(f"change of approval request {request.name}", why=str(error))

    async def _delete(self, request: Request) -> Answer:
        ticket, now = decode_object(request.old_object, _requests), self._clock()
        asked = f"removal of approval request {request.namespace}/{ticket.metadata.name}"
        if lifecycle.phase_at(ticket, now).is_open:
            remedy = "deny it, or wait until it has expired; then it can be removed"
            return deny(asked, why=f"{_NEVER} while they are open", remedy=remedy, rule="NotByHand")
        if lifecycle.awaits_review(ticket):
            place = f"{ticket.metadata.name} -n {request.namespace}"
            remedy = f"review it: chaperone approvals review {place} --reason WHAT-YOU-FOUND"
            why = "the glass was broken for it, and nobody has reviewed that yet"
            return deny(asked, why=why, remedy=remedy, rule="ReviewPending")
        if is_same(self._person(request), ticket.spec.requester):
            why = (
                f"{request.user_info.username} asked for it, and what became of it is not theirs to take away"
            )
            return deny(asked, why=why, remedy=_STAYS, rule="OwnRequest")
        if not await self._may_approve(request, ticket.metadata.name):
            return deny(asked, why=_without_right(request), remedy=_STAYS, rule="MayNotApprove")
        if not request.dry_run:
            event = telling.removed(self._source, ticket, request.user_info.identity(), now)
            self._journal.note(event)
        return Answer()

    async def _update(self, request: Request) -> Answer:
        asked = f"change of approval request {request.namespace}/{request.name}"
        ticket = decode_object(request.old_object, _requests)
        said = _said(request)
        if not _is_otherwise_same(request):
            place = f"{request.name} -n {request.namespace}"
            remedy = f"add a decision: chaperone approvals deny {place}, or approve in place of deny"
            return deny(asked, why=_NEVER, remedy=remedy, rule="NotByHand")
        if said is None:
            return Answer()
        said = replace(said, reason=self._masked(said.reason))
        refusal, warnings = await self._refusal(ticket, said, request), ()
        if refusal is None and said.verdict is Verdict.APPROVE:
            refusal, warnings = await self._look(ticket)
        if refusal is not None:
            return self._refuse(ticket, said, refusal, request)
        after = replace(ticket, status=decide(ticket, said, self._person(request), self._clock()))
        if not request.dry_run:
            tell = telling.reviewed if said.verdict is Verdict.REVIEW else telling.decided
            self._journal.note(tell(self._source, after, request.user_info.identity(), request.uid))
        status = msgspec.to_builtins(after.status, str_keys=True)
        patch = (RemoveOperation("/decision"), PatchOperation("add", "/status", status))
        return Answer(patch=patch, warnings=warnings)

    async def _refusal(self, ticket: ApprovalRequest, said: Asked, request: Request) -> Refusal | None:
        found = refuse(ticket, said, self._person(request), self._clock())
        if found is not None or said.verdict is Verdict.BREAK_GLASS:
            return found
        if not await self._may_approve(request, request.name):
            return Refusal("MayNotApprove", _without_right(request))
        return None

    def _person(self, request: Request) -> Person:
        return decider(self._shown(request.user_info.identity()))

    async def _may_approve(self, request: Request, name: str) -> bool:
        identity = request.user_info.identity()
        return await asyncio.to_thread(self._rights.may_approve, identity, PLURAL, request.namespace, name)

    async def _look(self, ticket: ApprovalRequest) -> tuple[Refusal | None, tuple[str, ...]]:
        """Give why what was asked is not there to be done any more, or what to warn of."""
        try:
            why = await self._targets(ticket)
        except NotPermittedError as error:
            warning = f"{error}: should it have changed since this was asked, only the second try says so"
            return None, (warning,)
        return (Refusal("TargetChanged", why) if why else None), ()

    def _refuse(self, ticket: ApprovalRequest, said: Asked, refusal: Refusal, request: Request) -> Answer:
        if not request.dry_run:
            event = telling.refused(
                self._source,
                ticket,
                said,
                request.user_info.identity(),
                why=refusal.why,
                rule=refusal.rule,
                at=self._clock(),
                request=request.uid,
            )
            self._journal.note(event)
        asked = f"verdict on approval request {request.namespace}/{request.name}"
        remedy = _remedy(refusal.rule, said.verdict, request)
        return deny(asked, why=refusal.why, remedy=remedy, rule=refusal.rule, field="decision")


def _without_right(request: Request) -> str:
    return f"{request.user_info.username} has no right to approve in namespace {request.namespace}"


def _said(request: Request) -> Asked | None:
    try:
        return decode_object(request.object, _written).decision
    except MalformedReviewError:
        words = ", ".join(verdict.value for verdict in Verdict)
        raise MalformedReviewError(f"a decision has a verdict ({words}) and a reason") from None


def _is_otherwise_same(request: Request) -> bool:
    """Tell whether nothing but the decision differs from what is stored."""
    before, after = (decode_object(raw, _objects) for raw in (request.old_object, request.object))
    after.pop("decision", None)
    return comparable(before) == comparable(after)


def comparable(found: Json) -> Json:
    """Give an object without what the API server writes into it at a change."""
    metadata: object = found.get("metadata")
    if not isinstance(metadata, dict):
        return found
    kept = {key: value for key, value in cast("Json", metadata).items() if key not in WRITTEN_BY_SERVER}
    return {**found, "metadata": kept}


def _remedy(rule: str, verdict: Verdict, request: Request) -> str:
    show = f"kubectl get {PLURAL} {request.name} -n {request.namespace} -o yaml"
    again = "have the action asked for again, if it is still wanted"
    said = f'"decision":{{"verdict":"{verdict.value}","reason":"WHY"}}'
    give = (
        "an administrator can give it: kubectl create rolebinding chaperone-approver"
        f" -n {request.namespace} --clusterrole=chaperone-approver --user={request.user_info.username}"
    )
    others = f"ask somebody else to decide; what is known of it: {show}"
    wait = "wait for somebody else to decide, or have an approver deny or approve it"
    remedies = {
        "OwnRequest": others,
        "AnotherRequest": f"look at it again, and decide on what it asks now: {show}",
        "DecidedTwice": others,
        "NotAnApprover": others,
        "ServiceAccountExcluded": others,
        "ReasonMissing": f"add a reason in place of WHY: --reason WHY, or {said}",
        "MayNotApprove": give,
        "TargetChanged": f"{again}: that makes a request that shows what it would do now; this one expires",
        "NothingToReview": f"there is nothing to do; what is known of it: {show}",
        "GlassIsClosed": wait,
        "NotTheRequester": wait,
    }
    late = f"there is nothing left to do; what was found: {show}"
    otherwise = late if verdict is Verdict.REVIEW else f"{again}; what became of it: {show}"
    return remedies.get(rule, otherwise)
