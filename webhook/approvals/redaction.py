"""What approvers are shown, masked by the masking engine."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Finding
from webhook.journal.masked import Mask, masked_identity, masked_text

MAX_ARGV: Final = 16 * 1024
MAX_SHOWN: Final = 64 * 1024


class Shown(msgspec.Struct, frozen=True):
    """What an approver sees."""

    argv: tuple[str, ...]
    object: str


class Redaction:
    """Masks. ``engine`` gives the engine; called from any thread."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._own = threading.local()

    def show(self, argv: Sequence[str], shown: str) -> Shown:
        """Give both masked, and cut where they are very long."""
        return Shown(self._command_line(argv), self._cut(self.text(shown), MAX_SHOWN))

    def text(self, text: str) -> str:
        """Give a text masked."""
        return masked_text(text, self._mask)

    def identity(self, identity: Identity) -> Identity:
        """Give who somebody is, masked: requests and what becomes of them are told with that.

        It is compared with nothing but itself, so two who differ in masked digits alone count as one person.
        """
        return masked_identity(identity, self._mask)

    def _command_line(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Mask it as one line, so that a number cut by a space is seen as well."""
        texts = [argument.encode() for argument in argv]
        masked = self._mask(b" ".join(texts))[0]
        arguments: list[str] = []
        start = 0
        for text in texts:
            end = start + len(text)
            if end > MAX_ARGV:
                return (*arguments, f"… {len(masked) - start} bytes more")
            arguments.append(masked[start:end].decode("utf-8", "replace"))
            start = end + 1
        return tuple(arguments)

    def _mask(self, data: bytes) -> tuple[bytes, list[Finding]]:
        """Mask with what this thread keeps for that: a tenth of what it takes to make it."""
        mask: Mask | None = getattr(self._own, "mask", None)
        if mask is None:
            mask = self._own.mask = self._engine().masks()
        return mask(data)

    @staticmethod
    def _cut(text: str, most: int) -> str:
        return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} characters more"
