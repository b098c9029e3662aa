"""The card-data engine: bytes in, masked bytes and findings out. Pure: no I/O, no clock, no logging.

Hyperscan is loaded by the first ``Engine.load`` and not before.
"""

from sidecar.masking.base64_stream import Base64Masker
from sidecar.masking.engine import Engine, mask_text
from sidecar.masking.keyboard import KeyboardMasker
from sidecar.masking.live import LiveView
from sidecar.masking.model import Finding, Profile
from sidecar.masking.objects import FieldFinding, scan_object
from sidecar.masking.stream import Masker
from sidecar.masking.terminal import TerminalMasker
from sidecar.masking.user import UserRule

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
