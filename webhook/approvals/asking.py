"""From an action to the approval request for it: keyed digest, deterministic name, spec. Pure."""

import base64
import datetime as dt
import hashlib
import hmac
from typing import Final

import msgspec

from webhook.approvals.objects import ASK_LABEL, ApprovalRequest, Metadata, Person, Spec
from webhook.approvals.subjects import Subject
from webhook.policy.decision import Approval, Decision, Question

_PURPOSE: Final = b"chaperone approval digest"
_NAME_BYTES: Final = 10
MAX_GROUPS: Final = 64


class Terms(msgspec.Struct, frozen=True):
    """How long approval requests are open, and approvals are good for; seconds."""

    pending_seconds: int = 3600
    usable_seconds: int = 900


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One action that needs an approval."""

    question: Question
    decision: Decision
    subject: Subject
    """What is asked exactly, unmasked; never shown, logged or stored."""
    digest: str
    base: str
    """What the names of all requests for this action begin with."""

    def __repr__(self) -> str:
        return f"Wish({self.base})"


def wish(question: Question, decision: Decision, subject: Subject, key: bytes) -> Wish:
    """Give the wish. ``key`` makes digests that nobody outside can find the content of by trying.

    The same person asking for the same under the same rule always gives the same base name.
    """
    secret = hmac.digest(key, _PURPOSE, "sha256")
    digest = hmac.digest(secret, subject.digested, "sha256").hex()
    identity = question.identity
    approval = decision.approval or Approval()
    parts = (
        (identity.username, identity.uid),
        (question.door.value, question.operation.value, question.namespace, subject.target.name),
        (decision.policy, decision.rule, msgspec.to_builtins(approval)),
        digest,
    )
    short = hashlib.sha256(msgspec.json.encode(parts)).digest()[:_NAME_BYTES]
    base = f"{question.door.value}-{base64.b32encode(short).decode().lower()}"
    return Wish(question=question, decision=decision, subject=subject, digest=digest, base=base)


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
    question, decision, identity = wanted.question, wanted.decision, wanted.question.identity
    spec = Spec(
        requester=Person(
            username=identity.username, uid=identity.uid, groups=tuple(identity.groups[:MAX_GROUPS])
        ),
        door=question.door,
        operation=question.operation,
        target=wanted.subject.target,
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
        expires_at=now + dt.timedelta(seconds=terms.pending_seconds),
        usable_seconds=terms.usable_seconds,
    )
    name = f"{wanted.base}-{generation}"
    return ApprovalRequest(
        metadata=Metadata(name=name, namespace=question.namespace, labels={ASK_LABEL: wanted.base}), spec=spec
    )
