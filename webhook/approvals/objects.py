"""ApprovalRequest objects (``chaperone.dev/v1alpha1``) as values."""

import datetime as dt
from enum import Enum
from typing import Annotated, Final

import msgspec

from webhook.policy.decision import Approval, Door, Glass, Operation

API_VERSION: Final = "chaperone.dev/v1alpha1"
KIND: Final = "ApprovalRequest"
PLURAL: Final = "approvalrequests"
ASK_LABEL: Final = "chaperone.dev/ask"
"""Label with the name that all requests for one and the same action begin with."""
ABOUT_LABEL: Final = "chaperone.dev/about"
"""Label that is the same for all requests of one person at one door about one target."""
MAX_SECONDS: Final = 10**9
"""Longest time that can be counted from now on; some thirty years."""
MAX_GROUPS: Final = 64
PLACEHOLDERS: Final = frozenset({"WHY", "WHAT-YOU-FOUND"})
"""What stands for the reason in the commands that messages show; no reason itself."""
DIGEST_LETTERS: Final = 8
"""How much of a digest people need to compare."""


class Phase(Enum):
    """Where an approval request is."""

    PENDING = "Pending"
    APPROVED = "Approved"
    DENIED = "Denied"
    GRANTED = "Granted"
    """A grant was issued on it; whether its session started is not known yet."""
    USED = "Used"
    EXPIRED = "Expired"

    @property
    def is_open(self) -> bool:
        """Whether something can still come of it."""
        return self in {Phase.PENDING, Phase.APPROVED, Phase.GRANTED}


class Verdict(Enum):
    """What is said on a request."""

    APPROVE = "approve"
    DENY = "deny"
    BREAK_GLASS = "break-glass"
    """The requester goes on in an emergency."""
    REVIEW = "review"
    """Somebody else has looked at how the glass was broken."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of an object."""


class Person(_Part, frozen=True, kw_only=True):
    """A user, as the API server authenticated them."""

    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()


class Target(_Part, frozen=True, kw_only=True):
    """What the action is done to."""

    resource: str
    name: str
    uid: str = ""
    container: str = ""
    resource_version: str = ""
    """Of an object that is changed or removed, as it was when this was asked."""
    state: str = ""
    """Keyed digest of what of it counted then, hexadecimal, after the key's name and a dot."""


class Program(_Part, frozen=True, kw_only=True):
    """A program that waits inside a session; its text is masked. What nobody may read is empty."""

    executable: str = ""
    """The file, after links: a script's is its interpreter."""
    cwd: str = ""
    """The directory it starts in."""
    uid: int
    """The effective user, as the container numbers users."""


class Spec(_Part, frozen=True, kw_only=True):
    """What is asked. Written once, by the admission side; never changed."""

    requester: Person
    door: Door
    operation: Operation
    target: Target
    asked: str
    """In one line, masked."""
    argv: tuple[str, ...] = ()
    """The command line, masked."""
    program: Program | None = None
    """What waits, where it is a program inside a session."""
    tty: bool = False
    stdin: bool = False
    shown: str = ""
    """The object, masked and without values of variables."""
    digest: str
    """Keyed digest of exactly what was asked, hexadecimal."""
    policy: str
    rule: str
    reason: str = ""
    approval: Approval = Approval()
    break_glass: Glass | None = None
    """How the requester may go on without an approval."""
    expires_at: dt.datetime
    """Until when it can be decided."""
    usable_seconds: Annotated[int, msgspec.Meta(ge=0, le=MAX_SECONDS)]
    """How long an approval can be used."""


class Decided(_Part, frozen=True, kw_only=True):
    """One person's verdict, stamped with who they are."""

    verdict: Verdict
    by: Person
    at: dt.datetime
    reason: str = ""
    stands_for: tuple[str, ...] = ()
    """Groups of the approval that they are a member of, or stood in for."""


class ReviewState(Enum):
    """Whether somebody has looked at how the glass was broken."""

    PENDING = "Pending"
    DONE = "Done"


class Review(_Part, frozen=True, kw_only=True):
    """What somebody else says about a broken glass."""

    state: ReviewState
    by: Person | None = None
    at: dt.datetime | None = None
    reason: str = ""


class Use(_Part, frozen=True, kw_only=True):
    """What an approval was spent on."""

    at: dt.datetime
    session: str = ""
    """Id of the session; the same for every grant that is issued on it."""
    grant_expires_at: dt.datetime | None = None
    """Until when the grant is good; for objects, until when the review that has taken it is waited for."""
    request: str = ""
    """UID of the review that let an object pass."""


class Condition(_Part, frozen=True, kw_only=True):
    """``metav1.Condition``."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: dt.datetime


class Status(_Part, frozen=True, kw_only=True):
    """What became of it."""

    phase: Phase
    decisions: tuple[Decided, ...] = ()
    usable_until: dt.datetime | None = None
    use: Use | None = None
    review: Review | None = None
    """Given once the glass was broken."""
    conditions: tuple[Condition, ...] = ()


class Metadata(_Part, frozen=True, kw_only=True):
    """What is used of an object's metadata."""

    name: str
    namespace: str
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: dt.datetime | None = None
    labels: dict[str, str] = {}


class Asked(_Part, frozen=True, kw_only=True):
    """The ``decision`` field as an approver writes it; taken out before the object is stored."""

    verdict: Verdict
    reason: str = ""
    digest: str = ""
    """Digest of the request that the approver has looked at, where they say so."""


class ApprovalRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An approval request."""

    metadata: Metadata
    spec: Spec
    status: Status = Status(phase=Phase.PENDING)
    api_version: str = API_VERSION
    kind: str = KIND


def generation_of(ticket: ApprovalRequest) -> int:
    """Give which request for the same action it is, from 1."""
    last = ticket.metadata.name.rpartition("-")[2]
    return int(last) if last.isdecimal() else 0
