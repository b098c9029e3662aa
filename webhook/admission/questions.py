"""Reviews as questions to policies: which door a request is at, and what rules may ask about it."""

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from sidecar.masking import FieldFinding
from webhook.admission.debugging import request_questions
from webhook.admission.pods import Metadata
from webhook.admission.review import MalformedReviewError, Request, decode_object
from webhook.approvals.subjects import Change, made_up_name
from webhook.policy.changes import notes, part, plain, substance, template
from webhook.policy.decision import Door, Operation, Question
from webhook.policy.privileges import Privilege, UnreadableObjectError, find_privileges
from webhook.policy.rights import BINDING_KINDS, ROLE_KINDS, Right, binding_privileges, role_privileges
from webhook.policy.volumes import KIND as VOLUME
from webhook.policy.volumes import volume_privileges

Json = dict[str, Any]
_SUBRESOURCES: Final = {
    ("pods", "exec"): Door.EXEC,
    ("pods", "attach"): Door.ATTACH,
    ("pods", "ephemeralcontainers"): Door.EPHEMERAL_CONTAINER,
    ("pods", "portforward"): Door.PORT_FORWARD,
    ("pods", "proxy"): Door.PROXY,
    ("services", "proxy"): Door.PROXY,
    ("nodes", "proxy"): Door.PROXY,
    ("serviceaccounts", "token"): Door.SERVICE_ACCOUNT_TOKEN,
    ("namespaces", "status"): Door.NAMESPACE,
    ("namespaces", "finalize"): Door.NAMESPACE,
}
_CORE: Final = {
    "pods": Door.POD,
    "replicationcontrollers": Door.WORKLOAD,
    "podtemplates": Door.WORKLOAD,
    "secrets": Door.SECRET,
    "configmaps": Door.CONFIGMAP,
    "namespaces": Door.NAMESPACE,
    "nodes": Door.NODE,
    "persistentvolumes": Door.PERSISTENT_VOLUME,
}
_RBAC: Final = "rbac.authorization.k8s.io"
_GROUPS: Final = {
    "apps": Door.WORKLOAD,
    "batch": Door.WORKLOAD,
    _RBAC: Door.RBAC,
    "admissionregistration.k8s.io": Door.WEBHOOK_CONFIGURATION,
    "chaperone.dev": Door.CHAPERONE,
}
_OURS: Final = ".chaperone.dev"
"""How definitions and API services of Chaperone are called."""
_NAMED_AS_OURS: Final = frozenset({"apiextensions.k8s.io", "apiregistration.k8s.io"})
_OUR_RIGHTS: Final = "chaperone-"
"""How cluster roles of Chaperone and their bindings begin."""
_SESSIONS: Final = frozenset({Door.EXEC, Door.ATTACH})
_CONNECTIONS: Final = frozenset({Door.PORT_FORWARD, Door.PROXY})
_HOLDERS: Final = frozenset({Door.SECRET, Door.CONFIGMAP, Door.WORKLOAD})
"""Where whole objects are looked through for card data."""
_NAMED: Final = _HOLDERS | {Door.RBAC, Door.NAMESPACE, Door.NODE, Door.PERSISTENT_VOLUME}
"""Where names, labels and annotations are."""
Scan = Callable[[object], Sequence[FieldFinding]]
"""Finds card data in a decoded object."""


class SessionOptions(msgspec.Struct, frozen=True):
    """``PodExecOptions`` and ``PodAttachOptions`` of ``v1``; every field may be absent, or null."""

    command: tuple[str, ...] | None = None
    container: str | None = None
    stdin: bool = False
    tty: bool = False


class ConnectOptions(msgspec.Struct, frozen=True):
    """``PodPortForwardOptions`` and the proxies' options of ``v1``."""

    ports: tuple[int, ...] | None = None
    path: str | None = None


