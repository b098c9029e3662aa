"""AdmissionReview v1 on the wire: only the fields that are used, everything else is ignored.

Source: https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/
"""

import base64
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import CallerError
from sidecar.contract.sealing import Identity
from webhook.policy.decision import Decision, Operation

MAX_REVIEW_BYTES = 8 * 1024 * 1024
"""More than twice the largest object an API server stores (3 MiB)."""
_MAX_IDENTITY_CHARACTERS = 256 * 1024
"""Of names, groups and claims together; some thousand groups."""
_API_VERSION = "admission.k8s.io/v1"
_KIND = "AdmissionReview"

_T = TypeVar("_T")


class MalformedReviewError(CallerError):
    """The body is not an AdmissionReview this webhook can judge."""


class UserInfo(msgspec.Struct, frozen=True):
    """Who asks, as the API server authenticated them."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] | None = None
    extra: dict[str, tuple[str, ...]] | None = None

    def identity(self) -> Identity:
        """Give the identity as it is sealed into grants."""
        return Identity(self.username, self.uid, self.groups or (), self.extra or {})


class Resource(msgspec.Struct, frozen=True):
    """Group, version and plural name of a resource."""

    group: str = ""
    version: str = ""
    resource: str = ""


class Kind(msgspec.Struct, frozen=True):
    """Group, version and kind of an object."""

    group: str = ""
    version: str = ""
    kind: str = ""


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """The question of a review."""

    uid: str
    operation: Operation
    resource: Resource
    user_info: UserInfo
    namespace: str = ""
    name: str = ""
    sub_resource: str = ""
    kind: Kind = Kind()
    object: msgspec.Raw = msgspec.Raw(b"null")
    """The object as JSON, decoded by the door that knows its type."""
    old_object: msgspec.Raw = msgspec.Raw(b"null")
    """The object as it is stored."""
    dry_run: bool | None = False


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: Request


class PatchOperation(msgspec.Struct, frozen=True):
    """One step of a JSON Patch (RFC 6902). ``value`` is anything JSON can hold."""

    op: Literal["add", "replace"]
    path: str
    value: object


class RemoveOperation(msgspec.Struct, frozen=True):
    """A step of a JSON Patch that removes (RFC 6902)."""

    path: str
    op: Literal["remove"] = "remove"


Patch = tuple[PatchOperation | RemoveOperation, ...]


class Cause(msgspec.Struct, frozen=True):
    """One reason of a refusal, for machines (``metav1.StatusCause``)."""

    reason: str
    message: str
    field: str = ""


class Denial(msgspec.Struct, frozen=True):
    """A refusal: what was asked, why not and what to do, as text and as causes."""

    message: str
    causes: tuple[Cause, ...] = ()
    code: int = 403
    reason: str = "Forbidden"
    """``metav1.StatusReason`` that fits the code."""


class Noted(msgspec.Struct, frozen=True):
    """What a door found out while it judged; for the audit event, where it is not in the request."""

    container: str = ""
    uid: str = ""
    """Of the object that the request is about."""
    session: str = ""
    """Id of the session that may start."""
    approval: str = ""
    """Name of the approval request that was spent."""


class Answer(msgspec.Struct, frozen=True):
    """What a door answers: allowed as it is, allowed with a patch, or denied."""

    denial: Denial | None = None
    patch: Patch = ()
    decision: Decision | None = None
    """What policies said, where they were asked; for the log and the audit event."""
    noted: Noted = Noted()
    warnings: tuple[str, ...] = ()
    """What kubectl shows to whoever asked, each under 256 characters; not with a refusal."""

    @property
    def allowed(self) -> bool:
        """Whether the request goes on."""
        return self.denial is None


class _Details(msgspec.Struct, frozen=True):
    causes: tuple[Cause, ...]


class _Status(msgspec.Struct, frozen=True):
    code: int
    reason: str
    message: str
    details: _Details
    status: str = "Failure"


class _Response(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    uid: str
    allowed: bool
    status: _Status | None = None
    patch_type: str | None = None
    patch: str | None = None
    warnings: tuple[str, ...] = ()


class _ReviewAnswer(msgspec.Struct, frozen=True, rename="camel"):
    response: _Response
    api_version: str = _API_VERSION
    kind: str = _KIND


_decoder = msgspec.json.Decoder(_Review)
_encoder = msgspec.json.Encoder()


def decode_review(body: bytes) -> Request:
    """Read the question of a review. Raises MalformedReviewError."""
    if len(body) > MAX_REVIEW_BYTES:
        raise MalformedReviewError(f"an AdmissionReview of {len(body)} bytes is larger than any object")
    try:
        body.decode()  # what is skipped below is not looked at, and no API server sends what is no text
        review = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedReviewError("the body is not an AdmissionReview") from None
    if review.api_version != _API_VERSION or review.kind != _KIND:
        raise MalformedReviewError(f"only {_KIND} of {_API_VERSION} is understood")
    if not review.request.uid:
        raise MalformedReviewError("the AdmissionReview's request has no uid")
    if _characters(review.request.user_info) > _MAX_IDENTITY_CHARACTERS:
        raise MalformedReviewError("the AdmissionReview says more of who asks than anybody is")
    return review.request


def _characters(user: UserInfo) -> int:
    extra = user.extra or {}
    claims = sum(len(key) + sum(map(len, values)) for key, values in extra.items())
    return len(user.username) + len(user.uid) + sum(map(len, user.groups or ())) + claims


def decode_object(raw: msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Read the object of a review. Raises MalformedReviewError."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedReviewError("the AdmissionReview's object is not of the expected type") from None


def encode_answer(uid: str, answer: Answer) -> bytes:
    """Give the AdmissionReview that answers the request with this uid."""
    denial = answer.denial
    if denial is not None:
        status = _Status(denial.code, denial.reason, denial.message, _Details(denial.causes))
        return _encoder.encode(_ReviewAnswer(_Response(uid, allowed=False, status=status)))
    response = _Response(uid, allowed=True, warnings=answer.warnings)
    if answer.patch:
        patch = base64.b64encode(_encoder.encode(answer.patch)).decode()
        response = replace(response, patch_type="JSONPatch", patch=patch)
    return _encoder.encode(_ReviewAnswer(response))
