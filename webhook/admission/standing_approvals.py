"""The door of StandingApproval objects: made by approvers for others, stamped, never changed, revocable.

A policy's rule says whether there may be any, how long and by whom; it is asked when one is made, and
again at every use.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.sealing import Identity
from webhook.admission.approval_requests import SYSTEM, comparable
from webhook.admission.approval_rights import Rights
from webhook.admission.denials import deny, unavailable
from webhook.admission.review import Answer, PatchOperation, RemoveOperation, Request, decode_object
from webhook.approvals import telling
from webhook.approvals.asking import decider
from webhook.approvals.objects import Person
from webhook.approvals.standing import (
    PLURAL,
    StandingApproval,
    StandingStatus,
    refuse_giver,
    refuse_spec,
    revoked,
    stamped,
)
from webhook.approvals.telling import Source
from webhook.approvals.verdicts import Refusal
from webhook.journal.journal import Journal
from webhook.policy.decision import Approval, Operation

Json = dict[str, Any]
_NOT_CHANGED: Final = "standing approvals are not changed once they are given"
_NO_RULE: Final = "the rule that it names asks for no approval, or there is no such rule"
"""Names of rules that there are not may be anything, card data included, and are not repeated."""


class Policies(Protocol):
    """Knows the rules in force."""

    def approval(self, policy: str, rule: str) -> Approval | None:
        """Give how a rule wants approvals; None when it asks for none, or is not there."""
        ...


_standing = msgspec.json.Decoder(StandingApproval)
_objects = msgspec.json.Decoder(Json)


class StandingApprovalDoor:
    """Judges CREATE, UPDATE and DELETE ``standingapprovals``. ``clock`` gives the time."""

    def __init__(
        self,
        rights: Rights,
        policies: Policies,
        *,
        masked: Callable[[str], str],
        shown: Callable[[Identity], Identity],
        journal: Journal,
        source: Source,
        clock: Callable[[], datetime],
    ) -> None:
        """``masked`` masks what people write, ``shown`` who they are."""
        self._rights = rights
        self._policies = policies
        self._masked = masked
        self._shown = shown
        self._journal = journal
        self._source = source
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give the stamped object, or a refusal. Raises MalformedReviewError."""
        if request.user_info.username in SYSTEM:
            return Answer()
        try:
            match request.operation:
                case Operation.CREATE:
                    return await self._create(request)
                case Operation.UPDATE:
                    return self._update(request)
                case _:
                    return self._delete(request)
        except ClusterError as error:
            return unavailable(f"change of standing approval {request.name}", why=str(error))

    async def _create(self, request: Request) -> Answer:
        given = _with_place(decode_object(request.object, _standing), request)
        asked = f"creation of standing approval {request.namespace}/{given.metadata.name}"
        if given.status is not None or given.revoke is not None:
            remedy = "leave status and revoke out; who gives it and until when is stamped"
            return deny(asked, why="it was stamped by hand", remedy=remedy, rule="NotByHand", field="status")
        if not given.metadata.name:
            remedy = "give it a name in metadata.name"
            return deny(asked, why="its name is not known yet", remedy=remedy, rule="NameMissing")
        approval = self._policies.approval(given.spec.policy, given.spec.rule)
        refusal = await self._refusal(given, approval, request)
        if refusal is not None or approval is None:
            return self._refuse(asked, given, refusal, request)
        status = stamped(given.spec, approval, self._person(request), self._clock())
        reason = self._masked(given.spec.reason)
        if not request.dry_run:
            made = replace(given, status=status, spec=replace(given.spec, reason=reason))
            identity = request.user_info.identity()
            self._journal.note(telling.standing_given(self._source, made, identity, request.uid))
        steps = () if reason == given.spec.reason else (PatchOperation("add", "/spec/reason", reason),)
        return Answer(patch=(*steps, _status(status)))

    async def _refusal(
        self, given: StandingApproval, approval: Approval | None, request: Request
    ) -> Refusal | None:
        spec, person = given.spec, self._person(request)
        if approval is None:
            return Refusal("NoSuchRule", _NO_RULE)
        words = (" ".join((spec.user, *spec.argv_prefix)), spec.resource, spec.target, spec.container)
        if any(self._masked(word) != word for word in words):
            return Refusal(
                "CardData", "its user, target or the beginning of its command lines holds card data"
            )
        found = refuse_spec(spec, approval) or refuse_giver(
            spec, approval, Person(username=spec.user), person, self._clock()
        )
        if found is not None:
            return found
        identity, name = request.user_info.identity(), given.metadata.name
        may = await asyncio.to_thread(self._rights.may_approve, identity, PLURAL, request.namespace, name)
        why = f"{person.username} has no right to approve in namespace {request.namespace}"
        return None if may else Refusal("MayNotApprove", why)

    def _update(self, request: Request) -> Answer:
        before, after = (decode_object(raw, _standing) for raw in (request.old_object, request.object))
        asked = f"change of standing approval {request.namespace}/{request.name}"
        was, now = (decode_object(raw, _objects) for raw in (request.old_object, request.object))
        now.pop("revoke", None)
        if comparable(was) != comparable(now):
            place = f"{request.name} -n {request.namespace}"
            remedy = f"revoke it and give another: chaperone approvals revoke {place}"
            return deny(asked, why=_NOT_CHANGED, remedy=remedy, rule="NotByHand")
        if after.revoke is None:
            return Answer()
        if before.status is None or before.status.revoked is not None:
            why = "it was revoked already" if before.status else "it never held, for nobody stamped it"
            return deny(asked, why=why, remedy="nothing needs to be done", rule="TooLate", field="revoke")
        reason = self._masked(after.revoke.reason)
        status = revoked(before.status, self._person(request), reason, self._clock())
        self._tell_end(before, reason, request)
        return Answer(patch=(RemoveOperation("/revoke"), _status(status)))

    def _delete(self, request: Request) -> Answer:
        given = decode_object(request.old_object, _standing)
        if given.holds(self._clock()):
            self._tell_end(given, "removed", request)
        return Answer()

    def _person(self, request: Request) -> Person:
        return decider(self._shown(request.user_info.identity()))

    def _tell_end(self, given: StandingApproval, reason: str, request: Request) -> None:
        if request.dry_run:
            return
        event = telling.standing_ended(
            self._source,
            given,
            request.user_info.identity(),
            reason=reason,
            at=self._clock(),
            request=request.uid,
        )
        self._journal.note(event)

    def _refuse(
        self, asked: str, given: StandingApproval, refusal: Refusal | None, request: Request
    ) -> Answer:
        refusal = refusal or Refusal("NoSuchRule", _NO_RULE)
        if not request.dry_run:
            event = telling.standing_refused(
                self._source,
                given,
                request.user_info.identity(),
                why=refusal.why,
                rule=refusal.rule,
                at=self._clock(),
                request=request.uid,
            )
            self._journal.note(event)
        return deny(asked, why=refusal.why, remedy=_remedy(refusal.rule, given), rule=refusal.rule)


def _with_place(given: StandingApproval, request: Request) -> StandingApproval:
    name = given.metadata.name or request.name
    return replace(given, metadata=replace(given.metadata, name=name, namespace=request.namespace))


def _status(status: StandingStatus) -> PatchOperation:
    return PatchOperation("add", "/status", msgspec.to_builtins(status, str_keys=True))


def _remedy(rule: str, given: StandingApproval) -> str:
    if rule in {"OwnRequest", "NotAnApprover", "ServiceAccountExcluded", "MayNotApprove"}:
        return "ask somebody else, who may approve here, to give it"
    remedies = {
        "ReasonMissing": "add spec.reason",
        "CardData": "leave card data out of spec.user, argvPrefix, resource, target and container",
        "TooWide": "name arguments in spec.argvPrefix, or the object in spec.resource and spec.target",
        "TooLong": "ask for a shorter time",
        "NoSuchRule": "name the rule that asks, as chaperone approvals show NAME -n NAMESPACE says it",
    }
    otherwise = f"approve each request by itself, or have policy {given.spec.policy} allow it with"
    return remedies.get(rule, f"{otherwise} approval.standing")
