"""The pod door: CREATE ``pods`` gets the recorder and its mounts, or is refused.

The recorder comes first of the init containers, restarted always (KEP-753), so that it runs before and
beside everything else. Every other container gets the shim, read-only. A pod seen again after another
webhook changed it comes out complete again, and no other way.
"""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from sidecar.contract import names
from sidecar.contract.errors import ClusterError
from webhook.admission import recorder
from webhook.admission.approving import Approving
from webhook.admission.conflicts import conflict
from webhook.admission.denials import deny, refused_by_policy, unavailable
from webhook.admission.lookup import NamespaceLookup
from webhook.admission.pods import Container, Pod, is_shim_mount
from webhook.admission.questions import object_question
from webhook.admission.recorder import RecorderSettings, Trust
from webhook.admission.review import (
    Answer,
    Noted,
    PatchOperation,
    RemoveOperation,
    Request,
    decode_object,
)
from webhook.admission.system import is_made_from_template
from webhook.approvals.subjects import pod_subject
from webhook.policy.decision import Action, Decision, Door, Policy, Question

_pods = msgspec.json.Decoder(Pod)
Step = PatchOperation | RemoveOperation
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
"""Says which container kubectl means; without it kubectl remarks on every exec that there are several."""


class PodDoor:
    """Judges CREATE ``pods``. ``trust`` raises ClusterError as long as there are no keys."""

    def __init__(
        self,
        *,
        settings: RecorderSettings,
        trust: Callable[[], Trust],
        exempt: frozenset[str],
        namespaces: NamespaceLookup,
        policy: Policy,
        approving: Approving,
        clock: Callable[[], int],
    ) -> None:
        """``clock`` gives Unix seconds."""
        self._settings = settings
        self._trust = trust
        self._exempt = exempt
        self._namespaces = namespaces
        self._policy = policy
        self._approving = approving
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give the injection, or a refusal. Raises MalformedReviewError."""
        if request.namespace in self._exempt:
            return Answer()
        pod = decode_object(request.object, _pods)
        asked = f"creation of pod {request.namespace}/{_name(pod)}"
        try:
            labels = await self._namespaces.labels(request.namespace)
            question = object_question(request, Door.POD, at=self._clock(), namespace_labels=labels)
            decision = self._policy.decide(question)
            if decision.action is Action.DENY:
                return refused_by_policy(asked, decision)
            if decision.action is Action.APPROVE and is_made_from_template(request.user_info, pod):
                decision = _judged_before(decision)
            answer = self._judge(asked, pod, request, self._trust())
            if answer.allowed and decision.action is Action.APPROVE:
                answer = await self._ask(asked, request, question, decision, answer)
        except ClusterError as error:
            return unavailable(asked, why=str(error))
        return msgspec.structs.replace(answer, decision=answer.decision or decision)

    async def _ask(
        self, asked: str, request: Request, question: Question, decision: Decision, answer: Answer
    ) -> Answer:
        """Give the answer once its approval is spent, or the refusal; asked last, so that none is wasted."""
        passed = await self._approving.ask(asked, request, question, decision, pod_subject(question))
        if isinstance(passed, Answer):
            return passed
        noted = Noted(approval=passed.approval)
        return msgspec.structs.replace(answer, decision=passed.decision, noted=noted)

    def _judge(self, asked: str, pod: Pod, request: Request, trust: Trust) -> Answer:
        clash = conflict(pod, request.object, self._settings, trust)
        if clash is not None:
            return deny(asked, why=clash.why, remedy=clash.remedy, rule=clash.rule, field=clash.field)
        return Answer(patch=tuple(self._steps(pod, trust)))

    def _steps(self, pod: Pod, trust: Trust) -> Iterable[Step]:
        initial, main = _guarded(pod.spec.init_containers), pod.spec.containers
        guarded = tuple(container.name for container in (*initial, *main))
        yield from _annotate(pod)
        yield from _label(pod)
        yield from _place_volumes(pod, self._settings)
        yield from _name_collector(pod, self._settings, trust)
        yield from _place_recorder(pod, recorder.container(self._settings, trust, guarded))
        yield from _mount_all("/spec/initContainers", initial, offset=1)
        yield from _mount_all("/spec/containers", main, offset=0)


def _judged_before(decision: Decision) -> Decision:
    """Give what becomes of an approval that was given, or not needed, for the template."""
    reason = "a controller makes it from a template that was judged when its workload was made or changed"
    return msgspec.structs.replace(decision, action=Action.AUDIT, reason=reason, approval=None)


def _guarded(containers: tuple[Container, ...] | None) -> tuple[Container, ...]:
    return tuple(c for c in containers or () if c.name != names.RECORDER_CONTAINER)


def _annotate(pod: Pod) -> Iterable[Step]:
    present = pod.metadata.annotations
    if present is None:
        yield PatchOperation("add", "/metadata/annotations", {})
    yield PatchOperation("add", _annotation(names.INJECTED_ANNOTATION), names.VERSION)
    if DEFAULT_CONTAINER not in (present or {}):
        for container in pod.spec.containers[:1]:
            yield PatchOperation("add", _annotation(DEFAULT_CONTAINER), container.name)


def _label(pod: Pod) -> Iterable[Step]:
    if pod.metadata.labels is None:
        yield PatchOperation("add", "/metadata/labels", {})
    yield PatchOperation("add", f"/metadata/labels/{names.INJECTED_LABEL.replace('/', '~1')}", "true")


def _annotation(key: str) -> str:
    return f"/metadata/annotations/{key.replace('/', '~1')}"


def _place_volumes(pod: Pod, settings: RecorderSettings) -> Iterable[Step]:
    if pod.spec.volumes is None:
        yield PatchOperation("add", "/spec/volumes", [])
    present = [volume.name for volume in pod.spec.volumes or ()]
    for volume in recorder.volumes(settings):
        if volume["name"] in present:
            yield PatchOperation("replace", f"/spec/volumes/{present.index(volume['name'])}", volume)
        else:
            yield PatchOperation("add", "/spec/volumes/-", volume)


def _name_collector(pod: Pod, settings: RecorderSettings, trust: Trust) -> Iterable[Step]:
    alias = recorder.host_alias(settings, trust)
    if pod.spec.asks_cluster_dns or not alias.ip or alias in (pod.spec.host_aliases or ()):
        return
    if pod.spec.host_aliases is None:
        yield PatchOperation("add", "/spec/hostAliases", [])
    yield PatchOperation("add", "/spec/hostAliases/-", alias)


def _place_recorder(pod: Pod, container: recorder.Json) -> Iterable[Step]:
    if pod.spec.init_containers is None:
        yield PatchOperation("add", "/spec/initContainers", [])
    for index, present in enumerate(pod.spec.init_containers or ()):
        if present.name == names.RECORDER_CONTAINER:
            yield RemoveOperation(f"/spec/initContainers/{index}")
    yield PatchOperation("add", "/spec/initContainers/0", container)


def _mount_all(path: str, containers: tuple[Container, ...], *, offset: int) -> Iterable[Step]:
    for index, container in enumerate(containers, start=offset):
        mounts = f"{path}/{index}/volumeMounts"
        if container.volume_mounts is None:
            yield PatchOperation("add", mounts, [recorder.mount(container.name)])
        elif not any(is_shim_mount(present, container.name) for present in container.volume_mounts):
            yield PatchOperation("add", f"{mounts}/-", recorder.mount(container.name))


def _name(pod: Pod) -> str:
    return pod.metadata.name or f"{pod.metadata.generate_name}*"
