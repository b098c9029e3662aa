"""The API's objects of the ledger. There is one ledger, ``main``; it belongs to no namespace."""

from typing import Final

import msgspec

from webhook.audit_api.objects import API_VERSION, ListMeta, ObjectMeta

NAME: Final = "main"


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    pass


class LedgerSpec(_Part, frozen=True):
    """What a ledger is."""

    origin: str
    """Its name in checkpoints; empty before it has begun."""
    roots: tuple[str, ...]
    """Public keys of the roots trusted when it began, raw, in base64. Compare them with one you trust."""


class LedgerStatus(_Part, frozen=True):
    """How far it is."""

    size: int
    """Number of entries."""
    root: str
    """Root hash over all of them, in base64."""
    signed_size: int
    """Number of entries that the newest checkpoint covers."""
    signed_at: str
    """When that was signed; empty when there is none."""


class Ledger(_Part, frozen=True):
    """The ledger."""

    metadata: ObjectMeta
    spec: LedgerSpec
    status: LedgerStatus
    api_version: str = API_VERSION
    kind: str = "Ledger"


class LedgerList(_Part, frozen=True):
    """The one ledger."""

    metadata: ListMeta
    items: list[Ledger]
    api_version: str = API_VERSION
    kind: str = "LedgerList"


class LedgerEntry(_Part, frozen=True):
    """An entry as it is kept."""

    index: int
    key: str
    data: bytes
    """Its bytes, in base64."""
    nodes: tuple[str, ...]
    """Hashes of the tree's nodes that it completes, its own leaf's first, in hexadecimal."""


class LedgerEntries(_Part, frozen=True):
    """A page of entries; ``nextStart`` is where the next one begins, absent after the last entry."""

    items: list[LedgerEntry]
    next_start: int | msgspec.UnsetType = msgspec.UNSET
    api_version: str = API_VERSION
    kind: str = "LedgerEntries"


class LedgerProof(_Part, frozen=True):
    """That an entry is in the tree of a size, or that the tree of a size continues that of ``first``."""

    size: int
    root: str
    """Root hash at that size, in base64."""
    hashes: list[str]
    """The proof (RFC 6962), in hexadecimal."""
    index: int | msgspec.UnsetType = msgspec.UNSET
    first: int | msgspec.UnsetType = msgspec.UNSET
    api_version: str = API_VERSION
    kind: str = "LedgerProof"
