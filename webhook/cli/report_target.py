"""Where a report goes, and in which form."""

from enum import Enum
from pathlib import Path

import msgspec


class Form(Enum):
    """Forms of a report."""

    HTML = "html"
    CSV = "csv"
    JSON = "json"


class Target(msgspec.Struct, frozen=True):
    """Where a report goes."""

    path: Path | None
    """Standard output without one."""
    form: Form | None
    """By the file's name without one."""
    sign: bool
