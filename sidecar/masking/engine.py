"""The engine: one compiled rule set that every stream of the process shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.card_table import VERSION as CARDS
from sidecar.masking.cards import CardTable
from sidecar.masking.context_table import VERSION as CONTEXT
from sidecar.masking.databases import compiled
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.patterns import user_triggers
from sidecar.masking.reader import BufferReader
from sidecar.masking.readers import Readers
from sidecar.masking.sad_table import VERSION as SAD
from sidecar.masking.stream import Masker
from sidecar.masking.user import UserDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.masking.base64_stream import Base64Masker
    from sidecar.masking.databases import Compiled
    from sidecar.masking.keyboard import KeyboardMasker
    from sidecar.masking.model import Finding, Profile
    from sidecar.masking.terminal import TerminalMasker
    from sidecar.masking.user import UserRule

ENGINE_VERSION = 7


class Engine:
    """What to mask, compiled. Load it in a parent and use it in forked children: it is never changed."""

    def __init__(self, profile: Profile, compiled: Compiled, rules: Sequence[UserRule] = ()) -> None:
        self.profile = profile
        self._rules = tuple(rules)
        self._user = tuple(UserDetector(rule) for rule in self._rules)
        self._user_database = compile_database(user_triggers(self._rules)) if self._rules else None
        self._databases = compiled.databases
        self._readers = Readers(CardTable(profile), compiled.routes)

    @classmethod
    def load(cls, profile: Profile, rules: Sequence[UserRule] = ()) -> Engine:
        """The engine for ``profile`` with users' ``rules`` besides.

        The first call of a process loads Hyperscan and compiles its databases; who has them already makes an
        Engine of them. Raises BugError if Hyperscan refuses a rule, which checking the rules rules out.
        """
        return cls(profile, compiled(), rules)

    @property
    def version(self) -> str:
        """Engine version, profile and versions of the tables, for the record of a session."""
        tables = f"{ENGINE_VERSION}/{self.profile.value}/{CARDS}/{SAD}/{CONTEXT}"
        if not self._rules:
            return tables
        from zlib import crc32  # noqa: PLC0415  costs memory where there are no rules

        return f"{tables}/{crc32(repr(self._rules).encode()):08x}"

    def stream(self) -> Masker:
        """A masker for one channel, used by one thread at a time."""
        return Masker(self._reader())

    def terminal(self, columns: int = 0) -> TerminalMasker:
        """A masker for what a program writes to a terminal ``columns`` wide, 0 if that is not known."""
        from sidecar.masking.terminal import TerminalMasker  # noqa: PLC0415  many sessions have no terminal

        return TerminalMasker(self.stream(), columns)

    def keyboard(self) -> KeyboardMasker:
        """A masker for what is typed at a terminal."""
        from sidecar.masking.keyboard import KeyboardMasker  # noqa: PLC0415  many sessions have no terminal

        return KeyboardMasker(self.stream())

    def base64(self) -> Base64Masker:
        """A masker for one channel that also reads base64."""
        from sidecar.masking.base64_stream import Base64Masker  # noqa: PLC0415  an option

        return Base64Masker(self.stream, always=bool(self._rules))

    def masks(self) -> Callable[[bytes], tuple[bytes, list[Finding]]]:
        """A function that masks whole inputs, cheaper than a stream for each; for one thread."""
        reader = self._reader()

        def mask(data: bytes) -> tuple[bytes, list[Finding]]:
            masker = Masker(reader)
            return masker.feed(data) + masker.close(), masker.take_findings()

        return mask

    def _reader(self) -> BufferReader:
        scanners = {sieve: Scanner(database) for sieve, database in self._databases.items()}
        user = Scanner(self._user_database) if self._user_database is not None else None
        return BufferReader(scanners, self._readers, user, self._user)


def mask_text(engine: Engine, text: str) -> tuple[str, list[Finding]]:
    """``text`` masked at once, and what was found; offsets are bytes of its UTF-8 form."""
    masked, findings = engine.masks()(text.encode("utf-8", "surrogateescape"))
    return masked.decode("utf-8", "surrogateescape"), findings
