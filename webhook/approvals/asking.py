"""From an action to the approval request for it: keyed digest, deterministic name, spec. Pure."""

import base64
import datetime as dt
import hashlib
import hmac
from typing import Final

import msgspec

from sidecar.contract.sealing import Identity
from webhook.approvals.objects import (
    ABOUT_LABEL,
    ASK_LABEL,
    MAX_GROUPS,
    ApprovalRequest,
    Metadata,
    Person,
    Spec,
)
from webhook.approvals.subjects import Subject
from webhook.policy.decision import Approval, Decision, Question

_PURPOSE: Final = b"chaperone approval digest"
_STATE: Final = b"state "
_NAME: Final = b"name"
_KEY_LETTERS: Final = 8
_NAME_BYTES: Final = 10
_ABOUT_BYTES: Final = 16
_NAMESPACES: Final = "namespaces"
"""Resource whose objects are not in a namespace, though reviews name one: their own."""


class Terms(msgspec.Struct, frozen=True):
    """How long approval requests are open, and approvals are good for; seconds."""

    pending_seconds: int = 3600
    usable_seconds: int = 900
    hold_seconds: int = 0
    """How long a request is held back for a decision before it is refused."""
    most_held: int = 64
    """How many requests a replica holds at a time; further ones are refused at once."""
    most_open_per_requester: int = 100
    """How many requests of one person may wait at a time; what needs another is refused."""
    retention_seconds: int = 30 * 86400
    """How long requests stay after they are over; the audit record keeps what became of them."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One action that needs an approval."""

    question: Question
    decision: Decision
    subject: Subject
    """What is asked exactly, unmasked; never shown, logged or stored."""
    digest: str
    state: str
    """Keyed digest of what counts of the object there is; nothing where there is none."""
    base: str
    """What the names of all requests for this action begin with."""
    about: str
    """Value of the label that all requests of this person for this target have."""
    namespace: str
    """Where its requests are: with their target, or with Chaperone when that has no namespace."""

    def __repr__(self) -> str:
        return f"Wish({self.base})"


def wish(question: Question, decision: Decision, subject: Subject, key: bytes, *, home: str) -> Wish:
    """Give the wish. ``key`` makes digests that nobody outside can find the content of by trying.

    The same person asking for the same under the same rule always gives the same base name. ``home`` is
    Chaperone's own namespace.
    """
    digest = hmac.digest(_secret(key), subject.digested, "sha256").hex()
    identity = question.identity
    approval = decision.approval or Approval()
    parts = (
        (identity.username, identity.uid),
        (question.door.value, question.operation.value, question.namespace, subject.target.name),
        (decision.policy, decision.rule, msgspec.to_builtins(approval)),
        digest,
        *([] if decision.glass is None else [msgspec.to_builtins(decision.glass)]),
    )
    short = hashlib.sha256(msgspec.json.encode(parts)).digest()[:_NAME_BYTES]
    is_placed = question.namespace and subject.target.resource != _NAMESPACES
    return Wish(
        question=question,
        decision=decision,
        subject=subject,
        digest=digest,
        state=keyed_state(subject.state, key) if subject.state else "",
        base=f"{question.door.value}-{base64.b32encode(short).decode().lower()}",
        about=hashlib.sha256(msgspec.json.encode((*parts[:2], subject.target.resource))).hexdigest()[
            :_ABOUT_BYTES
        ],
        namespace=question.namespace if is_placed else home,
    )


def asks_for(found: ApprovalRequest, wanted: Wish) -> bool:
    """Tell whether a request is for exactly this action, of this person, on these terms.

    Its name says so, if Chaperone has made it. What is spent is compared all the same.
    """
    spec, asked, decision = found.spec, wanted.question, wanted.decision
    who = (asked.identity.username, asked.identity.uid)
    return (
        hmac.compare_digest(spec.digest, wanted.digest)
        and (spec.requester.username, spec.requester.uid) == who
        and (spec.door, spec.operation) == (asked.door, asked.operation)
        and (spec.policy, spec.rule) == (decision.policy, decision.rule)
        and spec.approval == (decision.approval or Approval())
        and spec.break_glass == decision.glass
    )


def keyed_state(state: bytes, key: bytes) -> str:
    """Give the digest of what counts of an object, after the key's name and a dot."""
    return f"{key_name(key)}.{hmac.digest(_secret(key), _STATE + state, 'sha256').hex()}"


def key_name(key: bytes) -> str:
    """Give what tells keys apart and tells nothing of them."""
    return hmac.digest(_secret(key), _NAME, "sha256").hex()[:_KEY_LETTERS]


def _secret(key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE, "sha256")


def requester(identity: Identity) -> Person:
    """Give who asks, as requests have it: with as many groups as are kept."""
    return Person(username=identity.username, uid=identity.uid, groups=tuple(identity.groups[:MAX_GROUPS]))


def decider(identity: Identity) -> Person:
    """Give who decides, with all their groups: rules say whose members may."""
    return Person(username=identity.username, uid=identity.uid, groups=identity.groups)


def ticket(
    wanted: Wish,
    generation: int,
    *,
    asked: str,
    argv: tuple[str, ...],
    shown: str,
    terms: Terms,
    now: dt.datetime,
) -> ApprovalRequest:
    """Give the approval request; ``asked``, ``argv`` and ``shown`` are masked already."""
    question, decision = wanted.question, wanted.decision
    spec = Spec(
        requester=requester(question.identity),
        door=question.door,
        operation=question.operation,
        target=msgspec.structs.replace(wanted.subject.target, state=wanted.state),
        asked=asked,
        argv=argv,
        tty=question.tty,
        stdin=question.stdin,
        shown=shown,
        digest=wanted.digest,
        policy=decision.policy,
        rule=decision.rule,
        reason=decision.reason,
        approval=decision.approval or Approval(),
        break_glass=decision.glass,
        expires_at=now + dt.timedelta(seconds=terms.pending_seconds),
        usable_seconds=terms.usable_seconds,
    )
    name = f"{wanted.base}-{generation}"
    return ApprovalRequest(
        metadata=Metadata(
            name=name,
            namespace=wanted.namespace,
            labels={ASK_LABEL: wanted.base, ABOUT_LABEL: wanted.about},
        ),
        spec=spec,
    )
