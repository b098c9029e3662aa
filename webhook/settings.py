"""What the control side is told by its environment, read once when a server starts."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

import msgspec

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.grants import Limits
from sidecar.contract.wire import INTAKE_PATH
from webhook.accounts import own_users
from webhook.admission.recorder import RecorderSettings
from webhook.approvals.asking import Terms
from webhook.collector.retention import LEAST_MONTHS
from webhook.collector.retention import Terms as RetentionTerms
from webhook.notifications.terms import Terms as NotificationTerms
from webhook.policy.secret_managers import SecretManager
from webhook.registry.terms import Terms as RegistryTerms
from webhook.trust.keeper import COLLECTOR_SERVICE

_V = TypeVar("_V")
PACKS = Path(__file__).parents[1] / "policies"
"""The packs that come with this version."""
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Role(Enum):
    """Which part of the control side a process is."""

    ADMISSION = "admission"
    COLLECTOR = "collector"


@dataclass(frozen=True)
class Settings:
    """Settings of the control side. Every variable's name starts with ``CHAPERONE_``."""

    namespace: str
    """Where Chaperone itself runs (``NAMESPACE``). Its pods are never guarded."""
    exempt_namespaces: frozenset[str]
    """Further namespaces whose pods are never guarded (``EXEMPT_NAMESPACES``, commas)."""
    recorder: RecorderSettings
    """How recorders are injected (``RECORDER``, JSON of that structure without ``collector``)."""
    profile: str
    """Masking profile of sessions (``PROFILE``)."""
    limits: Limits
    """When sessions are ended (``LIMITS``, JSON of that structure)."""
    webhook_configurations: tuple[str, ...]
    """MutatingWebhookConfigurations that get the CA bundle (``WEBHOOK_CONFIGURATIONS``, commas)."""
    validating_configurations: tuple[str, ...]
    """ValidatingWebhookConfigurations that get it too (``VALIDATING_CONFIGURATIONS``, commas)."""
    api_services: tuple[str, ...]
    """APIServices that get the CA bundle (``API_SERVICES``, commas)."""
    audit_mode: bool
    """Whether policies refuse nothing and only say what they would have refused (``POLICY_MODE``)."""
    policy_packs: tuple[str, ...]
    """Packs that are always in force, by their files' names (``POLICY_PACKS``, commas)."""
    secret_managers: tuple[SecretManager, ...]
    """Controllers whose Secrets packs leave alone (``SECRET_MANAGERS``, JSON of a list of that structure)."""
    volume_provisioners: tuple[str, ...]
    """Service accounts whose volumes packs leave alone (``VOLUME_PROVISIONERS``, commas)."""
    policy_directory: Path
    """Where packs are (``POLICY_DIRECTORY``)."""
    registry: RegistryTerms
    """Which registries are asked what images start (``REGISTRY``, JSON of that structure)."""
    approvals: Terms
    """How long approval requests last (``APPROVALS``, JSON of that structure)."""
    pod: str
    """Name of this process's pod (``POD``)."""
    journal: Path
    """Where audit events wait to be stored (``JOURNAL``)."""
    journal_bytes: int
    """How much may wait there (``JOURNAL_BYTES``); when it is full, what must be recorded is refused."""
    notifications: NotificationTerms
    """Who hears of what (``NOTIFICATIONS``, JSON of that structure)."""
    receivers: Path | None
    """Where the URLs of receivers are mounted; nobody is notified without it (``RECEIVERS``)."""
    port: int
    """Port of the role's own HTTPS server (``PORT``): reviews, or the recorders' intake."""
    audit_port: int
    """Port of the aggregated API (``AUDIT_PORT``)."""
    lookup_seconds: float
    """How long one try to find a pod may take; a few fit in the webhook's timeout (``LOOKUP_SECONDS``)."""
    trust_seconds: float
    """Between two looks at the trust material (``TRUST_SECONDS``)."""
    lost_after_seconds: float
    """How long nothing may be heard of a recorder before its sessions are closed (``LOST_AFTER_SECONDS``)."""
    checkpoint_seconds: float
    """Between two checkpoints of the ledger, when there is something new (``CHECKPOINT_SECONDS``)."""
    retention: RetentionTerms
    """For how long the record is kept (``RETENTION``, JSON of that structure)."""
    checkpoint_directory: Path | None
    """Where each checkpoint is written to a file (``CHECKPOINT_DIRECTORY``); nowhere without it."""
    checkpoint_webhook: Path | None
    """Where the Secret of the web hook for checkpoints is mounted (``CHECKPOINT_WEBHOOK``)."""
    drain_seconds: int
    """How long running requests may take when the server stops (``DRAIN_SECONDS``)."""
    log_level: str
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR`` (``LOG_LEVEL``)."""

    @property
    def own_users(self) -> frozenset[str]:
        """The users that Chaperone itself acts as."""
        return own_users(self.namespace)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read them. Raises ConfigurationError, naming the variable."""
    read = _Reader(environment)
    namespace = read.text("NAMESPACE", "chaperone-system")
    if not _NAMESPACE.fullmatch(namespace):
        raise ConfigurationError("CHAPERONE_NAMESPACE is not the name of a namespace")
    collector = f"wss://{COLLECTOR_SERVICE}.{namespace}.svc:8443{INTAKE_PATH}"
    recorder = read.json("RECORDER", dict[str, object], {"image": "chaperone-recorder"})
    return Settings(
        namespace=namespace,
        exempt_namespaces=frozenset(read.names("EXEMPT_NAMESPACES", "kube-system")),
        recorder=read.convert("RECORDER", {"collector": collector, **recorder}, RecorderSettings),
        profile=read.text("PROFILE", "strict"),
        limits=read.json("LIMITS", Limits, Limits()),
        webhook_configurations=read.names("WEBHOOK_CONFIGURATIONS", ""),
        validating_configurations=read.names("VALIDATING_CONFIGURATIONS", ""),
        api_services=read.names("API_SERVICES", ""),
        audit_mode=read.choice("POLICY_MODE", ("enforce", "audit")) == "audit",
        policy_packs=read.names("POLICY_PACKS", ""),
        secret_managers=read.json("SECRET_MANAGERS", tuple[SecretManager, ...], ()),
        volume_provisioners=read.names("VOLUME_PROVISIONERS", ""),
        policy_directory=Path(read.text("POLICY_DIRECTORY", str(PACKS))),
        registry=read.json("REGISTRY", RegistryTerms, RegistryTerms()),
        approvals=read.json("APPROVALS", Terms, Terms()),
        pod=read.text("POD", socket.gethostname()),
        journal=Path(read.text("JOURNAL", "/var/lib/chaperone/journal")),
        journal_bytes=read.number("JOURNAL_BYTES", 64 * 1024 * 1024),
        notifications=read.json("NOTIFICATIONS", NotificationTerms, NotificationTerms()),
        receivers=read.path("RECEIVERS"),
        port=read.number("PORT", 8443),
        audit_port=read.number("AUDIT_PORT", 9443),
        lookup_seconds=float(read.number("LOOKUP_SECONDS", 2)),
        trust_seconds=float(read.number("TRUST_SECONDS", 15)),
        lost_after_seconds=float(read.number("LOST_AFTER_SECONDS", 900)),
        checkpoint_seconds=float(read.number("CHECKPOINT_SECONDS", 300)),
        retention=_retention(read),
        checkpoint_directory=read.path("CHECKPOINT_DIRECTORY"),
        checkpoint_webhook=read.path("CHECKPOINT_WEBHOOK"),
        drain_seconds=read.number("DRAIN_SECONDS", 20),
        log_level=read.text("LOG_LEVEL", "INFO"),
    )


