"""Legal holds as objects of the API. They belong to no namespace, and are released, never deleted."""

from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from sidecar.contract.decoding import UNREADABLE
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.objects import API_VERSION, ListMeta, ObjectMeta, Part, User, rfc3339, unix_nanoseconds
from webhook.journal.holds import Hold, Scope

_B = TypeVar("_B")
HOLDS: Final = "legalholds"
MOST_CHARACTERS: Final = 1000


class HoldSpec(Part, frozen=True):
    """What is kept, however old it is: whatever is told must be so, and something must be told."""

    reason: str
    """Why: the case, and who asked for it."""
    session: str = ""
    """Id of one session."""
    agent: str = ""
    """Name of a user, as the API server authenticated them: their sessions and what they did."""
    namespace: str = ""
    since: str = ""
    """Only what ended at or after this RFC 3339 time."""
    until: str = ""
    """Only what started before this RFC 3339 time."""


class HoldStatus(Part, frozen=True, omit_defaults=False):
    """Who set it and when, and who released it and why."""

    in_force: bool
    set_by: User
    set_at: str
    released_by: User | UnsetType = UNSET
    released_at: str | UnsetType = UNSET
    release_reason: str | UnsetType = UNSET


class LegalHold(Part, frozen=True, omit_defaults=False):
    """A legal hold. To set one, create it; its name is given."""

    spec: HoldSpec
    metadata: ObjectMeta | UnsetType = UNSET
    status: HoldStatus | UnsetType = UNSET
    api_version: str = API_VERSION
    kind: str = "LegalHold"


class LegalHoldList(Part, frozen=True, omit_defaults=False):
    """Legal holds, newest first, also those that were released."""

    metadata: ListMeta
    items: list[LegalHold]
    api_version: str = API_VERSION
    kind: str = "LegalHoldList"


class ReleaseSpec(Part, frozen=True):
    """Why a hold ends."""

    reason: str


class _Metadata(msgspec.Struct, frozen=True):
    """Of what is posted, nothing counts."""


class NewHold(Part, frozen=True):
    """What is posted to set a hold."""

    spec: HoldSpec
    api_version: str
    kind: str
    metadata: _Metadata = _Metadata()


class Release(Part, frozen=True):
    """What is posted to release one."""

    spec: ReleaseSpec
    api_version: str = API_VERSION
    kind: str = "LegalHoldRelease"


def hold_object(hold: Hold) -> LegalHold:
    """Give the API's object of a hold."""
    scope = hold.scope
    released = hold.released_by
    return LegalHold(
        metadata=ObjectMeta(
            name=hold.name,
            namespace="",
            uid=hold.name,
            resource_version=str(max(hold.at, hold.released_at)),
            creation_timestamp=rfc3339(hold.at, timespec="seconds"),
        ),
        spec=HoldSpec(
            reason=hold.reason,
            session=scope.session,
            agent=scope.agent,
            namespace=scope.namespace,
            since="" if scope.since is None else rfc3339(scope.since),
            until="" if scope.until is None else rfc3339(scope.until),
        ),
        status=HoldStatus(
            in_force=hold.in_force,
            set_by=User(hold.by.username, hold.by.uid, hold.by.groups, hold.by.extra),
            set_at=rfc3339(hold.at),
            released_by=UNSET if released is None else User(released.username, released.uid, released.groups),
            released_at=UNSET if released is None else rfc3339(hold.released_at),
            release_reason=UNSET if released is None else hold.release_reason,
        ),
    )


def parse_hold(body: bytes) -> tuple[Scope, str]:
    """Read what is to be kept, and why. Raises ApiError."""
    hold = _decoded(body, NewHold, "LegalHold")
    if hold.kind != "LegalHold" or hold.api_version != API_VERSION:
        raise ApiError(Reason.BAD_REQUEST, f"the body must be a LegalHold of {API_VERSION}")
    spec = hold.spec
    scope = Scope(
        session=spec.session,
        agent=spec.agent,
        namespace=spec.namespace,
        since=_time("since", spec.since),
        until=_time("until", spec.until),
    )
    if scope == Scope():
        raise _invalid("spec: say what to keep: session, agent, namespace, since or until")
    if scope.since is not None and scope.until is not None and scope.since >= scope.until:
        raise _invalid("spec.until: must be later than spec.since")
    if any(len(text) > MOST_CHARACTERS for text in (spec.session, spec.agent, spec.namespace)):
        raise _invalid(f"spec: no field has more than {MOST_CHARACTERS} characters")
    return scope, _reason(spec.reason)


def parse_release(body: bytes) -> str:
    """Read why a hold ends. Raises ApiError."""
    return _reason(_decoded(body, Release, "release").spec.reason)


def _decoded(body: bytes, kind: type[_B], what: str) -> _B:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise ApiError(Reason.BAD_REQUEST, f"the body is no {what}: {error}") from None


def _reason(text: str) -> str:
    if not text.strip():
        raise _invalid("spec.reason: say why, in words an auditor understands")
    if len(text) > MOST_CHARACTERS:
        raise _invalid(f"spec.reason: at most {MOST_CHARACTERS} characters")
    return text.strip()


def _time(field: str, text: str) -> int | None:
    try:
        return unix_nanoseconds(text) if text else None
    except ValueError:
        raise _invalid(f"spec.{field}: must be a time such as 2026-03-01T00:00:00Z") from None


def _invalid(message: str) -> ApiError:
    return ApiError(Reason.INVALID, message, kind=HOLDS)
