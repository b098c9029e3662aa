"""The ephemeral container door: UPDATE ``pods/ephemeralcontainers`` (kubectl debug), after all webhooks.

Policies decide about every container that is added. What runs in it has to be under the shim
(``debug_injection.py``); but for rules that say ``recording: none``, the door stays closed to any other.
Nothing that is added gets into the recorder.
"""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import RECORDER_CONTAINER, RESERVED_VOLUMES
from webhook.admission.approving import Approving
from webhook.admission.containers import recorder_is_closed
from webhook.admission.debug_shim import Unfit, session_of, unfit, unfit_pod
from webhook.admission.debugging import (
    Added,
    Debugging,
    privileges_of,
    read_debugging,
    request_questions,
    subject_of,
)
from webhook.admission.denials import deny, unavailable
from webhook.admission.image_programs import program_of
from webhook.admission.lookup import ImageLookup, NamespaceLookup
from webhook.admission.pods import Pod
from webhook.admission.review import Answer, Noted, Request
from webhook.admission.unrecorded import judge_unrecorded
from webhook.policy.decision import Policy

_AGAIN = (
    "do it again; if it is refused as well, a webhook changes debug containers after Chaperone's: have it"
    " leave alone their command and mounts"
)


class EphemeralDoor:
    """Judges UPDATE ``pods/ephemeralcontainers``. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        *,
        namespaces: NamespaceLookup,
        policy: Policy,
        approving: Approving,
        roots: Callable[[], tuple[bytes, ...]],
        images: ImageLookup,
        clock: Callable[[], int],
    ) -> None:
        """``roots`` gives those that recorders may trust, and raises ClusterError while there are none."""
        self._roots = roots
        self._images = images
        self._namespaces = namespaces
        self._policy = policy
        self._approving = approving
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give whether the containers may be added. Raises MalformedReviewError."""
        found = read_debugging(request.old_object, request.object)
        if not found.added:
            return Answer()
        asked = _asked(request, found)
        refused = next(_refusals(asked, found), None)
        if refused is not None:
            return refused
        try:
            labels = await self._namespaces.labels(request.namespace)
            _, questions = request_questions(request, at=self._clock(), namespace_labels=labels)
            sessions, unfit = await self._recorded(request, found)
            noted = replace(
                _noted(found), session=sessions[0] if unfit is None else "", recorded=unfit is None
            )
            return await judge_unrecorded(
                asked,
                request,
                [replace(question, is_recorded=unfit is None) for question in questions],
                subject_of(found),
                noted,
                policy=self._policy,
                approving=self._approving,
                unfit=unfit,
            )
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _recorded(self, request: Request, found: Debugging) -> tuple[list[str], Unfit | None]:
        """Give the sessions that what is added becomes, and why one of them would not be recorded."""
        roots, sessions = self._roots(), list[str]()
        for one in found.added:
            untold = "" if one.container.command else await self._untold(request, found.pod, one)
            reason = unfit(found.pod, one.container, request.namespace, roots, untold=untold)
            grant = session_of(one.as_it_is, found.pod, request.namespace, roots, now=self._clock())
            if reason is not None or grant is None:
                return sessions, reason or Unfit(
                    f"container {one.container.name} is not under the shim as Chaperone put it there", _AGAIN
                )
            sessions.append(grant.session)
        return sessions, None

    async def _untold(self, request: Request, pod: Pod, one: Added) -> str:
        """Give why its image did not say what it starts; nothing for pods that cannot record it anyway."""
        if unfit_pod(pod, request.namespace, self._roots()) is not None:
            return ""
        program = await program_of(one.container, pod, request.namespace, self._images)
        return program if isinstance(program, str) else "its registry told it too late; do it again"


def _asked(request: Request, found: Debugging) -> str:
    names = ", ".join(one.container.name for one in found.added)
    targets = [one.container.target_container_name for one in found.added]
    reached = ", ".join(dict.fromkeys(target for target in targets if target))
    access = f" with access to container {reached}" if reached else ""
    return f"debug container {names} in pod {request.namespace}/{request.name}{access}"


def _noted(found: Debugging) -> Noted:
    first = found.added[0].container
    reached = [name for one in found.added for name in found.pod.spec.reached_from(one.container)]
    privileges = [found_.value for one in found.added for found_ in privileges_of(found, one)]
    return Noted(
        container=first.name,
        uid=found.pod.metadata.uid,
        argv=first.line,
        tty=first.tty,
        stdin=first.stdin,
        reaches=tuple(name for name in dict.fromkeys(reached) if name != first.name),
        privileges=tuple(dict.fromkeys(privileges)),
    )


def _refusals(asked: str, found: Debugging) -> Iterator[Answer]:
    """Give why nobody may add a container, whatever policies say."""
    for one in found.added:
        container = one.container
        if RECORDER_CONTAINER in {container.name, container.target_container_name}:
            yield recorder_is_closed(asked, field="spec.ephemeralContainers")
        if any(mount.name in RESERVED_VOLUMES for mount in container.volume_mounts or ()):
            why = f"container {container.name} mounts one of Chaperone's own volumes"
            yield recorder_is_closed(asked, field="spec.ephemeralContainers", why=why)
        yield from _tracing(asked, found.pod, one)


def _tracing(asked: str, pod: Pod, one: Added) -> Iterator[Answer]:
    """Give why a container that would see the recorder's processes may not trace them."""
    if pod.recorder is None or not pod.spec.shares_processes or not one.container.may_trace:
        return
    why = f"container {one.container.name} may trace processes, and in this pod it sees the recorder's"
    remedy = "leave out privileged and the capability SYS_PTRACE (kubectl debug --profile=baseline)"
    yield deny(asked, why=why, remedy=remedy, rule="RecorderCouldBeTraced", field="spec.ephemeralContainers")
