"""The injection door: CREATE ``pods`` gets the recorder and its mounts, before it is judged (``pod.py``).

The recorder comes first of the init containers, restarted always (KEP-753), so that it runs before and
beside everything else. Every other container gets the shim, read-only. A pod seen again after another
webhook changed it comes out complete again, and no other way.
"""

from collections.abc import Callable, Iterable, Set

import msgspec

from sidecar.contract import names
from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import Grant, GrantError
from webhook.admission import main_process, recorder
from webhook.admission.conflicts import conflict
from webhook.admission.denials import deny, unavailable
from webhook.admission.grants import Granter
from webhook.admission.image_programs import ask_images
from webhook.admission.injected import DEFAULT_CONTAINER, read_pod, without
from webhook.admission.lookup import ImageLookup, NamespaceLookup
from webhook.admission.pods import Container, Pod, is_in_its_place
from webhook.admission.questions import object_question
from webhook.admission.recorder import RecorderSettings, Trust
from webhook.admission.review import Answer, PatchOperation, RemoveOperation, Request, decode_object
from webhook.approvals.subjects import made_up_name
from webhook.policy.decision import Decision, Door, Policy

_pods = msgspec.json.Decoder(Pod)
Step = PatchOperation | RemoveOperation


class InjectionDoor:
    """Has the recorder put into new pods. Judges nothing: other webhooks may still change them.

    A pod that something is in the way in is refused. ``trust`` raises ClusterError as long as there are no
    keys.
    """

    def __init__(
        self,
        *,
        settings: RecorderSettings,
        trust: Callable[[], Trust],
        exempt: frozenset[str],
        granter: Granter,
        images: ImageLookup,
        namespaces: NamespaceLookup,
        policy: Policy,
    ) -> None:
        """``granter`` makes the grants of programs that are to run under the shim."""
        self._settings = settings
        self._trust = trust
        self._exempt = exempt
        self._granter = granter
        self._images = images
        self._namespaces = namespaces
        self._policy = policy

    async def review(self, request: Request) -> Answer:
        """Give the injection, or why there can be none. Raises MalformedReviewError."""
        if request.namespace in self._exempt:
            return Answer()
        pod = decode_object(request.object, _pods)
        asked = creation_of(request, pod)
        try:
            return await self._inject(asked, request, pod)
        except GrantError as error:
            remedy = "ask for fewer groups and claims in identities"
            return deny(asked, why=str(error), remedy=remedy, rule="GrantTooLarge")
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _inject(self, asked: str, request: Request, pod: Pod) -> Answer:
        trust = self._trust()
        wanted = main_process.wanted(pod, await self._decision(request))
        pod, wanted, told = await ask_images(pod, wanted, request.namespace, self._images)
        clash = conflict(pod, request.object, self._settings, trust, wanted)
        if clash is not None:
            return deny(asked, why=clash.why, remedy=clash.remedy, rule=clash.rule, field=clash.field)
        under_shim = self._under_shim(request, pod, trust, wanted, told)
        return Answer(patch=(*self._steps(pod, trust, awaited=bool(wanted.by)), *under_shim))

    async def _decision(self, request: Request) -> Decision:
        """Give what policies say of the pod; it is obeyed by who judges the pod, once nobody changes it."""
        bare = without(read_pod(request.object), self._settings)
        labels = await self._namespaces.labels(request.namespace)
        return self._policy.decide(
            object_question(
                msgspec.structs.replace(request, object=bare),
                Door.POD,
                at=self._granter.now(),
                namespace_labels=labels,
            )
        )

    def _under_shim(
        self, request: Request, pod: Pod, trust: Trust, wanted: main_process.Wanted, told: Set[str]
    ) -> Iterable[Step]:
        who = request.user_info.identity()

        def issue(container: Container) -> str:
            return self._granter.grant_application(container, request.namespace, who, request.uid, wanted)

        def is_theirs(grant: Grant) -> bool:
            return self._granter.is_for(grant, who)

        return main_process.steps(
            pod, wanted, request.namespace, trust.roots, issue, is_theirs=is_theirs, told=told
        )

    def _steps(self, pod: Pod, trust: Trust, *, awaited: bool) -> Iterable[Step]:
        initial, main = _guarded(pod.spec.init_containers), pod.spec.containers
        guarded = tuple(container.name for container in (*initial, *main))
        yield from _annotate(pod)
        yield from _label(pod)
        yield from _place_volumes(pod, self._settings)
        yield from _place_recorder(
            pod,
            recorder.container(self._settings, trust, guarded, awaited=awaited),
        )
        yield from _mount_all("/spec/initContainers", initial, offset=1)
        yield from _mount_all("/spec/containers", main, offset=0)


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


def _place_recorder(pod: Pod, container: recorder.Json) -> Iterable[Step]:
    if pod.spec.init_containers is None:
        yield PatchOperation("add", "/spec/initContainers", [])
    for index, present in reversed(tuple(enumerate(pod.spec.init_containers or ()))):
        if present.name == names.RECORDER_CONTAINER:
            yield RemoveOperation(f"/spec/initContainers/{index}")
    yield PatchOperation("add", "/spec/initContainers/0", container)


def _mount_all(path: str, containers: tuple[Container, ...], *, offset: int) -> Iterable[Step]:
    for index, container in enumerate(containers, start=offset):
        mounts = f"{path}/{index}/volumeMounts"
        ours = recorder.mount(container.name)
        there = [n for n, mount in enumerate(container.volume_mounts or ()) if is_in_its_place(mount)]
        if container.volume_mounts is None:
            yield PatchOperation("add", mounts, [ours])
        elif there:
            yield PatchOperation("replace", f"{mounts}/{there[0]}", ours)
        else:
            yield PatchOperation("add", f"{mounts}/-", ours)


def creation_of(request: Request, pod: Pod) -> str:
    """Give what is asked when a pod is created, in words; the same once the API server has named it."""
    metadata = {"name": pod.metadata.name, "generateName": pod.metadata.generate_name}
    return f"creation of pod {request.namespace}/{made_up_name({'metadata': metadata}) or pod.metadata.name}"
