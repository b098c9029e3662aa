"""The engine: one compiled rule set that every stream of the process shares."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sidecar.masking.card_table import VERSION
from sidecar.masking.cards import CardTable
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import prefilter
from sidecar.masking.stream import Masker

if TYPE_CHECKING:
    import hyperscan

    from sidecar.masking.model import Finding, Profile

ENGINE_VERSION = 1


class Engine:
    """What to mask, compiled. Load it in a parent and use it in forked children: it is never changed."""

    def __init__(self, profile: Profile, database: hyperscan.Database) -> None:
        self.profile = profile
        self._database = database
        self._table = CardTable(profile)

    @classmethod
    def load(cls, profile: Profile) -> Engine:
        """The engine for ``profile``; loads Hyperscan and its database on the first call of a process."""
        return cls(profile, _database())

    @property
    def version(self) -> str:
        """Engine version, profile and hash of the card table, for the record of a session."""
        return f"{ENGINE_VERSION}/{self.profile.value}/{VERSION}"

    def stream(self) -> Masker:
        """A masker for one channel, used by one thread at a time."""
        return Masker(Scanner(self._database), self._table)


@lru_cache(maxsize=1)
def _database() -> hyperscan.Database:
    return compile_database([prefilter()])


def mask_text(engine: Engine, text: str) -> tuple[str, list[Finding]]:
    """``text`` masked at once, and what was found; offsets are bytes of its UTF-8 form."""
    masker = engine.stream()
    data = text.encode("utf-8", "surrogateescape")
    masked = masker.feed(data) + masker.close()
    return masked.decode("utf-8", "surrogateescape"), masker.take_findings()
