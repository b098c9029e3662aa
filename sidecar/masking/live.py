"""A live view of a masked channel that does not wait for ever.

A watcher may see stars early for what a masker holds; never the bytes themselves, not even later, when they
turn out to be no card's. The clock is the caller's: it says when there has been silence. It is for screens
that nobody keeps; sessions and their record wait, so that they hold the same bytes.
"""

from __future__ import annotations


class LiveView:
    """What a watcher sees of one channel; the recording is not touched by it."""

    def __init__(self) -> None:
        self._early = 0

    def feed(self, masked: bytes) -> bytes:
        """What to show of ``masked``, the masker's next output: stars that were shown early stand for it."""
        skipped = min(self._early, len(masked))
        self._early -= skipped
        return masked[skipped:]

    def silence(self, held: int) -> bytes:
        """Stars for the ``held`` bytes that the masker waits with (``Masker.held``), each shown only once."""
        stars = max(0, held - self._early)
        self._early += stars
        return b"*" * stars