def _retention(read: "_Reader") -> RetentionTerms:
    terms = read.json("RETENTION", RetentionTerms, RetentionTerms())
    if 0 < terms.months < LEAST_MONTHS or not 0 < terms.hot_months <= (terms.months or terms.hot_months):
        raise ConfigurationError(
            f"CHAPERONE_RETENTION: months must be 0 (for ever) or at least {LEAST_MONTHS} (PCI DSS 10.5.1),"
            " and hotMonths from 1 to months"
        )
    return terms


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get("CHAPERONE_" + name) or default

    def path(self, name: str) -> Path | None:
        value = self.text(name, "")
        return Path(value) if value else None

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal():
            raise ConfigurationError(f"CHAPERONE_{name} must be a whole number")
        return int(value)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, choices[0])
        if value not in choices:
            raise ConfigurationError(f"CHAPERONE_{name} must be one of {', '.join(choices)}")
        return value

    def names(self, name: str, default: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name, default).split(",") if part.strip())

    def json(self, name: str, kind: type[_V], default: _V) -> _V:
        value = self._environment.get("CHAPERONE_" + name)
        try:
            return msgspec.json.decode(value, type=kind) if value else default
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"CHAPERONE_{name}: {error}") from None

    def convert(self, name: str, value: object, kind: type[_V]) -> _V:
        try:
            return msgspec.convert(value, kind)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(f"CHAPERONE_{name}: {error}") from None
