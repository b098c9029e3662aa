"""Canaries as objects of the API."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType, field

from webhook.audit_api.objects import API_VERSION, Part

CARD_NUMBER: Final = "4111111111111111"
"""What a canary sends through a session: a scheme's published test number."""
MASKED: Final = "411111******1111"


class CanarySpec(Part, frozen=True):
    """What whoever sent a canary saw."""

    pod: Annotated[str, msgspec.Meta(max_length=253)]
    """Where the session was."""
    mark: Annotated[str, msgspec.Meta(pattern="^canary[0-9a-f]{16}$")]
    """A word that stood beside the card number, which nobody else uses."""
    masked: bool
    """Whether the card number came back masked, and not otherwise."""
    refused: bool
    """Whether what must be refused, a session in the recorder's own container, was."""
    said: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """What went wrong, in one line."""


class CanaryStatus(Part, frozen=True, omit_defaults=False):
    """What the record says of it."""

    passed: bool
    """Whether it was masked, refused and recorded."""
    recorded: bool
    """Whether the session is in the record, whole, and masked there as well."""
    session: str
    why: str
    """What is wrong with the record; nothing when it is right."""


class Canary(Part, frozen=True, omit_defaults=False):
    """One try of the controls, and once created what came of it, which is an audit event."""

    spec: CanarySpec
    api_version: str = API_VERSION
    kind: str = "Canary"
    metadata: dict[str, msgspec.Raw] = field(default_factory=dict[str, msgspec.Raw])
    status: CanaryStatus | UnsetType = UNSET
