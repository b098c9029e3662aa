"""Where a text holds anything at all that may have to be masked: the gate of ``patterns`` without Hyperscan.

The extension in ``native.c`` is built with the image and with the development environment. It is an answer in
advance, never a verdict: where it is missing, or finds a reason, Hyperscan looks. A build of another source,
such as one left from before a change, may pass over what this engine looks for: it counts as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE: Final = "d8a870ed88a7cabe"
"""The beginning of the SHA-256 of ``native.c``, which the build carries; a test compares."""
try:
    from sidecar.masking.quiet import native as _built
except ImportError:
    _built = None
_native = _built if getattr(_built, "source", "") == SOURCE else None

BLOCK: Final = 64
"""Bytes that are looked at together."""
next_loud: Final[Callable[[bytes, int], int] | None] = _native.next_loud if _native is not None else None
"""The first block from a block on that may hold a reason or its end, -1 if none does; None if not built.

It may name a block without a reason, never pass over one.
"""
passes: Final[Callable[[bytes, bytes], bool] | None] = _native.passes if _native is not None else None
"""Whether all of a text may go out behind another that went out, without users' rules; None if not built.

It may say no too often: nothing in the text holds a reason, and ``Ends.is_settled`` would say so of its end.
"""
quick_calm: Final[Callable[[bytes], int] | None] = _native.calm if _native is not None else None
"""``Ends.calm`` without users' rules where that is easy to say, else -1; None if not built.

It may say fewer digits than there are, never more.
"""
