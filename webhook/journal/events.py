"""Audit events: who did what, when, where from and with what outcome (PCI DSS 10.2.2).

An audit event belongs to no running session; what happens in one is in its recording. Texts are masked before
they come here, and nothing holds the values of Secrets. Doors, operations and actions are kept in the words
they had then, because the record outlives the code.
"""

from enum import Enum

import msgspec

from sidecar.contract.sealing import Identity


class Kind(Enum):
    """What happened."""

    DECISION = "decision"
    """A door answered a request: let through, refused, or refused for want of an approval."""
    APPROVAL_ASKED = "approval-asked"
    APPROVAL_DECIDED = "approval-decided"
    """One approver's verdict, taken."""
    APPROVAL_REFUSED = "approval-refused"
    """A verdict that was not taken: too late, on one's own request, without the right."""
    APPROVAL_USED = "approval-used"
    APPROVAL_EXPIRED = "approval-expired"
    APPROVAL_REMOVED = "approval-removed"
    BREAK_GLASS = "break-glass"
    """Somebody went on in an emergency where an approval would have been needed; to be reviewed."""
    POLICY_CHANGED = "policy-changed"
    """Policies in force are others than before."""
    POLICY_REFUSED = "policy-refused"
    """A policy that does not compile was refused; the last good one stays."""
    NOTIFICATION_SENT = "notification-sent"
    NOTIFICATION_FAILED = "notification-failed"
    CONTROL_STARTED = "control-started"
    """A part of the control side started (PCI DSS 10.2.1.6)."""
    CONTROL_STOPPED = "control-stopped"
    CONTROL_FAILED = "control-failed"
    """A control did not work for a while: events were lost, a recorder or the store was gone (10.7.2)."""
    INCIDENT = "incident"
    """A recorder met with what should not be: a grant that is not valid or used already, a lying record."""
    CANARY = "canary"
    """Somebody, or the schedule, tried the controls: whether they masked, refused and recorded (10.7.2)."""
    SESSION_FINDING = "session-finding"
    """Card data was found in a session, for the first time or ten, a hundred … times."""
    SESSION_KILLED = "session-killed"
    """Somebody ordered a session to be ended."""
    SESSION_LOST = "session-lost"
    """Nothing is heard of a session's recorder; its record was closed with the gap stated."""
    RECORD_READ = "record-read"
    """Somebody listed, searched, replayed or exported the record (PCI DSS 10.2.1.3)."""
    RECORD_REMOVED = "record-removed"
    """What was older than the time of retention is removed (PCI DSS 10.5.1); ``details`` name it."""
    HOLD_SET = "hold-set"
    """Somebody keeps a part of the record beyond its time: a legal hold, named by the event's id."""
    HOLD_RELEASED = "hold-released"


class Outcome(Enum):
    """What came of it."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Where(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it was about."""

    namespace: str = ""
    resource: str = ""
    """Plural and group, with the subresource: ``pods/exec``, ``deployments.apps``."""
    name: str = ""
    uid: str = ""
    container: str = ""


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One audit event. The same ``id`` is the same event, however often it arrives."""

    id: str
    """As of ``sidecar.contract.identifiers``: sorts by time."""
    at: int
    """Unix nanoseconds on the clock of who saw it."""
    kind: Kind
    outcome: Outcome
    actor: Identity
    """Who did it, as the API server authenticated them; Chaperone itself for what it does by itself."""
    origin: str
    """Which part of Chaperone saw it: the pod's name."""
    where: Where = Where()
    door: str = ""
    operation: str = ""
    asked: str = ""
    """What was asked, in one masked line."""
    argv: tuple[str, ...] = ()
    """The command line of a session, masked."""
    action: str = ""
    """What policies said."""
    policy: str = ""
    rule: str = ""
    would: str = ""
    """What audit mode did not enforce, as ``deny by policy/rule``."""
    reason: str = ""
    """Why: the approver's reason, the refusal's, the error's; masked."""
    approval: str = ""
    """Name of the approval request, in the namespace of ``where``."""
    requester: str = ""
    """Whose action an approval is about, where the actor is somebody else."""
    session: str = ""
    """Id of the session that was let start."""
    request: str = ""
    """UID of the AdmissionReview, which the API server's own audit log has as well."""
    dry_run: bool = False
    details: dict[str, str] = {}
    """What else belongs to this kind; masked."""
