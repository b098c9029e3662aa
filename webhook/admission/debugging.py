"""Ephemeral containers (``kubectl debug``) that a request adds to a pod, as questions to policies. Pure.

Of the pod as it would be only its ephemeral containers count: the API server drops every other change that
comes by way of this subresource, and asks before it does so.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from webhook.admission import debug_shim
from webhook.admission.pods import Container, Pod
from webhook.admission.review import MalformedReviewError, Request, decode_object
from webhook.approvals.subjects import Subject, debug_subject
from webhook.policy.changes import part
from webhook.policy.decision import Door, Question
from webhook.policy.privileges import Privilege, UnreadableObjectError, find_privileges

Json = dict[str, Any]
_KEPT = ("hostNetwork", "hostPID", "hostIPC", "securityContext")
"""What every container of a pod has of it."""
_plain = msgspec.json.Decoder(Json | None)


class Added(msgspec.Struct, frozen=True):
    """One ephemeral container as its author wrote it: read, and as JSON."""

    container: Container
    written: Json
    as_it_is: Container
    """With what puts it under the shim, where that is done."""
    index: int
    """Among the pod's ephemeral containers."""
    told: bool = False
    """Whether its image, and not its author, says what it runs."""

    def __repr__(self) -> str:
        return f"Added({self.container.name})"


class Debugging(msgspec.Struct, frozen=True):
    """What a request adds, and the pod it would be added to; both without what puts it under the shim."""

    pod: Pod
    added: tuple[Added, ...]
    stored: Json
    after: msgspec.Raw
    """The pod with them, as JSON."""

    def __repr__(self) -> str:
        return f"Debugging({self.pod.metadata.name})"


def read_debugging(pod_before: msgspec.Raw, pod_after: msgspec.Raw) -> Debugging:
    """Give what a change of a pod adds. Raises MalformedReviewError."""
    stored, wanted = (decode_object(raw, _plain) for raw in (pod_before, pod_after))
    if stored is None or wanted is None:
        raise MalformedReviewError("the review does not say what the pod is and would be")
    before, after = (_ephemeral(pod) for pod in (stored, wanted))
    pod: Json = {**stored, "spec": {**part(stored, "spec"), "ephemeralContainers": after}}
    try:
        read = msgspec.convert(pod, Pod)
    except msgspec.ValidationError:
        raise MalformedReviewError("the AdmissionReview's object is not of the expected type") from None
    bare = [debug_shim.bare(written) for written in after]
    pod["spec"]["ephemeralContainers"] = bare
    plain = msgspec.convert(pod, Pod)
    pairs = zip(plain.spec.ephemeral_containers or (), read.spec.ephemeral_containers or (), strict=True)
    added = tuple(
        Added(container, bare[index], as_it_is, index)
        for index, (container, as_it_is) in enumerate(pairs)
        if after[index] not in before
    )
    return Debugging(plain, added, stored, msgspec.Raw(msgspec.json.encode(pod)))


def request_questions(
    request: Request, *, at: int, namespace_labels: Mapping[str, str] | None = None
) -> tuple[Debugging, list[Question]]:
    """Give what a request adds, and the questions about it. Raises MalformedReviewError."""
    found = read_debugging(request.old_object, request.object)
    question = bare_question(request, at=at, namespace_labels=namespace_labels)
    return found, debug_questions(found, question)


def bare_question(
    request: Request, *, at: int, namespace_labels: Mapping[str, str] | None = None
) -> Question:
    """Give who asks, when and where."""
    return Question(
        door=Door.EPHEMERAL_CONTAINER,
        operation=request.operation,
        identity=request.user_info.identity(),
        at=at,
        namespace=request.namespace,
        namespace_labels=dict(namespace_labels or {}),
        name=request.name,
        old_object=request.old_object,
    )


def debug_questions(found: Debugging, question: Question) -> list[Question]:
    """Give the questions about all that is added (:func:`questions_about`). Raises MalformedReviewError."""
    return [asked for one in found.added for asked in questions_about(found, one, question)]


def questions_about(found: Debugging, one: Added, question: Question) -> list[Question]:
    """Give the questions about one container: one for each that is reached from there, itself first.

    Who sees the processes of a container is in it, whatever the name of the container they look from. Who
    asks, when and where is taken from ``question``. Raises MalformedReviewError.
    """
    return [
        replace(
            question,
            name=question.name or found.pod.metadata.name,
            labels=found.pod.metadata.labels or {},
            container=reached,
            argv=one.container.line,
            tty=one.container.tty,
            stdin=one.container.stdin,
            privileges=privileges_of(found, one),
            object=found.after,
        )
        for reached in found.pod.spec.reached_from(one.container)
    ]


def subject_of(found: Debugging) -> Subject:
    """Give what an approval is bound to: all that is added, and the very pod."""
    metadata = found.pod.metadata
    return debug_subject(metadata.name, metadata.uid, [one.written for one in found.added])


def privileges_of(found: Debugging, one: Added) -> tuple[Privilege, ...]:
    """Give what makes an added container privileged: its own, and what it has of the pod and mounts of it.

    Raises MalformedReviewError.
    """
    spec = part(found.stored, "spec")
    mounted = {mount.name for mount in one.container.volume_mounts or ()}
    volumes = cast("list[Json]", spec.get("volumes") or [])
    kept = {key: spec[key] for key in _KEPT if key in spec}
    kept["volumes"] = [volume for volume in volumes if volume.get("name") in mounted]
    pod: Json = {"spec": {**kept, "ephemeralContainers": [one.written]}}
    try:
        privileges = find_privileges("Pod", msgspec.json.encode(pod))
    except UnreadableObjectError as error:
        raise MalformedReviewError(str(error)) from None
    return tuple(privilege.privilege for privilege in privileges)


def _ephemeral(pod: Json) -> list[Json]:
    """Give a pod's ephemeral containers as they are written."""
    found: object = part(pod, "spec").get("ephemeralContainers") or []
    if not isinstance(found, list):
        raise MalformedReviewError("the AdmissionReview's object is not of the expected type")
    return cast("list[Json]", found)
