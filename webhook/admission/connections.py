"""The doors of streams that are not recorded: port-forward and the proxies of pods, services and nodes.

And every way into Chaperone's own pods, where nothing can be recorded either. What flows is not seen; who
asked, for which pod, service or node, with which ports and path, is decided and recorded. One approval is
good for one connection, which for proxies is one HTTP request.
"""

from collections.abc import Callable

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import RECORDER_CONTAINER
from webhook.admission.approving import Approving, answered
from webhook.admission.containers import recorder_is_closed
from webhook.admission.denials import refused_by_policy, unavailable
from webhook.admission.lookup import NamespaceLookup
from webhook.admission.questions import connect_question, door_of, path_of, resource_of
from webhook.admission.review import Answer, MalformedReviewError, Request
from webhook.admission.system import is_system
from webhook.approvals.subjects import connect_subject
from webhook.policy.decision import Action, Door, Operation, Policy

_DOORS = frozenset({Door.PORT_FORWARD, Door.PROXY, Door.CHAPERONE})
_KUBELETS_WAYS_IN = frozenset({"attach", "checkpoint", "exec", "run"})
"""What a kubelet's paths into containers begin with; namespace, pod, maybe its UID, and container follow."""


class ConnectionDoor:
    """Judges CONNECT ``pods/portforward`` and proxies; in Chaperone's namespace exec and attach, too."""

    def __init__(
        self,
        *,
        own: str,
        namespaces: NamespaceLookup,
        policy: Policy,
        approving: Approving,
        clock: Callable[[], int],
    ) -> None:
        """``own`` is Chaperone's namespace, ``clock`` gives Unix seconds."""
        self._own = own
        self._namespaces = namespaces
        self._policy = policy
        self._approving = approving
        self._clock = clock

    async def review(self, request: Request) -> Answer:
        """Give whether a connection may be made. Raises MalformedReviewError."""
        door = door_of(request, self._own)
        if door not in _DOORS or request.operation is not Operation.CONNECT:
            raise MalformedReviewError("this is no port-forward and no proxy")
        namespace = f"{request.namespace}/" if request.namespace else ""
        asked = f"connection to {resource_of(request)} {namespace}{request.name}"
        if resource_of(request) == "nodes/proxy" and _leads_into_a_recorder(path_of(request)):
            return recorder_is_closed(asked, field="path")
        if is_system(request.user_info):
            return Answer()
        try:
            return await self._judge(asked, request, door)
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _judge(self, asked: str, request: Request, door: Door) -> Answer:
        labels = await self._namespaces.labels(request.namespace) if request.namespace else None
        question = connect_question(request, door, at=self._clock(), namespace_labels=labels)
        decision = self._policy.decide(question)
        if decision.action is Action.APPROVE:
            subject = connect_subject(question, resource_of(request), request.name, request.object)
            place = question.namespace or self._own
            ticketed = msgspec.structs.replace(question, namespace=place)
            return answered(await self._approving.ask(asked, request, ticketed, decision, subject))
        if decision.action.refuses:
            return refused_by_policy(asked, decision)
        return Answer(decision=decision)


def _leads_into_a_recorder(path: str) -> bool:
    way, *where = path.split("/")
    return way in _KUBELETS_WAYS_IN and RECORDER_CONTAINER in where[2:]
