"""The doors of objects: CREATE, UPDATE and DELETE of what policies guard, whatever kubectl calls it.

Patches of every kind, server-side apply and ``kubectl edit`` arrive as UPDATE with the object as it would be;
``delete --all`` and ``deletecollection`` as a DELETE of each object. What is asked about pods is asked about
templates, too, because whoever makes a workload makes its pods.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.masking import FieldFinding
from webhook.admission.approving import Approving, answered
from webhook.admission.denials import refused_by_policy, unavailable
from webhook.admission.lookup import NamespaceLookup, RoleLookup
from webhook.admission.questions import (
    Scan,
    change_of,
    door_of,
    is_nothing,
    is_substantial,
    object_question,
    scanned,
    template_question,
)
from webhook.admission.review import Answer, MalformedReviewError, Request
from webhook.admission.system import is_for_itself, is_system, is_system_token
from webhook.approvals.subjects import Change, object_subject
from webhook.policy.decision import Action, Decision, Door, Operation, Policy, Question
from webhook.policy.demands import strictest
from webhook.policy.privileges import UnreadableObjectError
from webhook.policy.rights import BINDING_KINDS, Right, bound_role

_SMALL: Final = 64 * 1024
"""Objects up to so many bytes are scanned at once, larger ones in a thread."""
_VERBS: Final = {Operation.CREATE: "creation", Operation.UPDATE: "change", Operation.DELETE: "removal"}


class ObjectDoor:
    """Judges changes of objects."""

    def __init__(
        self,
        *,
        own: str,
        ours: frozenset[str],
        exempt: frozenset[str],
        namespaces: NamespaceLookup,
        roles: RoleLookup,
        policy: Policy,
        approving: Approving,
        scan: Scan,
        clock: Callable[[], int],
    ) -> None:
        """``own`` is Chaperone's namespace, ``ours`` are the users it runs as; ``clock`` gives Unix seconds.

        ``scan`` finds card data in a decoded object; it is called from any thread.
        """
        self._own = own
        self._ours = ours
        self._exempt = exempt - {own}
        self._namespaces = namespaces
        self._roles = roles
        self._policy = policy
        self._approving = approving
        self._scan = scan
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give whether a change may happen. Raises MalformedReviewError."""
        if self._is_left_alone(request):
            return Answer()
        door = door_of(request, self._own)
        if door is None or request.operation is Operation.CONNECT:
            raise MalformedReviewError("this is no change of an object that Chaperone guards")
        change = change_of(request, door)
        changed = is_substantial(change)
        findings = await self._findings(request, change, changed=changed)
        if (is_nothing(change) and not findings) or is_for_itself(request):
            return Answer()
        asked = f"{_VERBS[change.operation]} of {_called(request, change)}"
        try:
            return await self._judge(asked, request, change, findings, changed=changed)
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    def _is_left_alone(self, request: Request) -> bool:
        user = request.user_info
        if user.username in self._ours or is_system(user):
            return True
        return request.namespace in self._exempt and not is_system_token(request)

    async def _judge(
        self, asked: str, request: Request, change: Change, findings: Sequence[FieldFinding], *, changed: bool
    ) -> Answer:
        question = await self._question(request, change, findings, changed=changed)
        decision = self._decide(question, change)
        if decision.action is Action.APPROVE:
            subject = object_subject(change, question)
            ticketed = self._in_its_place(question, change)
            return answered(await self._approving.ask(asked, request, ticketed, decision, subject))
        if decision.action.refuses:
            return refused_by_policy(asked, decision)
        return Answer(decision=decision)

    async def _question(
        self, request: Request, change: Change, findings: Sequence[FieldFinding], *, changed: bool
    ) -> Question:
        labels = await self._namespaces.labels(request.namespace) if request.namespace else None
        return object_question(
            request,
            change.door,
            at=self._clock(),
            namespace_labels=labels,
            changed=changed,
            rights=await self._rights(request),
            findings=findings,
        )

    def _decide(self, question: Question, change: Change) -> Decision:
        """Give the stricter decision of those on the object and on the pods it makes."""
        pods = template_question(question, change)
        asked = (question,) if pods is None else (question, pods)
        return strictest([self._policy.decide(one) for one in asked])

    async def _rights(self, request: Request) -> Sequence[Right] | None:
        """Give the rights of the role that a binding binds to, None when there is none."""
        if request.kind.kind not in BINDING_KINDS or request.operation is Operation.DELETE:
            return None
        try:
            role = bound_role(request.object)
        except UnreadableObjectError as error:
            raise MalformedReviewError(str(error)) from None
        return await self._roles.rights(role.kind, request.namespace, role.name)

    async def _findings(self, request: Request, change: Change, *, changed: bool) -> Sequence[FieldFinding]:
        document = scanned(change, changed=changed)
        if document is None:
            return ()
        if len(request.object) <= _SMALL:
            return self._scan(document)
        return await asyncio.to_thread(self._scan, document)

    def _in_its_place(self, question: Question, change: Change) -> Question:
        """Give the question in the namespace where its approval request is: ours, where there is no other."""
        if question.namespace and change.door is not Door.NAMESPACE:
            return question
        return msgspec.structs.replace(question, namespace=self._own)


def _called(request: Request, change: Change) -> str:
    kind = request.kind.kind or request.resource.resource
    part = f" {request.sub_resource}" if request.sub_resource else ""
    namespace = f"{request.namespace}/" if request.namespace and change.door is not Door.NAMESPACE else ""
    return f"{kind}{part} {namespace}{change.name}"
