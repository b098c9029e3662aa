"""GuardPolicy documents as values: the same for a file and for an object of the cluster.

Every field that may be left out has a default; unknown ones are refused. What a type cannot say is checked
by ``loading``.
"""

from enum import Enum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from sidecar.masking import Profile
from webhook.policy.decision import Action, Approval, Door, Operation
from webhook.policy.privileges import Privilege

API_VERSION: Final = "chaperone.dev/v1alpha1"
KIND: Final = "GuardPolicy"
MAX_RULES: Final = 64
MAX_EXPRESSION: Final = 2048

Text = Annotated[str, Meta(min_length=1, max_length=1024)]
Name = Annotated[str, Meta(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Words = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]
"""Alternatives, of which one must fit; ``*`` and ``?`` stand for any characters and for one."""
Line = Annotated[tuple[Annotated[str, Meta(max_length=1024)], ...], Meta(min_length=1, max_length=64)]
"""A command line, argument by argument."""
Labels = Annotated[dict[str, Annotated[str, Meta(max_length=253)]], Meta(max_length=32)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[int, Meta(ge=0, le=366 * 86400)]
Clock = Annotated[str, Meta(max_length=5, pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A part of a document."""


class Day(Enum):
    """Days of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Window(_Part, frozen=True, kw_only=True):
    """A time of the week. One that ends before it starts ends on the next day."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)] = tuple(Day)
    from_: Clock = msgspec.field(default="00:00", name="from")
    to: Clock = "24:00"
    time_zone: Text = "UTC"
    """Of the IANA database, as in ``Europe/Berlin``."""


class CommandLine(_Part, frozen=True, kw_only=True):
    """Command lines of one kind: exactly one of the fields is given."""

    exact: Line | None = None
    """This command line and no other."""
    prefix: Line | None = None
    """Command lines that begin with these arguments."""
    glob: Line | None = None
    """Argument by argument, with ``*`` and ``?``; a last ``**`` stands for any further arguments."""
    regex: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    """For the whole line, its arguments quoted as a shell would; ``.`` is any character."""


class Program(CommandLine, frozen=True, kw_only=True):
    """Programs of one kind, by command line or expression: exactly one of the fields is given."""

    cel: Annotated[str, Meta(min_length=1, max_length=MAX_EXPRESSION)] | None = None
    """A CEL expression over ``argv``, ``line``, ``executable``, ``cwd`` and ``uid``."""


class Match(_Part, frozen=True, kw_only=True):
    """What a rule is about: every field that is given must fit."""

    doors: (
        Annotated[
            tuple[Door, ...],
            Meta(
                min_length=1,
                max_length=32,
                description="webhook-configuration is never asked: the API server asks no webhook about"
                " admission configuration, and the chart's guard.configuration says who changes it.",
            ),
        ]
        | None
    ) = None
    operations: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=4)] | None = None
    users: Words | None = None
    groups: Words | None = None
    service_accounts: Words | None = None
    """``namespace/name``."""
    extra: Annotated[dict[str, Words], Meta(max_length=16)] | None = None
    """Claims of the identity provider in ``userInfo.extra``."""
    namespaces: Words | None = None
    namespace_labels: Labels | None = None
    names: Words | None = None
    """Of the object, or of the pod a session is for."""
    labels: Labels | None = None
    """Of the object, or of the pod a session is for."""
    containers: Words | None = None
    argv: Annotated[tuple[CommandLine, ...], Meta(min_length=1, max_length=64)] | None = None
    tty: bool | None = None
    stdin: bool | None = None
    privileged: bool | None = None
    """Whether the pod, template or role has any of the privileges, but for what only an image decides."""
    privileges: Annotated[tuple[Privilege, ...], Meta(min_length=1, max_length=16)] | None = None
    changed: bool | None = None
    """Whether more changes than labels and annotations; making and removing always does."""
    card_data: bool | None = None
    """Whether an object would hold card data: its values, or its name, labels and annotations."""
    ports: Annotated[tuple[Port, ...], Meta(min_length=1, max_length=64)] | None = None
    """Of a port-forward or proxy. One that says none fits where the action is approve or deny."""
    paths: Words | None = None
    """Of a proxy."""
    when: Annotated[tuple[Window, ...], Meta(min_length=1, max_length=16)] | None = None
    cel: Annotated[str, Meta(min_length=1, max_length=MAX_EXPRESSION)] | None = None
    """A CEL expression over everything; asked last."""


class Show(Enum):
    """What stays visible behind the beginning of what a masking rule finds."""

    NOTHING = "nothing"
    LAST_FOUR = "last4"


_Case = Annotated[str, Meta(max_length=512)]


class MaskingSource(_Part, frozen=True, kw_only=True):
    """A masking rule with its cases; docs/masking.md says what a pattern may be."""

    name: Name
    pattern: Annotated[str, Meta(min_length=4, max_length=256)]
    show: Show = Show.NOTHING
    luhn: bool = False
    """Whether the digits must carry a check digit."""
    positive: Annotated[tuple[_Case, ...], Meta(min_length=1, max_length=16)]
    negative: Annotated[tuple[_Case, ...], Meta(min_length=1, max_length=16)]


class Recording(Enum):
    """What becomes of an attach or a debug container that cannot be recorded; what can be always is."""

    REQUIRED = "required"
    """Nothing passes there."""
    NONE = "none"
    """The session runs unrecorded and unmasked, and the audit event says so."""


class Tracing(Enum):
    """Whether the programs of a session are traced; of several rules, what stands first here counts."""

    REQUIRED = "required"
    """Nothing runs where they cannot be."""
    OPTIONAL = "optional"
    """Where they cannot be, the session runs, and its record says so. So it is if no rule says anything."""
    NONE = "none"
    """They are not, so that setuid programs and debuggers work; the session's record says so."""


class SessionLimits(_Part, frozen=True, kw_only=True):
    """When a session is ended; 0 never. What is left out stays as the installation has it."""

    idle_seconds: Seconds | None = None
    total_seconds: Seconds | None = None
    output_bytes: Annotated[int, Meta(ge=0)] | None = None
    findings: Annotated[int, Meta(ge=0)] | None = None
    """How much card data may be found before it is ended."""


class Session(_Part, frozen=True, kw_only=True):
    """Terms of sessions. Of several rules that match, the strictest of each counts."""

    profile: Profile | None = None
    recording: Recording | None = None
    """Required where no rule says anything."""
    limits: SessionLimits = SessionLimits()
    masking_rules: Annotated[tuple[MaskingSource, ...], Meta(max_length=32)] = ()
    tracing: Tracing | None = None
    """Rules with ``commands`` need it, so that ``none`` of another rule does not count beside them."""


class Commands(_Part, frozen=True, kw_only=True):
    """What may run inside a session that the rule is about; of several rules, every one must let it pass.

    A shell's builtins and busybox's applets within a busybox shell are no programs; see ``shellLines``.
    """

    allow: Annotated[tuple[Program, ...], Meta(max_length=64)] = ()
    """Nothing but these may run. Judged by the program's own file, after links."""
    deny: Annotated[tuple[Program, ...], Meta(max_length=64)] = ()
    """These may not run, by whatever name they are called."""
    approve: Annotated[tuple[Program, ...], Meta(max_length=64)] = ()
    """These wait until somebody has approved them, by whatever name they are called."""
    approval: Approval | None = None
    """Who may approve them."""
    wait_seconds: Annotated[int, Meta(ge=10, le=3600)] = 300
    """How long they wait; then they do not run."""
    end_session: bool = False
    """Whether a program that may not run ends the session."""
    shell_lines: bool = False
    """Whether ``deny`` and ``approve`` are also about the commands in lines for shells.

    These are typed at a terminal, and asked about before they are entered, or given with ``sh -c``.
    """


class MainProcess(_Part, frozen=True, kw_only=True):
    """Programs that containers of a new pod start with and that run under the shim: their log is masked."""

    containers: Words | None = None
    """Names of containers, init containers among them; all but init containers where nothing is said."""
    recorded: bool = False
    """Whether all that they show is recorded, too, and not only where somebody can type to them."""


class Rule(_Part, frozen=True, kw_only=True):
    """One rule: what it is about, what it is not about, and what it says."""

    name: Name
    action: Action
    match: Match = Match()
    except_: Annotated[tuple[Match, ...], Meta(max_length=32)] = msgspec.field(default=(), name="except")
    """A request that fits one of these is none of this rule's business."""
    reason: Annotated[str, Meta(max_length=1024)] = ""
    """Why, for the person who asked."""
    session: Session = Session()
    approval: Approval | None = None
    """Who may approve, with the action ``approve``."""
    break_glass: bool = False
    """With the action ``audit``: takes the place of an approval, never of a denial, and is to be reviewed."""
    reason_required: bool = True
    """With ``breakGlass``: whether a reason has to be given before the request goes on."""
    commands: Commands | None = None
    main_process: MainProcess | None = None
    """Whose log of a new pod is masked; the pod's annotation may ask for more, and not for less."""


class Mode(Enum):
    """Whether a policy is obeyed."""

    ENFORCE = "enforce"
    AUDIT = "audit"
    """Everything is decided and recorded, nothing is refused."""


class Ask(_Part, frozen=True, kw_only=True):
    """The request of a case."""

    door: Door
    operation: Operation | None = None
    """CONNECT for connections, UPDATE for debug containers and CREATE for objects, unless given."""
    user: str = "somebody"
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}
    namespace: str = "default"
    namespace_labels: dict[str, str] = {}
    name: str = "example"
    labels: dict[str, str] = {}
    container: str = "app"
    argv: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool = False
    changed: bool = True
    card_data: bool = False
    ports: tuple[Port, ...] = ()
    path: str = ""
    kind: str = "Pod"
    """Of the object."""
    manifest: dict[str, Any] = msgspec.field(default={}, name="object")
    """The object."""
    old_manifest: dict[str, Any] | None = msgspec.field(default=None, name="oldObject")
    """The object before an UPDATE."""
    at: Annotated[str, Meta(max_length=40)] = "2026-03-02T12:00:00Z"
    """RFC 3339; a Monday at noon unless given."""


class Case(_Part, frozen=True, kw_only=True):
    """A request and what this policy alone says to it."""

    name: Text
    ask: Ask
    action: Action | None = None
    """None when no rule is about it."""
    rule: Name | None = None
    main_process: Annotated[tuple[Name, ...], Meta(max_length=64)] | None = None
    """Containers of the pod in ``object`` whose own program runs under the shim, if that is to be tried."""
    recorded: Annotated[tuple[Name, ...], Meta(max_length=64)] | None = None
    """Those of them of which all that they show is recorded by this policy, if that is to be tried."""


class Spec(_Part, frozen=True, kw_only=True):
    """The content of a policy."""

    description: Annotated[str, Meta(max_length=4096)] = ""
    mode: Mode = Mode.ENFORCE
    session: Session = Session()
    """Terms of all rules."""
    rules: Annotated[tuple[Rule, ...], Meta(min_length=1, max_length=MAX_RULES)]
    cases: Annotated[tuple[Case, ...], Meta(max_length=128)] = ()
    """What the policy must say; a policy that fails one is refused."""


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What is used of an object's metadata."""

    name: str
    generation: int = 0
    resource_version: str = ""
    uid: str = ""


class GuardPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy."""

    metadata: Metadata
    spec: Spec
