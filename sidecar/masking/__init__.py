"""The card-data engine: bytes in, masked bytes and findings out. Pure: no I/O, no clock, no logging.

Hyperscan is loaded by the first ``Engine.load`` and not before.
"""

from sidecar.masking.engine import Engine, mask_text
from sidecar.masking.model import Finding, Profile
from sidecar.masking.stream import Masker

__all__ = ["Engine", "Finding", "Masker", "Profile", "mask_text"]
