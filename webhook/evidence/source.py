"""Where a bundle's content comes from: what whoever exports must bring."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from sidecar.contract.frames import Frame
from sidecar.contract.sealing import Identity
from webhook.ledger.verifying import KeptEntry


class Vouched(msgspec.Struct, frozen=True):
    """The collector's signature over a bundle."""

    signature: str
    """A signed note of :func:`webhook.ledger.vouching.vouching_text`."""
    certificate: str
    """The root's certificate for the key that signed."""


class Asked(msgspec.Struct, frozen=True):
    """Who asked for a session and for what: what its manifest has digests of."""

    identity: Identity
    command: tuple[str, ...]
    """Masked."""


class Ledger(Protocol):
    """The ledger as somebody may read it. Every method raises an error of this project."""

    def size(self) -> int:
        """Give how many entries there are."""
        ...

    def page(self, start: int, limit: int) -> Sequence[KeptEntry]:
        """Give at most ``limit`` entries in order; one at least where there is one."""
        ...

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key."""
        ...

    def sign(self) -> None:
        """Have a checkpoint signed of what is there."""
        ...


class Source(Ledger, Protocol):
    """The record as somebody may read it."""

    def asked(self, namespace: str, session: str) -> Asked | None:
        """Give who asked for a session; None when the store has it no more."""
        ...

    def frames(self, namespace: str, session: str) -> Iterator[Frame]:
        """Give a session's frames."""
        ...

    def policy_events(self, before: int) -> Iterator[str]:
        """Give ids of the events of changed policies before a time (Unix nanoseconds), newest first."""
        ...

    def announce(self, asked: str) -> None:
        """Say that an export begins; it is an audit event."""
        ...

    def vouch(self, asked: str, digest: str) -> Vouched:
        """Have a bundle signed, by the digest of its SHA256SUMS; it is an audit event."""
        ...
