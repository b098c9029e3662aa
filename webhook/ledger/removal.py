"""What is left of sessions whose time is over: the collector signs which ones it removes, before it does."""

from typing import Final

import msgspec

MOST_SESSIONS: Final = 200
"""Most sessions in one removal."""


class Removal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Sessions removed from the store because of their age. Times are Unix nanoseconds.

    The manifests of the sessions and all audit events stay in the ledger.
    """

    name: str
    """The day (UTC) and a number, as in ``2026-11-28/0``."""
    at: int
    before: int
    """Only what had ended before this moment."""
    months: int
    """For how long the record is kept."""
    sessions: tuple[str, ...] = ()
    """Which sessions, sorted."""
    events: bool = False
    """Whether audit events and notices from before that moment were removed from the store, too."""
