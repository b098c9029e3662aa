"""What approvers are shown, masked by the masking engine."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from sidecar.masking import Engine, mask_text

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

    def show(self, argv: Sequence[str], shown: str) -> Shown:
        """Give both masked, and cut where they are very long."""
        return Shown(self._command_line(argv), self._cut(self._mask(shown), MAX_SHOWN) if shown else "")

    def text(self, text: str) -> str:
        """Give a short text masked."""
        return self._mask(text)

    def _command_line(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Mask it as one line, so that a number cut by a space is seen as well."""
        texts = [argument.encode() for argument in argv]
        masked = self._engine().masks()(b" ".join(texts))[0]
        arguments: list[str] = []
        start = 0
        for text in texts:
            end = start + len(text)
            if end > MAX_ARGV:
                return (*arguments, f"… {len(masked) - start} bytes more")
            arguments.append(masked[start:end].decode("utf-8", "replace"))
            start = end + 1
        return tuple(arguments)

    def _mask(self, text: str) -> str:
        return mask_text(self._engine(), text)[0]

    @staticmethod
    def _cut(text: str, most: int) -> str:
        return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most} characters more"
