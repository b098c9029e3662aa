"""The attach door: CONNECT ``pods/attach`` joins the own program of a container.

Where that runs under the shim (``main_process.py``), and its container has ``stdin`` or somebody asked for
it, the program is recorded with all that it is given and shows, whoever is attached; without input it shows
the masked log. That of a debug container under the shim (``debug_shim.py``) is a session. There rules decide.
Elsewhere nothing records it, and but for rules that say ``recording: none`` it stays closed.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import RECORDER_CONTAINER
from webhook.admission.approving import Approving
from webhook.admission.containers import container_of, recorder_is_closed
from webhook.admission.debug_shim import session_of
from webhook.admission.denials import not_found, unavailable
from webhook.admission.evasions import evasion
from webhook.admission.lookup import NamespaceLookup, PodLookup
from webhook.admission.main_process import is_recorded
from webhook.admission.pods import Container, Pod
from webhook.admission.questions import SessionOptions, session_question
from webhook.admission.review import Answer, Noted, Request, decode_object
from webhook.admission.unrecorded import judge_unrecorded
from webhook.approvals.subjects import exec_subject
from webhook.policy.decision import Door, Policy

_options = msgspec.json.Decoder(SessionOptions)


class AttachDoor:
    """Judges CONNECT ``pods/attach``. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        *,
        pods: PodLookup,
        namespaces: NamespaceLookup,
        policy: Policy,
        approving: Approving,
        clock: Callable[[], int],
        roots: Callable[[], tuple[bytes, ...]],
    ) -> None:
        """``roots`` gives the roots below which grants are signed, and raises ClusterError without."""
        self._pods = pods
        self._namespaces = namespaces
        self._policy = policy
        self._approving = approving
        self._clock = clock
        self._roots = roots

    async def review(self, request: Request) -> Answer:
        """Give whether somebody may attach. Raises MalformedReviewError."""
        options = decode_object(request.object, _options)
        asked = f"attach to pod {request.namespace}/{request.name}"
        if options.container == RECORDER_CONTAINER:
            return recorder_is_closed(asked)
        try:
            pod = await self._pods.find(request.namespace, request.name)
            return (
                not_found("pods", request.name) if pod is None else await self._judge(request, options, pod)
            )
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _judge(self, request: Request, options: SessionOptions, pod: Pod) -> Answer:
        container = container_of(options.container, pod)
        if isinstance(container, Answer):
            return container
        question = session_question(
            request,
            Door.ATTACH,
            replace(options, command=container.line),
            at=self._clock(),
            container=container.name,
            labels=pod.metadata.labels,
            namespace_labels=await self._namespaces.labels(request.namespace),
        )
        if pod.recorder is not None:
            takes_input = container.stdin or not options.stdin
            is_recorded = takes_input and self._is_recorded(pod, container, request.namespace)
            shows_log = container.log_is_masked and not options.stdin
            question = replace(question, shows_log=shows_log, is_recorded=is_recorded)
        reached = pod.spec.reached_from(container)
        is_debug = container in (pod.spec.ephemeral_containers or ())
        session = session_of(container, pod, request.namespace, self._roots()) if is_debug else None
        if session is not None:
            question = replace(question, is_recorded=True)
        noted = Noted(
            container=container.name,
            uid=pod.metadata.uid,
            session=session.session if session else "",
            argv=question.argv,
            reaches=reached[1:],
            recorded=question.is_recorded,
        )
        again = f"kubectl attach -it {request.name} -n {request.namespace} -c {container.name}"
        return await judge_unrecorded(
            f"attach to pod {request.namespace}/{request.name}, container {container.name}"
            + (f" ({again})" if is_debug else ""),
            request,
            [replace(question, container=name) for name in reached],
            exec_subject(question, pod.metadata.uid),
            noted,
            policy=self._policy,
            approving=self._approving,
        )

    def _is_recorded(self, pod: Pod, container: Container, namespace: str) -> bool:
        """Tell whether a recorder writes down what happens, and nothing gets around it."""
        if not container.log_is_masked or evasion(container, pod.spec.volumes or ()):
            return False
        return is_recorded(container, namespace, self._roots())
