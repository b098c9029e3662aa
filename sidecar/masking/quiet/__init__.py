"""Where a text holds anything at all that may have to be masked: the gate of ``patterns`` without Hyperscan.

The extension in ``native.c`` is built with the image and with the development environment. It is an answer in
advance, never a verdict: where it is missing, or finds a reason, Hyperscan looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

try:
    from sidecar.masking.quiet.native import calm as _calm
    from sidecar.masking.quiet.native import next_loud as _native
except ImportError:
    _native = _calm = None

BLOCK: Final = 64
"""Bytes that are looked at together."""
next_loud: Final[Callable[[bytes, int], int] | None] = _native
"""The first block from a block on that may hold a reason or its end, -1 if none does; None if not built.

It may name a block without a reason, never pass over one.
"""
quick_calm: Final[Callable[[bytes], int] | None] = _calm
"""``Ends.calm`` without users' rules where that is easy to say, else -1; None if not built.

It may say fewer digits than there are, never more.
"""
