"""The engine: one compiled rule set that every stream of the process shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.card_table import VERSION as CARDS
from sidecar.masking.cards import CardTable
from sidecar.masking.context_table import VERSION as CONTEXT
from sidecar.masking.databases import compiled
from sidecar.masking.hyperscan_safe import Scanner
from sidecar.masking.reader import BufferReader, Readers
from sidecar.masking.sad_table import VERSION as SAD
from sidecar.masking.stream import Masker

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.masking.databases import Compiled
    from sidecar.masking.model import Finding, Profile

ENGINE_VERSION = 1


class Engine:
    """What to mask, compiled. Load it in a parent and use it in forked children: it is never changed."""

    def __init__(self, profile: Profile, compiled: Compiled) -> None:
        self.profile = profile
        self._databases = compiled.databases
        self._readers = Readers(CardTable(profile), compiled.routes)

    @classmethod
    def load(cls, profile: Profile) -> Engine:
        """The engine for ``profile``; loads Hyperscan and its databases on the first call of a process."""
        return cls(profile, compiled())

    @property
    def version(self) -> str:
        """Engine version, profile and versions of the tables, for the record of a session."""
        return f"{ENGINE_VERSION}/{self.profile.value}/{CARDS}/{SAD}/{CONTEXT}"

    def stream(self) -> Masker:
        """A masker for one channel, used by one thread at a time."""
        return Masker(self._reader())

    def masks(self) -> Callable[[bytes], tuple[bytes, list[Finding]]]:
        """A function that masks whole inputs, cheaper than a stream for each; for one thread."""
        reader = self._reader()

        def mask(data: bytes) -> tuple[bytes, list[Finding]]:
            masker = Masker(reader)
            return masker.feed(data) + masker.close(), masker.take_findings()

        return mask

    def _reader(self) -> BufferReader:
        scanners = {sieve: Scanner(database) for sieve, database in self._databases.items()}
        return BufferReader(scanners, self._readers)


def mask_text(engine: Engine, text: str) -> tuple[str, list[Finding]]:
    """``text`` masked at once, and what was found; offsets are bytes of its UTF-8 form."""
    masked, findings = engine.masks()(text.encode("utf-8", "surrogateescape"))
    return masked.decode("utf-8", "surrogateescape"), findings
