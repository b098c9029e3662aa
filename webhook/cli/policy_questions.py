"""Questions on the command line: from options, or from saved AdmissionReviews."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sidecar.contract.errors import CallerError
from sidecar.masking import FieldFinding
from webhook.admission.pods import Metadata
from webhook.admission.questions import questions_of
from webhook.admission.review import decode_review
from webhook.cli.failures import CliError, ExitCode
from webhook.policy.decision import Question
from webhook.policy.rights import privileges_of


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


def with_object(question: Question, file: Path) -> Question:
    """Give the question about the object in a manifest. Raises CliError."""
    try:
        manifest: Any = yaml.safe_load(file.read_bytes())
        data = json.dumps(manifest).encode()
        header = msgspec.convert(manifest, _Manifest)
        kind, metadata = header.kind, header.metadata
        privileges = privileges_of(kind, data)
    except (OSError, yaml.YAMLError, msgspec.ValidationError, TypeError, CallerError) as error:
        raise CliError(f"{file}: no manifest of an object ({type(error).__name__})", ExitCode.USAGE) from None
    return msgspec.structs.replace(
        question,
        name=question.name or metadata.name,
        labels=question.labels or metadata.labels or {},
        privileges=privileges,
        findings=_card_data(kind, manifest),
        object=msgspec.Raw(data),
    )


def _card_data(kind: str, manifest: Any) -> tuple[FieldFinding, ...]:
    if kind not in {"ConfigMap", "Secret"}:
        return ()
    return _scan({key: value for key, value in manifest.items() if key != "metadata"})


def _scan(document: object) -> tuple[FieldFinding, ...]:
    from sidecar.masking import Engine, Profile, scan_object  # noqa: PLC0415  loads Hyperscan

    return tuple(scan_object(Engine.load(Profile.STRICT), document))


def from_reviews(
    data: bytes, *, at: int, namespace_labels: Mapping[str, str], own: str
) -> Iterator[Question]:
    """Give the questions of AdmissionReviews: one JSON document, or one on each line. Raises CliError.

    ``own`` is Chaperone's namespace.
    """
    for text in _documents(data):
        try:
            questions = questions_of(
                decode_review(text), at=at, namespace_labels=namespace_labels, own=own, scan=_scan
            )
        except CallerError as error:
            raise CliError(
                f"{error}; save what the API server sends to the webhook", ExitCode.USAGE
            ) from None
        yield from questions


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
