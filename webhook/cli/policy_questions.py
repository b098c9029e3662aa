"""Questions on the command line: from options, or from saved AdmissionReviews."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from sidecar.contract.errors import CallerError
from sidecar.masking import FieldFinding
from webhook.admission.containers import container_of
from webhook.admission.debugging import debug_questions, read_debugging
from webhook.admission.pods import Metadata, Pod
from webhook.admission.questions import questions_of, scanned, template_question
from webhook.admission.review import Answer, decode_review
from webhook.approvals.subjects import Change
from webhook.cli.failures import CliError, ExitCode
from webhook.policy.changes import part
from webhook.policy.decision import Door, Question
from webhook.policy.privileges import TEMPLATE_KINDS
from webhook.policy.rights import BINDING_KINDS, ROLE_KINDS, privileges_of

Json = dict[str, Any]
_DOORS: Final = {
    "Pod": Door.POD,
    "Secret": Door.SECRET,
    "ConfigMap": Door.CONFIGMAP,
    "Namespace": Door.NAMESPACE,
    "Node": Door.NODE,
    "PersistentVolume": Door.PERSISTENT_VOLUME,
    "TokenRequest": Door.SERVICE_ACCOUNT_TOKEN,
    "GuardPolicy": Door.CHAPERONE,
    **dict.fromkeys((*ROLE_KINDS, *BINDING_KINDS), Door.RBAC),
}


class _Manifest(msgspec.Struct, frozen=True):
    kind: str
    metadata: Metadata = Metadata()


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Read ``key=value`` options. Raises CliError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CliError(f"{option} {text!r}: write it as key=value", ExitCode.USAGE)
        found[key] = value
    return found


def claims(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``key=value`` options of which a key may come again. Raises CliError."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        for key, value in pairs([text], "--extra").items():
            found[key] = (*found.get(key, ()), value)
    return found


class Manifest(msgspec.Struct, frozen=True):
    """An object as it is written in a file."""

    kind: str
    metadata: Metadata
    written: Json
    file: Path

    @property
    def door(self) -> Door | None:
        """Where policies are asked about it, None where that is not known."""
        return Door.WORKLOAD if self.kind in TEMPLATE_KINDS else _DOORS.get(self.kind)


def read_manifest(file: Path) -> Manifest:
    """Read an object. Raises CliError."""
    try:
        written: Any = yaml.safe_load(file.read_bytes())
        header = msgspec.convert(written, _Manifest)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise _no_manifest(file, error) from None
    return Manifest(header.kind, header.metadata, written, file)


def about_object(question: Question, manifest: Manifest) -> list[Question]:
    """Give the questions that the server asks about an object: of a workload about its pods, too.

    At the doors of sessions it is the pod that they are for; of its ephemeral containers all count as added.
    Raises CliError.
    """
    try:
        data = json.dumps(manifest.written).encode()
        if question.door is Door.EPHEMERAL_CONTAINER:
            bare: Json = {
                **manifest.written,
                "spec": {**part(manifest.written, "spec"), "ephemeralContainers": []},
            }
            before, after = msgspec.Raw(json.dumps(bare).encode()), msgspec.Raw(data)
            return debug_questions(read_debugging(before, after), question)
        asked = msgspec.structs.replace(
            question,
            name=question.name or manifest.metadata.name,
            labels=question.labels or manifest.metadata.labels or {},
        )
        if question.door is Door.ATTACH:
            return _attached(asked, msgspec.convert(manifest.written, Pod))
        privileges = privileges_of(manifest.kind, data)
    except (msgspec.ValidationError, TypeError, CallerError) as error:
        raise _no_manifest(manifest.file, error) from None
    change = Change(
        door=question.door,
        operation=question.operation,
        kind=manifest.kind,
        resource="",
        name=asked.name,
        after=manifest.written,
    )
    document = scanned(change, changed=True)
    asked = msgspec.structs.replace(
        asked,
        privileges=privileges,
        findings=() if document is None else _scan(document),
        object=msgspec.Raw(data),
    )
    pods = template_question(asked, change)
    return [asked] if pods is None else [asked, pods]


def _attached(question: Question, pod: Pod) -> list[Question]:
    """Give the questions about attaching to a container of a pod: what runs in it, and what it reaches."""
    container = container_of(question.container, pod)
    if isinstance(container, Answer):
        raise CliError(container.denial.message if container.denial else "no such container", ExitCode.USAGE)
    argv = question.argv or container.line
    return [
        msgspec.structs.replace(question, container=name, argv=argv)
        for name in pod.spec.reached_from(container)
    ]


def _no_manifest(file: Path, error: Exception) -> CliError:
    """Say what is wrong with a file, and nothing of what it holds."""
    match error:
        case OSError():
            why = error.strerror or type(error).__name__
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark(line=line)):
            why = f"it is not YAML, line {line + 1}"
        case msgspec.ValidationError():
            why = str(error)
        case _:
            why = type(error).__name__
    return CliError(f"{file}: no manifest of an object: {why}", ExitCode.USAGE)


def _scan(document: object) -> tuple[FieldFinding, ...]:
    from sidecar.masking import Engine, Profile, scan_object  # noqa: PLC0415  loads Hyperscan

    return tuple(scan_object(Engine.load(Profile.STRICT), document))


def from_reviews(
    data: bytes, file: str, *, at: int, namespace_labels: Mapping[str, str], own: str
) -> Iterator[list[Question]]:
    """Give the questions of each AdmissionReview: one JSON document, or one on each line. Raises CliError.

    ``file`` is where they come from, ``own`` is Chaperone's namespace.
    """
    for text in _documents(data):
        try:
            questions = questions_of(
                decode_review(text), at=at, namespace_labels=namespace_labels, own=own, scan=_scan
            )
        except CallerError as error:
            raise CliError(
                f"{file}: {error}; save what the API server sends to the webhook", ExitCode.USAGE
            ) from None
        if questions:
            yield questions


def moment(text: str | None) -> int:
    """Read a time, now when there is none. Raises CliError."""
    if text is None:
        return int(datetime.now(UTC).timestamp())
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except ValueError:
        message = f"--at {text!r} is no time; write 2026-03-02T22:30 or 2026-03-02T22:30+01:00"
        raise CliError(message, ExitCode.USAGE) from None


def _documents(data: bytes) -> list[bytes]:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [line for line in data.splitlines() if line.strip()]
    return [data]
