"""What exactly is asked at a door: the bytes an approval is bound to, and what an approver is shown of it.

Pure. ``showing`` makes what is shown.
"""

from typing import Any, Final, cast

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from webhook.approvals.allocated import without_allocated, without_made_up_names, without_name_of_token
from webhook.approvals.objects import Target
from webhook.approvals.showing import redacted, show_object
from webhook.policy.changes import changes, notes, part, plain, substance
from webhook.policy.decision import Door, Operation, Question

Json = dict[str, Any]
_RANDOM_LETTERS: Final = 5
"""That the API server puts behind ``generateName``."""
_LONGEST_PREFIX: Final = 58


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. ``digested``, ``state`` and ``argv`` may hold card data and secrets."""

    target: Target
    digested: bytes
    state: bytes = b""
    """Of the object that is changed or removed, what counts, and its UID; nothing where there is none."""
    argv: tuple[str, ...] = ()
    shown: str = ""
    """The object without values of variables and Secrets, as JSON."""

    def __repr__(self) -> str:
        return f"Subject({self.target.name})"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an object, as admission sees it. Holds values of Secrets."""

    door: Door
    operation: Operation
    kind: str
    resource: str
    """Plural, subresource and group: ``deployments.apps``, ``serviceaccounts/token``."""
    name: str
    """With ``*`` in place of what the API server makes up."""
    before: Json | None = None
    after: Json | None = None

    def __repr__(self) -> str:
        return f"Change({self.operation.value} {self.resource} {self.name})"


def exec_subject(question: Question, pod_uid: str) -> Subject:
    """Give the subject of a session: this command line in this container of this very pod."""
    bound = (pod_uid, question.container, question.argv, question.tty, question.stdin)
    return Subject(
        target=Target(resource="pods", name=question.name, uid=pod_uid, container=question.container),
        digested=msgspec.json.encode(bound),
        argv=question.argv,
    )


def debug_subject(name: str, pod_uid: str, added: list[Json]) -> Subject:
    """Give the subject of ephemeral containers: exactly these, added to this very pod.

    The names that kubectl makes up, another for every try, are not bound.
    """
    bare = without_made_up_names(added)
    return Subject(
        target=Target(resource="pods/ephemeralcontainers", name=name, uid=pod_uid),
        digested=msgspec.json.encode((pod_uid, bare), order="deterministic"),
        shown=_json({"ephemeralContainers": redacted(bare)}),
    )


def pod_subject(question: Question) -> Subject:
    """Give the subject of a pod's creation: the whole of it but what servers make up for every try.

    Annotations are bound as well: container runtimes and networks read from some what a pod may do.
    """
    pod = _read(question.object, "the pod holds")
    bare = _without_made_up_name(without_name_of_token(plain(pod)))
    return Subject(
        target=Target(resource="pods", name=made_up_name(pod) or question.name),
        digested=msgspec.json.encode(bare, order="deterministic"),
        shown=_json(redacted(bare)),
    )


def object_subject(change: Change, question: Question) -> Subject:
    """Give the subject of a change: what it makes of the object there is, or the whole of a new one.

    Bound are everything the change sets or takes away, and of the object there is its UID and what of it
    counts: an approval is not good once that is another. What does not count, and the change leaves as it is,
    may become another meanwhile. Of a new object all is bound but what servers set, and what they and kubectl
    make up: names, addresses and ports.
    """
    before, after = change.before, _asked_for(change)
    state = b"" if before is None else state_of(change.door, change.kind, before)
    bound: Json = {
        "operation": change.operation.value,
        "resource": change.resource,
        "name": change.name,
        "before": msgspec.Raw(state or b"null"),
        **_asked_of(before, after),
    }
    return Subject(
        target=Target(
            resource=change.resource,
            name=change.name,
            uid=stamped(before, "uid"),
            resource_version=stamped(before, "resourceVersion"),
        ),
        digested=msgspec.json.encode(bound, order="deterministic"),
        state=state,
        shown=_json(show_object(change.kind, before, after, question.findings)),
    )


def _asked_for(change: Change) -> Json | None:
    """Give what would be, without what servers and kubectl make up for it."""
    if change.after is None:
        return None
    return without_allocated(change.kind, change.before, change.after)


def _asked_of(before: Json | None, after: Json | None) -> Json:
    if after is None:
        return {}
    if before is None:
        return {"after": _without_made_up_name(plain(_without_own_uid(after)))}
    found = changes(plain(before), plain(after))
    return {"changes": found or {"metadata": {"within": changes(notes(before), notes(after))}}}


def state_of(door: Door, kind: str, found: Json) -> bytes:
    """Give what approvals of changes are bound to in an object: its UID, and what of it counts."""
    state = {"uid": stamped(found, "uid"), "counts": substance(door, kind, found)}
    return msgspec.json.encode(state, order="deterministic")


def stamped(found: Json | None, key: str) -> str:
    """Give what servers set in an object's metadata; nothing where it is absent."""
    value = part(found or {}, "metadata").get(key)
    return value if isinstance(value, str) else ""


def connect_subject(question: Question, resource: str, name: str, options: msgspec.Raw) -> Subject:
    """Give the subject of a connection that is no session: to this object, with these ports and this path.

    ``name`` is as it was written, with scheme and port. Raises CallerError where options cannot be read.
    """
    asked = _read(options, "the connection's options hold") or {}
    bound = {key: value for key, value in asked.items() if key not in {"kind", "apiVersion", "metadata"}}
    unknown = "any" if question.door is Door.PORT_FORWARD else "not said"
    return Subject(
        target=Target(resource=resource, name=question.name),
        digested=msgspec.json.encode((resource, name, bound), order="deterministic"),
        shown=_json({"ports": list(question.sure_ports) or unknown, "path": question.path}),
    )


def _read(data: bytes | msgspec.Raw, what: str) -> Json:
    try:
        return cast("Json", msgspec.json.decode(data))
    except UNREADABLE:
        raise CallerError(f"{what} a value that cannot be read") from None


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1).decode()


def made_up_name(found: Json | None) -> str:
    """Give the name of an object that the API server names, with ``*`` for its part; nothing for others."""
    metadata = part(found or {}, "metadata")
    prefix, name = metadata.get("generateName"), metadata.get("name") or ""
    if not isinstance(prefix, str) or not prefix or not isinstance(name, str):
        return ""
    prefix = prefix[:_LONGEST_PREFIX]
    is_made_up = not name or (name.startswith(prefix) and len(name) == len(prefix) + _RANDOM_LETTERS)
    return f"{prefix}*" if is_made_up else ""


def _without_own_uid(after: Json) -> Json:
    """Give an object that is made without the UID that it gets, another for every try.

    The API server writes a Job's into its selector and the labels of its pods.
    """
    uid = part(after, "metadata").get("uid")
    return _without_text(after, uid) if isinstance(uid, str) and uid else after


def _without_text(value: Any, text: str) -> Any:
    match value:
        case dict():
            return {key: _without_text(inner, text) for key, inner in cast("Json", value).items()}
        case list():
            return [_without_text(inner, text) for inner in cast("list[Any]", value)]
        case _:
            return "*" if value == text else value


def _without_made_up_name(found: Json) -> Json:
    if not made_up_name(found):
        return found
    metadata = {key: value for key, value in part(found, "metadata").items() if key != "name"}
    return {**found, "metadata": metadata}
