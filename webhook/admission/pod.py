"""The pod door: CREATE ``pods``, once every webhook that changes them has had its turn (``injection.py``).

The judge sees the pod as its author and all webhooks left it, without what was injected. What was injected
has to be there to the letter, or no session in the pod could be trusted to be recorded.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.admission import main_process
from webhook.admission.approving import Approving, answered
from webhook.admission.conflicts import conflict
from webhook.admission.denials import deny, refused_by_policy, unavailable
from webhook.admission.grants import Granter
from webhook.admission.injected import Difference, difference, read_pod, was_injected, without
from webhook.admission.injection import creation_of
from webhook.admission.lookup import NamespaceLookup
from webhook.admission.pods import Pod
from webhook.admission.questions import object_question
from webhook.admission.recorder import Json, RecorderSettings, Trust
from webhook.admission.review import Answer, Request, decode_object
from webhook.admission.system import is_made_from_template
from webhook.admission.templates import Templates
from webhook.approvals.subjects import pod_subject
from webhook.policy.added import Part, parts, privileges_of
from webhook.policy.decision import Action, Decision, Door, Policy, Question
from webhook.policy.privileges import UNCERTAIN

_pods = msgspec.json.Decoder(Pod)
_AGAIN: Final = (
    "do it again: while Chaperone is upgraded or its keys are replaced, that helps. If it is refused as well,"
    " a webhook changes pods after Chaperone's: have it leave alone what is Chaperone's (the container"
    " chaperone-recorder, its volumes, mounts at /.chaperone), and not add containers each time it is asked"
)
_SAY_IT: Final = (
    "write it into the template, so that it is approved with the workload; or except such pods in the policy;"
    " or have the webhook that adds it leave it out"
)


class PodDoor:
    """Judges new pods as they will be. ``trust`` raises ClusterError as long as there are no keys."""

    def __init__(
        self,
        *,
        settings: RecorderSettings,
        trust: Callable[[], Trust],
        exempt: frozenset[str],
        namespaces: NamespaceLookup,
        templates: Templates,
        policy: Policy,
        approving: Approving,
        granter: Granter,
    ) -> None:
        """``granter`` knows to whom grants were issued, and the time."""
        self._settings = settings
        self._trust = trust
        self._exempt = exempt
        self._namespaces = namespaces
        self._templates = templates
        self._policy = policy
        self._approving = approving
        self._granter = granter

    async def review(self, request: Request) -> Answer:
        """Give whether the pod may be. Raises MalformedReviewError."""
        if request.namespace in self._exempt:
            return Answer()
        pod, whole = decode_object(request.object, _pods), read_pod(request.object)
        asked = creation_of(request, pod)
        try:
            return await self._judge(asked, request, pod, whole)
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _judge(self, asked: str, request: Request, pod: Pod, whole: Json) -> Answer:
        trust = self._trust()
        bare = msgspec.structs.replace(request, object=without(whole, self._settings))
        labels = await self._namespaces.labels(request.namespace)
        question = object_question(bare, Door.POD, at=self._granter.now(), namespace_labels=labels)
        decision = self._policy.decide(question)
        if decision.action is Action.DENY:
            return refused_by_policy(asked, decision)
        wanted = main_process.wanted(pod, decision)
        refused = self._unrecordable(asked, request, pod, whole, trust, wanted=wanted)
        if refused is not None:
            return refused if decision.action.refuses else msgspec.structs.replace(refused, decision=decision)
        if decision.action is not Action.APPROVE:
            return Answer(decision=decision)
        if is_made_from_template(request.user_info, pod):
            return await self._made_from_template(asked, pod, question, decision)
        subject = pod_subject(question)
        called = msgspec.structs.replace(question, name=subject.target.name)
        return answered(await self._approving.ask(asked, bare, called, decision, subject))

    def _unrecordable(
        self,
        asked: str,
        request: Request,
        pod: Pod,
        whole: Json,
        trust: Trust,
        *,
        wanted: main_process.Wanted,
    ) -> Answer | None:
        """Give the refusal of a pod whose sessions could not be recorded."""
        clash = conflict(pod, request.object, self._settings, trust, wanted)
        changed = difference(whole, self._settings, trust, awaited=bool(wanted.by))
        if changed is None:
            who = request.user_info.identity()
            found = main_process.astray(
                pod, wanted, request.namespace, trust.roots, lambda grant: self._granter.is_for(grant, who)
            )
            changed = found and Difference(found.why, found.field)
        if changed is not None and (clash is None or was_injected(whole, self._settings)):
            why = f"what Chaperone injects is not in this pod as it was injected: {changed.why}"
            return deny(asked, why=why, remedy=_AGAIN, rule="InjectionChanged", field=changed.field)
        if clash is not None:
            return deny(asked, why=clash.why, remedy=clash.remedy, rule=clash.rule, field=clash.field)
        return None

    async def _made_from_template(
        self, asked: str, pod: Pod, question: Question, decision: Decision
    ) -> Answer:
        """Let a pod pass for its template, unless what it has more needs an approval."""
        beyond = await self._beyond(question.namespace, pod, question)
        if not beyond or not self._is_asked_about(question, beyond):
            return Answer(decision=_judged_before(decision))
        listed = ", ".join(f"{part.privilege.value} ({part.path})" for part in beyond)
        why = (
            f"its template, which was judged, does not have {listed}: another webhook added it. This needs a"
            f" human's approval, says rule {decision.rule} of policy {decision.policy}, and nobody is asked"
            " about pods of controllers one by one"
        )
        return deny(asked, why=why, remedy=_SAY_IT, rule="AddedPrivilege", field=beyond[0].path)

    async def _beyond(self, namespace: str, pod: Pod, question: Question) -> tuple[Part, ...]:
        """Give what makes a pod privileged that none of the templates it may be made from has."""
        found = parts(msgspec.json.decode(question.object))
        if not found:
            return ()
        return privileges_of(found, [template async for template in self._templates.of(namespace, pod)])

    def _is_asked_about(self, question: Question, beyond: tuple[Part, ...]) -> bool:
        """Tell whether what was added needs somebody's approval.

        Who approved the template as one of all did not see what was added. What only an image decides counts
        where a rule asks for that: nearly every container may be root.
        """
        added = tuple(dict.fromkeys(part.privilege for part in beyond))
        now = self._policy.decide(msgspec.structs.replace(question, privileges=added))
        if now.action is not Action.APPROVE or not UNCERTAIN.issuperset(added):
            return now.action.refuses
        anyway = self._policy.decide(msgspec.structs.replace(question, privileges=()))
        return (anyway.action, anyway.policy, anyway.rule) != (now.action, now.policy, now.rule)


def _judged_before(decision: Decision) -> Decision:
    """Give what becomes of an approval that was given, or not needed, for the template."""
    reason = "a controller makes it from a template that was judged when its workload was made or changed"
    return msgspec.structs.replace(decision, action=Action.AUDIT, reason=reason, approval=None)
