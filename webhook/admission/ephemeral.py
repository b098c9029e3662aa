"""The ephemeral container door: UPDATE ``pods/ephemeralcontainers`` (kubectl debug); nothing records it yet.

Policies decide about every container that is added; but for rules that say ``recording: none``, the door
stays closed. Nothing that is added gets into the recorder.
"""

from collections.abc import Callable, Iterator

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import RECORDER_CONTAINER, RESERVED_VOLUMES
from webhook.admission.approving import Approving
from webhook.admission.containers import recorder_is_closed
from webhook.admission.debugging import (
    Added,
    Debugging,
    privileges_of,
    read_debugging,
    request_questions,
    subject_of,
)
from webhook.admission.denials import deny, unavailable
from webhook.admission.lookup import NamespaceLookup
from webhook.admission.pods import Pod
from webhook.admission.review import Answer, Noted, Request
from webhook.admission.unrecorded import judge_unrecorded
from webhook.policy.decision import Policy


class EphemeralDoor:
    """Judges UPDATE ``pods/ephemeralcontainers``. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        *,
        namespaces: NamespaceLookup,
        policy: Policy,
        approving: Approving,
        clock: Callable[[], int],
    ) -> None:
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
            return await judge_unrecorded(
                asked,
                request,
                questions,
                subject_of(found),
                _noted(found),
                policy=self._policy,
                approving=self._approving,
            )
        except ClusterError as error:
            return unavailable(asked, why=str(error))


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
