"""The values policies speak in: a question about one request, and the decision on it."""

import datetime as dt
from enum import Enum
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from sidecar.contract.grants import CommandRule, Limits, MaskingRule
from sidecar.contract.sealing import Identity
from sidecar.masking.objects import FieldFinding
from webhook.policy.privileges import Privilege


class Door(Enum):
    """A way into a container, or a change of an object that policies guard."""

    EXEC = "exec"
    ATTACH = "attach"
    EPHEMERAL_CONTAINER = "ephemeral-container"
    PORT_FORWARD = "port-forward"
    PROXY = "proxy"
    POD = "pod"
    WORKLOAD = "workload"
    SECRET = "secret"  # noqa: S105  the name of a resource
    CONFIGMAP = "configmap"
    RBAC = "rbac"
    WEBHOOK_CONFIGURATION = "webhook-configuration"
    NAMESPACE = "namespace"
    NODE = "node"
    SERVICE_ACCOUNT_TOKEN = "service-account-token"  # noqa: S105  the name of a resource
    PERSISTENT_VOLUME = "persistent-volume"
    CHAPERONE = "chaperone"
    """Chaperone's own objects."""


class Operation(Enum):
    """What is being done to the object, as the API server names it."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


class Action(Enum):
    """What a policy says, from least to most restrictive."""

    ALLOW = "allow"
    AUDIT = "audit"
    APPROVE = "approve"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """How restrictive it is; more is stricter."""
        return _RANKS[self]

    @property
    def refuses(self) -> bool:
        """Whether the request does not go on by itself."""
        return self in {Action.APPROVE, Action.DENY}


_RANKS = {action: rank for rank, action in enumerate(Action)}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a policy: who wants what, where, through which door, and when."""

    door: Door
    operation: Operation
    identity: Identity
    at: int
    """Unix seconds."""
    namespace: str = ""
    namespace_labels: dict[str, str] = {}
    name: str = ""
    """Of the object; for sessions, of the pod."""
    labels: dict[str, str] = {}
    """Of the object; for sessions, of the pod."""
    container: str = ""
    argv: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool = False
    shows_log: bool = False
    """Of an attach without input: nothing comes of it but what the container's log shows, masked."""
    is_recorded: bool = False
    """Of an attach or a debug container: whether a session records all that it is given and shows."""
    privileges: tuple[Privilege, ...] = ()
    """Of a pod, a template or a role: what the request newly brings, nothing when it changes none of that."""
    changed: bool = True
    """Whether more changes than labels and annotations."""
    findings: tuple[FieldFinding, ...] = ()
    """Card data in a ConfigMap or Secret."""
    ports: tuple[int, ...] = ()
    """Of a port-forward or proxy, as far as the request says them; see ``sure_ports``."""
    path: str = ""
    """Of a proxy."""
    object: msgspec.Raw = msgspec.Raw(b"null")
    """The object as JSON, the removed one at DELETE; read only if a rule's expression asks for it."""
    old_object: msgspec.Raw = msgspec.Raw(b"null")
    """The object before an UPDATE, as JSON."""

    @property
    def sure_ports(self) -> tuple[int, ...]:
        """The ports of a proxy; none of a port-forward, whose client chooses them once it is let in.

        Whatever ports its request says: the kubelet takes them from each stream when they travel by SPDY.
        """
        return () if self.door is Door.PORT_FORWARD else self.ports


MOST_PEOPLE: Final = 64
"""Who may be named for an approval, and asked for: what an approval request can hold."""
Moment = Annotated[dt.datetime, Meta(tz=True)]
"""RFC 3339."""


class _Terms(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A part of what a rule says about approvals."""


class Delegate(_Terms, frozen=True, kw_only=True):
    """A group whose members stand in for another's, for a while."""

    group: str
    for_: str = msgspec.field(default="", name="for")
    """Which of the approval's groups; each of them when left out."""
    from_: Moment | None = msgspec.field(default=None, name="from")
    """From when on; always until then when left out."""
    until: Moment
    """Until when; it has an end, and after that nobody stands in."""


class StandingTerms(_Terms, frozen=True, kw_only=True):
    """How far standing approvals may go."""

    max_seconds: Annotated[int, Meta(ge=1, le=30 * 86400)]
    """How long one may hold."""
    objects: bool = False
    """Whether they may cover changes of objects, whose content nobody looks at then."""


class Approval(_Terms, frozen=True, kw_only=True):
    """Who may approve. Without users and groups, whoever the cluster's RBAC lets approve."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    count: int = 1
    """How many different people must agree."""
    each_group: bool = False
    """Whether a different member of each of the groups must be among those who agree."""
    delegates: tuple[Delegate, ...] = ()
    exclude_service_accounts: bool = False
    """Whether service accounts do not decide on what a service account asked for."""
    reason_required: bool = False
    standing: StandingTerms | None = None
    """Whether standing approvals count, and how far; not unless given."""


class Glass(_Terms, frozen=True, kw_only=True):
    """The rule by which the requester may go on in an emergency, without an approval."""

    policy: str
    rule: str
    reason_required: bool = True
    """Whether they have to say why first."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says."""

    action: Action
    policy: str
    rule: str
    reason: str = ""
    """Why, in words for the person who asked; shown when the request is refused."""


class MainProcess(msgspec.Struct, frozen=True):
    """What one rule says of the programs that a pod's containers start with: they run under the shim."""

    policy: str
    rule: str
    containers: tuple[str, ...] = ()
    """Names, with ``*`` and ``?``; without any, all but init containers."""
    recorded: bool = False
    """Whether what they show is recorded, though nobody can type to them."""


class Decision(Judgement, frozen=True, kw_only=True):
    """What policies answer, and under which terms a session runs."""

    profile: str
    """Masking profile of the session."""
    limits: Limits
    masking_rules: tuple[MaskingRule, ...] = ()
    """What else is masked in the session."""
    commands: tuple[CommandRule, ...] = ()
    """What may run inside it."""
    program_approvals: dict[str, Approval] = {}
    """Who may approve what waits inside it, by ``policy/rule``."""
    traced: bool = False
    """Whether there is no session where its programs cannot be seen."""
    untraced: str = ""
    """The rule, ``policy/rule``, by which its programs are not traced at all; empty where they are."""
    main_processes: tuple[MainProcess, ...] = ()
    """Of a pod: whose own programs run under the shim."""
    unrecorded: bool = False
    """Whether rules let it happen where nothing records it."""
    approval: Approval | None = None
    """Who may approve, when the action is to ask."""
    glass: Glass | None = None
    """How the requester may go on without the approval that is needed."""
    break_glass: bool = False
    """Whether the requester went on so."""
    would: Judgement | None = None
    """What would have been decided had policies in audit mode been enforced, when that is stricter."""


def strictness(decision: Decision) -> tuple[int, bool, int]:
    """Give how strict a decision is, to be compared; one that would be stricter is, among equals."""
    would = decision.would.action.rank if decision.would else -1
    return decision.action.rank, decision.break_glass, would


class Policy(Protocol):
    """Decides. Deterministic, and quick enough to ask on every request."""

    def decide(self, question: Question) -> Decision:
        """Give the decision on one question. Raises ClusterError while policies are not known yet."""
        ...
