"""What a session needs of the masking engine."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable


class Finding(Protocol):
    """Something was masked; see ``sidecar.masking``."""

    @property
    def rule(self) -> str: ...
    @property
    def brand(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...


Masks = Callable[[bytes], tuple[bytes, Sequence[Finding]]]
"""Masks something whole; cheaper for many small things than a Masker for each."""


class Masker(Protocol):
    """Masks one channel. What it gives never depends on how the bytes were cut."""

    def feed(self, data: bytes, /) -> bytes:
        """Give what is safe to show now; the rest comes with later calls."""
        ...

    def close(self) -> bytes:
        """Give what was held; nothing may be fed afterwards."""
        ...

    def take_findings(self) -> Sequence[Finding]:
        """Give the findings since the last call."""
        ...


@runtime_checkable
class Resizable(Protocol):
    """A masker of what a terminal shows, which depends on how wide that is."""

    def resize(self, columns: int, /) -> None:
        """From here on the terminal is this wide; 0 if it is not known."""
        ...
