"""AdmissionReview v1 on the wire: only the fields that are used, everything else is ignored.

Source: https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/
"""

import base64
import re
from collections.abc import Iterator
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from sidecar.contract.errors import CallerError
from sidecar.contract.sealing import Identity
from webhook.policy.decision import Decision, Operation

MAX_REVIEW_BYTES = 8 * 1024 * 1024
"""More than twice the largest object an API server stores (3 MiB)."""
MAX_IDENTITY_CHARACTERS = 64 * 1024
"""Of names, groups and claims together; a thousand groups."""
MAX_IDENTITY_NUMBERS = 16 * 1024
"""Of these, in words with digits that are no UUIDs: each is looked through for card data."""
_KEPT_OF_NAMES = 256
"""Characters that are known of a name where more is said of somebody than is looked at."""
_FEWEST_DIGITS = 3
_DIGITS = b"0123456789"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What many groups are, and nothing is found in."""
_API_VERSION = "admission.k8s.io/v1"
_KIND = "AdmissionReview"

_T = TypeVar("_T")


class MalformedReviewError(CallerError):
    """The body is not an AdmissionReview this webhook can judge."""


class ExcessiveIdentityError(CallerError):
    """More is said of who asks than Chaperone looks at."""


class UserInfo(msgspec.Struct, frozen=True):
    """Who asks, as the API server authenticated them."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] | None = None
    extra: dict[str, tuple[str, ...]] | None = None
    excess: str = ""
    """How much was said of them, where that was too much: then only the beginnings of the names are left."""

    def identity(self) -> Identity:
        """Give the identity as it is judged and sealed into grants. Raises ExcessiveIdentityError."""
        if self.excess:
            raise ExcessiveIdentityError(self.excess)
        return self.known()

    def known(self) -> Identity:
        """Give what is known of the identity: for the record, not to judge by."""
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
    argv: tuple[str, ...] = ()
    """Command line of a process that is attached to, or of an ephemeral container."""
    tty: bool = False
    stdin: bool = False
    reaches: tuple[str, ...] = ()
    """Containers whose processes can be seen from there, besides its own."""
    privileges: tuple[str, ...] = ()
    recorded: bool = False
    """Whether what happens is in a session that runs already: of an attach, the own program's."""


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
    return replace(review.request, user_info=_bounded(review.request.user_info))


def _bounded(user: UserInfo) -> UserInfo:
    """Give somebody as they are, or the beginnings of their names where more is said than is looked at."""
    user = replace(user, excess="")
    words = list(_words(user))
    total = sum(map(len, words))
    if total <= MAX_IDENTITY_NUMBERS:
        return user
    numbers = sum(len(word) for word in words if _has_digits(word))
    if total <= MAX_IDENTITY_CHARACTERS and numbers <= MAX_IDENTITY_NUMBERS:
        return user
    excess = (
        f"who asks is said in {total} characters of names, groups and claims, {numbers} of them in words with"
        f" digits; Chaperone judges by at most {MAX_IDENTITY_CHARACTERS} and {MAX_IDENTITY_NUMBERS}"
    )
    return UserInfo(user.username[:_KEPT_OF_NAMES], user.uid[:_KEPT_OF_NAMES], excess=excess)


def _words(user: UserInfo) -> Iterator[str]:
    yield user.username
    yield user.uid
    yield from user.groups or ()
    for key, values in (user.extra or {}).items():
        yield key
        yield from values


def _has_digits(word: str) -> bool:
    """Tell whether a word is looked through for card data: it has some digits, and is no UUID."""
    data = word.encode("utf-8", "replace")
    return len(data) - len(data.translate(None, _DIGITS)) >= _FEWEST_DIGITS and not _UUID.fullmatch(word)


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
