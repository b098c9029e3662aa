"""What exactly is asked at a door: the bytes an approval is bound to, and what an approver is shown of it.

A further door needs a function here: its digest and its redaction. Pure.
"""

from typing import Any, Final, cast

import msgspec

from webhook.approvals.objects import Target
from webhook.policy.decision import Question

Json = dict[str, Any]
_SERVER_SET: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_TOKEN_VOLUME: Final = "kube-api-access-"  # noqa: S105  the beginning of a volume's name
_VARIABLES: Final = frozenset({"env"})
_HIDDEN: Final = "(not shown)"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. ``digested`` and ``argv`` may hold card data and secrets: mask before showing."""

    target: Target
    digested: bytes
    argv: tuple[str, ...] = ()
    shown: str = ""
    """The object without values of variables, as JSON."""

    def __repr__(self) -> str:
        return f"Subject({self.target.name})"


def exec_subject(question: Question, pod_uid: str) -> Subject:
    """Give the subject of an exec: this command line in this container of this very pod."""
    bound = (pod_uid, question.container, question.argv, question.tty, question.stdin)
    return Subject(
        target=Target(resource="pods", name=question.name, uid=pod_uid, container=question.container),
        digested=msgspec.json.encode(bound),
        argv=question.argv,
    )


def pod_subject(question: Question) -> Subject:
    """Give the subject of a pod's creation: the object without what servers set and Chaperone adds."""
    pod = cast("Json", msgspec.json.decode(question.object))
    plain = _without_name_of_token(_without_server_fields(pod))
    return Subject(
        target=Target(resource="pods", name=question.name),
        digested=msgspec.json.encode(plain, order="deterministic"),
        shown=msgspec.json.format(msgspec.json.encode(_redacted(plain), order="sorted"), indent=1).decode(),
    )


def _without_server_fields(pod: Json) -> Json:
    metadata = {k: v for k, v in _part(pod, "metadata").items() if k not in _SERVER_SET}
    annotations = {k: v for k, v in _part(metadata, "annotations").items() if k != _LAST_APPLIED}
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    if annotations:
        kept["annotations"] = annotations
    return {**{k: v for k, v in pod.items() if k != "status"}, "metadata": kept}


def _part(found: Json, key: str) -> Json:
    return cast("Json", found.get(key) or {})


def _without_name_of_token(pod: Json) -> Json:
    """Give a pod in which the token's volume has no random name: the API server gives one to every try."""
    volumes = cast("list[Json]", _part(pod, "spec").get("volumes") or [])
    tokens = [str(volume.get("name")) for volume in volumes if _is_token(volume)]
    return _renamed(pod, tokens[0]) if len(tokens) == 1 else pod


def _is_token(volume: Json) -> bool:
    name = volume.get("name")
    return isinstance(name, str) and name.startswith(_TOKEN_VOLUME) and "projected" in volume


def _renamed(value: Any, name: str) -> Any:
    match value:
        case dict():
            found = cast("Json", value)
            return {
                key: _TOKEN_VOLUME if key == "name" and inner == name else _renamed(inner, name)
                for key, inner in found.items()
            }
        case list():
            return [_renamed(inner, name) for inner in cast("list[Any]", value)]
        case _:
            return value


def _redacted(value: Any, inside: str = "") -> Any:
    """Give an object without the values of variables and annotations."""
    match value:
        case dict():
            found = cast("Json", value)
            return {
                key: _HIDDEN if key == "value" and inside in _VARIABLES else _redacted(inner, key)
                for key, inner in found.items()
                if not (key == "annotations" and inside == "metadata")
            }
        case list():
            return [_redacted(inner, inside) for inner in cast("list[Any]", value)]
        case _:
            return value