class _Object(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()


_options = msgspec.json.Decoder(SessionOptions)
_connections = msgspec.json.Decoder(ConnectOptions | None)
_objects = msgspec.json.Decoder(_Object | None)
_plain = msgspec.json.Decoder(Json | None)


def door_of(request: Request, own: str = "") -> Door | None:
    """Give the door a request is at, None when policies know none. ``own`` is Chaperone's namespace."""
    resource = request.resource
    if own and request.namespace == own:
        return Door.CHAPERONE
    if request.sub_resource:
        found = _SUBRESOURCES.get((resource.resource, request.sub_resource))
        return found if not resource.group else None
    if resource.group in _NAMED_AS_OURS:
        return Door.CHAPERONE if _name(request).endswith(_OURS) else None
    if _is_removal_of_our_rights(request):
        return Door.CHAPERONE
    return _GROUPS.get(resource.group) if resource.group else _CORE.get(resource.resource)


def _is_removal_of_our_rights(request: Request) -> bool:
    is_removal = request.operation is Operation.DELETE and request.resource.group == _RBAC
    return is_removal and not request.namespace and _name(request).startswith(_OUR_RIGHTS)


def _name(request: Request) -> str:
    """Give an object's name; a request about one of a collection that is removed does not say it."""
    if request.name:
        return request.name
    try:
        return (decode_object(request.old_object, _objects) or _Object()).metadata.name
    except MalformedReviewError:
        return ""


def resource_of(request: Request) -> str:
    """Give what is asked for: ``secrets``, ``deployments.apps``, ``pods/proxy``."""
    resource = request.resource
    name = f"{resource.resource}.{resource.group}" if resource.group else resource.resource
    return f"{name}/{request.sub_resource}" if request.sub_resource else name


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


def connect_question(
    request: Request, door: Door, *, at: int, namespace_labels: Mapping[str, str] | None = None
) -> Question:
    """Give the question about a connection that is not recorded. Raises MalformedReviewError.

    A proxy's target may be written ``scheme:name:port``. kubectl says the ports of a port-forward only after
    it was let in, where nobody but the kubelet reads them.
    """
    if request.sub_resource in {"exec", "attach"}:
        return session_question(
            request,
            door,
            decode_object(request.object, _options),
            at=at,
            namespace_labels=namespace_labels,
        )
    options = decode_object(request.object, _connections) or ConnectOptions()
    is_proxy = request.sub_resource == "proxy"
    name, ports = target(request.name) if is_proxy else (request.name, options.ports or ())
    return Question(
        door=door,
        operation=request.operation,
        identity=request.user_info.identity(),
        at=at,
        namespace=request.namespace,
        namespace_labels=dict(namespace_labels or {}),
        name=name,
        ports=ports,
        path=proxied_path(options.path or ""),
        object=request.object,
    )


def path_of(request: Request) -> str:
    """Give the path that a proxy is asked to connect to. Raises MalformedReviewError."""
    return proxied_path((decode_object(request.object, _connections) or ConnectOptions()).path or "")


def proxied_path(path: str) -> str:
    """Give the path that a proxy connects to, without its first slash.

    The API server resolves ``..`` and the like only after admission (JoinPreservingTrailingSlash of its
    package ``net``): ``logs/../run/…`` is asked about as written, and runs.
    """
    clean = posixpath.normpath("/" + path.lstrip("/")).lstrip("/")
    return f"{clean}/" if clean and path.endswith("/") else clean


def target(name: str) -> tuple[str, tuple[int, ...]]:
    """Read a proxy's ``name``, ``name:port`` or ``scheme:name:port``; a port's name says no number."""
    parts = name.split(":")
    bare = parts[1] if len(parts) == 3 else parts[0]
    port = parts[-1] if len(parts) > 1 else ""
    return bare, (int(port),) if port.isascii() and port.isdecimal() else ()


def change_of(request: Request, door: Door) -> Change:
    """Give the change a request asks for. Raises MalformedReviewError."""
    after = decode_object(request.object, _plain)
    before = decode_object(request.old_object, _plain)
    metadata = part(after or before or {}, "metadata")
    made_up = made_up_name(after) if request.operation is Operation.CREATE else ""
    name = made_up or request.name or metadata.get("name") or ""
    return Change(
        door=door,
        operation=request.operation,
        kind=request.kind.kind,
        resource=resource_of(request),
        name=str(name),
        before=before if request.operation is not Operation.CREATE else None,
        after=after if request.operation is not Operation.DELETE else None,
    )


def is_nothing(change: Change) -> bool:
    """Tell whether an update leaves everything as it is."""
    if change.operation is not Operation.UPDATE or change.before is None or change.after is None:
        return False
    return plain(change.before) == plain(change.after)


def is_substantial(change: Change) -> bool:
    """Tell whether something changes that counts; making and removing always does."""
    if change.before is None or change.after is None:
        return True
    before, after = (substance(change.door, change.kind, found) for found in (change.before, change.after))
    return before != after


def scanned(change: Change, *, changed: bool) -> Json | None:
    """Give what of a change is looked through for card data, None when there is nothing.

    ``changed`` says whether something changes that counts (:func:`is_substantial`). Then all of ConfigMaps,
    Secrets and workloads is; else, and of other objects, what the change writes into the metadata.
    """
    if change.door not in _NAMED or change.after is None:
        return None
    if change.door in _HOLDERS and changed:
        values = {key: value for key, value in change.after.items() if key not in {"metadata", "status"}}
        return {**values, "metadata": notes(change.after), "kind": change.kind}
    before = notes(change.before or {})
    written = {key: _written(value, before.get(key)) for key, value in notes(change.after).items()}
    found = {key: value for key, value in written.items() if value}
    return {"metadata": found} if found else None


def _written(value: Any, before: Any) -> Any:
    """Give what of labels and annotations is new; other notes whole, where they are other than before."""
    if isinstance(value, dict) and isinstance(before, dict):
        old = cast("Json", before)
        return {key: new for key, new in cast("Json", value).items() if old.get(key) != new}
    return None if value == before else cast("Any", value)


def object_question(
    request: Request,
    door: Door,
    *,
    at: int,
    namespace_labels: Mapping[str, str] | None = None,
    changed: bool = True,
    rights: Iterable[Right] | None = None,
    findings: Sequence[FieldFinding] = (),
) -> Question:
    """Give the question about an object. Raises MalformedReviewError.

    ``rights`` are those of the role that a binding binds to.
    """
    is_removed = request.operation is Operation.DELETE
    found = request.old_object if is_removed else request.object
    metadata = (decode_object(found, _objects) or _Object()).metadata
    return Question(
        door=door,
        operation=request.operation,
        identity=request.user_info.identity(),
        at=at,
        namespace=request.namespace,
        namespace_labels=dict(namespace_labels or {}),
        name=request.name or metadata.name or metadata.generate_name,
        labels=metadata.labels or {},
        privileges=_privileges(request, rights) if changed and not is_removed else (),
        changed=changed,
        findings=tuple(findings),
        object=found,
        old_object=request.old_object if request.operation is Operation.UPDATE else msgspec.Raw(b"null"),
    )


def template_question(question: Question, change: Change) -> Question | None:
    """Give the question about the pods of a workload, as if they were made by who makes it.

    None when no template is made or changed.
    """
    if question.door is not Door.WORKLOAD or not question.changed or change.after is None:
        return None
    pod = template(change.kind, change.after)
    labels = part(part(pod, "metadata"), "labels")
    return msgspec.structs.replace(
        question,
        door=Door.POD,
        operation=Operation.CREATE,
        name=f"{question.name}-",
        labels={key: str(value) for key, value in labels.items()},
        object=msgspec.Raw(msgspec.json.encode({"apiVersion": "v1", "kind": "Pod", **pod})),
        old_object=msgspec.Raw(b"null"),
    )


def questions_of(
    request: Request, *, at: int, namespace_labels: Mapping[str, str], own: str, scan: Scan
) -> list[Question]:
    """Give the questions of a saved review, none at no door. Raises MalformedReviewError.

    ``own`` is Chaperone's namespace. What else the cluster holds is not asked: a binding is judged by the
    name of its role, and what runs in a container that is attached to is not known.
    """
    door = door_of(request, own)
    if door is None:
        return []
    if door in _SESSIONS:
        options = decode_object(request.object, _options)
        return [session_question(request, door, options, at=at, namespace_labels=namespace_labels)]
    if door is Door.EPHEMERAL_CONTAINER:
        return request_questions(request, at=at, namespace_labels=namespace_labels)[1]
    if door in _CONNECTIONS or request.operation is Operation.CONNECT:
        return [connect_question(request, door, at=at, namespace_labels=namespace_labels)]
    change = change_of(request, door)
    changed = is_substantial(change)
    document = scanned(change, changed=changed)
    question = object_question(
        request,
        door,
        at=at,
        namespace_labels=namespace_labels,
        changed=changed,
        findings=() if document is None else scan(document),
    )
    template_asked = template_question(question, change)
    return [question] if template_asked is None else [question, template_asked]


def _privileges(request: Request, rights: Iterable[Right] | None) -> tuple[Privilege, ...]:
    if not request.object or request.object == b"null":
        return ()
    kind = request.kind.kind
    try:
        if kind in ROLE_KINDS:
            return role_privileges(request.object, request.old_object)
        if kind in BINDING_KINDS:
            return binding_privileges(request.object, request.old_object, rights)
        if kind == VOLUME:
            return volume_privileges(request.object, request.old_object)
        return tuple(found.privilege for found in find_privileges(kind, request.object))
    except UnreadableObjectError as error:
        raise MalformedReviewError(str(error)) from None
