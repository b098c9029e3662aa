"""The exec door: CONNECT ``pods/exec`` is rewritten to start under the shim, or refused.

The API server hands the patched PodExecOptions to the kubelet, so the client needs no change. Standard
streams and tty are never touched.
"""

from collections.abc import Mapping

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import GrantError
from sidecar.contract.names import RECORDER_CONTAINER, SHIM_PATH
from webhook.admission.approving import Allowed, Approving
from webhook.admission.audit_mode import would_be_refused
from webhook.admission.containers import container_of, recorder_is_closed
from webhook.admission.denials import bad_request, deny, not_found, refused_by_policy, unavailable
from webhook.admission.evasions import Evasion, evasion
from webhook.admission.grants import Granter
from webhook.admission.lookup import NamespaceLookup, PodLookup
from webhook.admission.pods import Container, Pod, absolute
from webhook.admission.questions import SessionOptions, session_question
from webhook.admission.remedy import recreate
from webhook.admission.review import Answer, Noted, PatchOperation, Request, decode_object
from webhook.approvals.subjects import exec_subject
from webhook.policy.decision import Action, Decision, Door, Policy, Question

_options = msgspec.json.Decoder(SessionOptions)


class ExecDoor:
    """Judges CONNECT ``pods/exec``."""

    def __init__(
        self,
        *,
        pods: PodLookup,
        namespaces: NamespaceLookup,
        policy: Policy,
        granter: Granter,
        approving: Approving,
        audit_mode: bool = False,
    ) -> None:
        """In audit mode a session is recorded where that may be evaded, and the decision says so."""
        self._pods = pods
        self._namespaces = namespaces
        self._policy = policy
        self._granter = granter
        self._approving = approving
        self._audit_mode = audit_mode

    async def review(self, request: Request) -> Answer:
        """Give the rewritten command, or a refusal. Raises MalformedReviewError."""
        options = decode_object(request.object, _options)
        asked = f"exec into pod {request.namespace}/{request.name}"
        refusal = _refuse_options(asked, options)
        if refusal is not None:
            return refusal
        try:
            pod = await self._pods.find(request.namespace, request.name)
            if pod is None:
                return not_found("pods", request.name)
            labels = await self._namespaces.labels(request.namespace)
            return await self._judge(request, options, pod, labels)
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _judge(
        self, request: Request, options: SessionOptions, pod: Pod, namespace_labels: Mapping[str, str]
    ) -> Answer:
        container = container_of(options.container, pod)
        if isinstance(container, Answer):
            return container
        asked = f"exec into pod {request.namespace}/{request.name}, container {container.name}"
        around = evasion(container, pod.spec.volumes or ())
        refusal = self._refuse_unguarded(asked, request, pod, container, None if self._audit_mode else around)
        if refusal is not None:
            return refusal
        question = session_question(
            request,
            Door.EXEC,
            options,
            at=self._granter.now(),
            container=container.name,
            labels=pod.metadata.labels,
            namespace_labels=namespace_labels,
        )
        decision = self._policy.decide(question)
        if around is not None:
            decision = would_be_refused(decision, around.rule, around.why)
        session, uid = self._granter.new_session(), pod.metadata.uid
        passed = Allowed("", decision, session)
        if decision.action is Action.APPROVE:
            subject = exec_subject(question, uid)
            answer = await self._approving.ask(asked, request, question, decision, subject, session=session)
            if isinstance(answer, Answer):
                return answer
            passed = answer
        elif decision.action.refuses:
            return refused_by_policy(asked, decision)
        return self._rewrite(asked, request, question, passed.decision, pod_uid=uid, passed=passed)

    def _refuse_unguarded(
        self, asked: str, request: Request, pod: Pod, container: Container, around: Evasion | None
    ) -> Answer | None:
        remedy = f"create the pod anew: {recreate(pod, request.namespace)}"
        if pod.recorder is None:
            why = "this pod has no recorder, most likely because it is older than the guard on its namespace"
            return deny(asked, why=why, remedy=remedy, rule="NoRecorder")
        if not container.sees_shim:
            why = f"container {container.name} was not prepared for recording when the pod was created"
            if container in (pod.spec.ephemeral_containers or ()):
                why = f"container {container.name} is a debug container that is not recorded"
                remedy = f"use one of the application: {', '.join(c.name for c in pod.spec.containers)}"
            return deny(asked, why=why, remedy=remedy, rule="ContainerNotGuarded", field="container")
        if around is not None:
            remedy = f"in what makes the pod, {around.remedy}, then {remedy}"
            return deny(asked, why=around.why, remedy=remedy, rule=around.rule, field="container")
        if not set(pod.recorder.trusted_roots) & set(self._granter.trusted_roots()):
            why = "this pod's recorder does not know the signing root of this installation"
            return deny(asked, why=why, remedy=remedy, rule="UnknownRoot")
        if pod.recorder_trouble:
            why = f"its recorder does not run ({pod.recorder_trouble}), and nothing is let through unrecorded"
            logs = f"kubectl logs {pod.metadata.name} -n {request.namespace} -c {RECORDER_CONTAINER}"
            remedy = f"try again in a moment; what keeps it down: {logs}"
            return deny(asked, why=why, remedy=remedy, rule="RecorderDown")
        return None

    def _rewrite(
        self,
        asked: str,
        request: Request,
        question: Question,
        decision: Decision,
        *,
        pod_uid: str,
        passed: Allowed,
    ) -> Answer:
        try:
            token = self._granter.grant(
                question,
                decision,
                session=passed.session,
                pod_uid=pod_uid,
                request_uid=request.uid,
                approval=passed.approval or None,
            )
        except GrantError as error:
            remedy = "ask for fewer groups and claims in identities, or fewer masking rules in policies"
            return deny(asked, why=str(error), remedy=remedy, rule="GrantTooLarge")
        command = [str(SHIM_PATH), token, "--", *question.argv]
        noted = Noted(question.container, pod_uid, passed.session, passed.approval)
        return Answer(patch=(PatchOperation("add", "/command", command),), decision=decision, noted=noted)


def _refuse_options(asked: str, options: SessionOptions) -> Answer | None:
    command = options.command or ()
    if options.container == RECORDER_CONTAINER:
        return recorder_is_closed(asked)
    if not command:
        return bad_request(f"{asked}: no command was given")
    if not all(_spawnable(argument) for argument in command):
        return bad_request(f"{asked}: an argument holds bytes that no command line can hold")
    if absolute(command[0]) == str(SHIM_PATH):
        why = f"{SHIM_PATH} is started by Chaperone alone"
        remedy = "give the command you want to run; it is recorded without anything being added to it"
        return deny(asked, why=why, remedy=remedy, rule="ShimIsReserved", field="command")
    return None


def _spawnable(argument: str) -> bool:
    """Tell whether execve(2) can take an argument: no NUL, and no lone surrogate, which has no UTF-8."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in argument)
