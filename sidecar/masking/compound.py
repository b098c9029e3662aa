"""What maskers that are made of other maskers have in common: an error of one of them ends them all."""

from __future__ import annotations

from abc import ABC, abstractmethod

from sidecar.contract.errors import BugError


class CompoundMasker(ABC):
    """Feeds others. After an error it gives nothing more, though some of them could go on."""

    _failed = False

    def feed(self, data: bytes) -> bytes:
        """The masked bytes that may go out now; raises BugError after ``close`` and ever after an error."""
        if self._failed:
            raise BugError("a masker was fed after an error")
        try:
            return self._feed(data)
        except BugError:
            self._failed = True
            raise

    def close(self) -> bytes:
        """The rest, masked. A second close gives nothing, nor does one after an error."""
        if self._failed:
            return b""
        try:
            return self._close()
        except BugError:
            self._failed = True
            raise

    @abstractmethod
    def _feed(self, data: bytes) -> bytes:
        """What goes out of ``data``."""

    @abstractmethod
    def _close(self) -> bytes:
        """The rest; nothing the second time."""
