"""Reviews as questions to policies: which door a request is at, and what rules may ask about it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from webhook.admission.pods import Metadata
from webhook.admission.review import MalformedReviewError, Request, decode_object
from webhook.policy.decision import Door, Question
from webhook.policy.privileges import Privilege, UnreadableObjectError, find_privileges

_SUBRESOURCES: Final = {
    ("pods", "exec"): Door.EXEC,
    ("pods", "attach"): Door.ATTACH,
    ("pods", "ephemeralcontainers"): Door.EPHEMERAL_CONTAINER,
    ("pods", "portforward"): Door.PORT_FORWARD,
    ("pods", "proxy"): Door.PROXY,
    ("services", "proxy"): Door.PROXY,
    ("nodes", "proxy"): Door.PROXY,
    ("serviceaccounts", "token"): Door.SERVICE_ACCOUNT_TOKEN,
}
_CORE: Final = {
    "pods": Door.POD,
    "replicationcontrollers": Door.WORKLOAD,
    "podtemplates": Door.WORKLOAD,
    "secrets": Door.SECRET,
    "configmaps": Door.CONFIGMAP,
    "nodes": Door.NODE,
}
_GROUPS: Final = {
    "apps": Door.WORKLOAD,
    "batch": Door.WORKLOAD,
    "rbac.authorization.k8s.io": Door.RBAC,
    "admissionregistration.k8s.io": Door.WEBHOOK_CONFIGURATION,
    "chaperone.dev": Door.CHAPERONE,
}
_SESSIONS: Final = frozenset({Door.EXEC, Door.ATTACH})


class SessionOptions(msgspec.Struct, frozen=True):
    """``PodExecOptions`` and ``PodAttachOptions`` of ``v1``; every field may be absent, or null."""

    command: tuple[str, ...] | None = None
    container: str | None = None
    stdin: bool = False
    tty: bool = False


class _Object(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()


_options = msgspec.json.Decoder(SessionOptions)
_objects = msgspec.json.Decoder(_Object | None)


def door_of(request: Request) -> Door | None:
    """Give the door a request is at, None when policies know none."""
    resource = request.resource
    if request.sub_resource:
        found = _SUBRESOURCES.get((resource.resource, request.sub_resource))
        return found if not resource.group else None
    return _GROUPS.get(resource.group) if resource.group else _CORE.get(resource.resource)


def session_question(
    request: Request,
    door: Door,
    options: SessionOptions,
    *,
    at: int,
    container: str = "",
    labels: Mapping[str, str] | None = None,
    namespace_labels: Mapping[str, str] | None = None,
) -> Question:
    """Give the question about a session; ``labels`` are the pod's, ``at`` is in Unix seconds."""
    return Question(
        door=door,
        operation=request.operation,
        identity=request.user_info.identity(),
        at=at,
        namespace=request.namespace,
        namespace_labels=dict(namespace_labels or {}),
        name=request.name,
        labels=dict(labels or {}),
        container=container or options.container or "",
        argv=options.command or (),
        tty=options.tty,
        stdin=options.stdin,
    )


def object_question(
    request: Request, door: Door, *, at: int, namespace_labels: Mapping[str, str] | None = None
) -> Question:
    """Give the question about an object. Raises MalformedReviewError."""
    metadata = (decode_object(request.object, _objects) or _Object()).metadata
    return Question(
        door=door,
        operation=request.operation,
        identity=request.user_info.identity(),
        at=at,
        namespace=request.namespace,
        namespace_labels=dict(namespace_labels or {}),
        name=request.name or metadata.name or metadata.generate_name,
        labels=metadata.labels or {},
        privileges=_privileges(request),
        object=request.object,
    )


def question_of(request: Request, *, at: int, namespace_labels: Mapping[str, str]) -> Question | None:
    """Give the question of a saved review, None at no door. Raises MalformedReviewError."""
    door = door_of(request)
    if door is None:
        return None
    if door in _SESSIONS:
        options = decode_object(request.object, _options)
        return session_question(request, door, options, at=at, namespace_labels=namespace_labels)
    return object_question(request, door, at=at, namespace_labels=namespace_labels)


def _privileges(request: Request) -> tuple[Privilege, ...]:
    if not request.object or request.object == b"null":
        return ()
    try:
        return tuple(found.privilege for found in find_privileges(request.kind.kind, request.object))
    except UnreadableObjectError as error:
        raise MalformedReviewError(str(error)) from None
