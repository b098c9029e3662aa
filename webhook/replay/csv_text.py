"""Comma-separated values (RFC 4180) that say the same in every program that opens them."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from webhook.replay.safety import printable

_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give rows below their columns, one a line whatever is in them: control characters become escapes.

    A spreadsheet takes what begins with ``=`` and the like for a formula: it gets an apostrophe first.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: str) -> str:
    text = printable(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
