"""Filling an empty store at once: what the contract would keep one session at a time, in large writes.

For whoever brings a whole record, such as a benchmark. Nothing is compared with what is kept; a session
that is there already is not to be given.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from sidecar.contract.frames import Frame
from webhook.store.contract import Passage, SessionRecord, Store


class Whole(msgspec.Struct, frozen=True):
    """A session from its beginning to its end."""

    began: SessionRecord
    """Without frames."""
    ended: SessionRecord
    frames: Sequence[Frame]
    passages: Sequence[Passage]


class FillableStore(Store, Protocol):
    """A store that can be filled."""

    def fill(self, sessions: Sequence[Whole]) -> None:
        """Keep sessions that the store does not know. Raises StoreError; some may be kept then."""
        ...
