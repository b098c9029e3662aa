"""A word to those who search for a card number as it is on the card, which the record never holds."""

import re
from typing import Final

from webhook.cli.output import note

_CARD: Final = re.compile(r"(?<!\d)\d(?:[ .-]?\d){11,18}(?!\d)")


def has_card_number(text: str) -> bool:
    """Tell whether a text has 12 to 19 digits in a row, as card numbers are written."""
    return _CARD.search(text) is not None


def hint_at_masked(text: str) -> None:
    """Say how card numbers are on record, to who looked for one; the number is not repeated."""
    if has_card_number(text):
        note("Card numbers are on record as 411111******1111; search for the last four digits.")
