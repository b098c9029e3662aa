"""The values policies speak in: a question about one request, and the decision on it."""

from enum import Enum
from typing import Protocol

import msgspec

from sidecar.contract.grants import Limits
from sidecar.contract.sealing import Identity


class Door(Enum):
    """A way into a container or a guarded namespace."""

    EXEC = "exec"
    ATTACH = "attach"
    EPHEMERAL_CONTAINER = "ephemeral-container"
    POD = "pod"


class Action(Enum):
    """What a policy says, from least to most restrictive."""

    ALLOW = "allow"
    AUDIT = "audit"
    APPROVE = "approve"
    DENY = "deny"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a policy: who wants what, where, through which door."""

    door: Door
    identity: Identity
    namespace: str
    pod: str
    container: str = ""
    argv: tuple[str, ...] = ()
    tty: bool = False
    stdin: bool = False


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy answers, and under which terms a session runs."""

    action: Action
    policy: str
    rule: str
    profile: str
    """Masking profile of the session."""
    limits: Limits
    reason: str = ""
    """Why, in words for the person who asked; shown when the request is refused."""


class Policy(Protocol):
    """Decides. Deterministic, and quick enough to ask on every request."""

    def decide(self, question: Question) -> Decision:
        """Give the decision on one question."""
        ...
