"""What msgspec raises for bytes that cannot be read."""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Wrong structure, text that is not UTF-8, nesting without end: foreign bytes may raise any of them."""
