"""How what is too old leaves a store; part of the store's contract. Who may go is decided elsewhere."""

from collections.abc import Sequence
from typing import Protocol


class RetentionStore(Protocol):
    """Removes. Every method may raise ``contract.StoreError``; doing it again is harmless."""

    def remove_sessions(self, sessions: Sequence[str]) -> None:
        """Remove sessions with all that is kept of them; the ledger keeps their manifests.

        A session that is asked for while this runs, or after it broke off, may lack some of its frames.
        """
        ...

    def remove_audit_events(self, ids: Sequence[str]) -> None:
        """Remove audit events by their ids; the ledger keeps them."""
        ...

    def remove_notices(self, *, before: int) -> None:
        """Remove notices received before a moment, Unix nanoseconds."""
        ...

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Give those of these keys under which the ledger has an entry."""
        ...

    def tidy(self, *, hot_before: int) -> None:
        """Give back the space of what was removed, and store what is from before a moment for rare use."""
        ...
