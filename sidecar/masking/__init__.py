"""The card-data engine: bytes in, masked bytes and findings out. Pure: no I/O, no clock, no logging.

Hyperscan is loaded by the first ``Engine.load`` and not before; what only terminals, base64, objects and live
views need, when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.engine import Engine, mask_text
from sidecar.masking.model import Finding, Profile
from sidecar.masking.stream import Masker
from sidecar.masking.user import UserRule

if TYPE_CHECKING:
    from sidecar.masking.base64_stream import Base64Masker
    from sidecar.masking.keyboard import KeyboardMasker
    from sidecar.masking.live import LiveView
    from sidecar.masking.objects import FieldFinding, scan_object
    from sidecar.masking.terminal import TerminalMasker

__all__ = [
    "Base64Masker",
    "Engine",
    "FieldFinding",
    "Finding",
    "KeyboardMasker",
    "LiveView",
    "Masker",
    "Profile",
    "TerminalMasker",
    "UserRule",
    "mask_text",
    "scan_object",
]

_LATER = {
    "Base64Masker": "base64_stream",
    "FieldFinding": "objects",
    "KeyboardMasker": "keyboard",
    "LiveView": "live",
    "TerminalMasker": "terminal",
    "scan_object": "objects",
}


def __getattr__(name: str) -> object:
    """What is loaded when it is first asked for (PEP 562)."""
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  it costs memory where nothing of these is asked for

    return getattr(import_module(f"{__name__}.{module}"), name)
