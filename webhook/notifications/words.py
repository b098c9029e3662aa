"""Texts that somebody else chose, as they may stand in a message.

Whoever asks for something chooses the command line, and often their own name; whoever reads the message
trusts it. So a text is one line, without characters that cannot be seen, and nothing in it is taken for a
mention, a link or mark-up, whichever service shows it. Where a character has to change, one that looks like
it stands instead.
"""

import re
from typing import Final

from webhook.replay.safety import printable

AT: Final = "\uff20"
"""FULLWIDTH COMMERCIAL AT: seen as an at sign, and nobody is called by it."""
TICK: Final = "\u02cb"
"""MODIFIER LETTER GRAVE ACCENT: seen as a back-tick, and ends no code."""
_CALLED: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])@|@(?=(?:everyone|here|channel|all|room|team|group)\b)", re.IGNORECASE
)
"""At signs that services take for a mention; that of a mail address is none."""
_SCHEME: Final = re.compile(r"(?<=[A-Za-z])://|(?<=\bwww)\.|(?<=\bmailto):|(?<=\btel):", re.IGNORECASE)
_TAG: Final = re.compile("<(?=[^ =0-9])")
"""What begins a tag, or with some services a mention or a link."""
_MARKS: Final = str.maketrans(
    {"<": "‹", ">": "›", "[": "❲", "]": "❳", "*": "∗", "|": "∣", "\\": "∖", "~": "∼", "`": TICK}
)
_GAP: Final = re.compile(" {3,}")
"""Enough blanks push what follows into a line that looks like one of the message's own."""
_EMPHASIS: Final = str.maketrans({"*": "∗", "~": "∼", "\\": "∖", "`": TICK})
_LOW: Final = "\u02cd"
"""MODIFIER LETTER LOW MACRON: seen as a low line, and emphasises nothing."""
_EDGE: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def value(text: str, most: int) -> str:
    """Give a text as one harmless line of at most so many characters, and say how much was left out."""
    shown = _GAP.sub("  ", printable(text[:most]))
    shown = _CALLED.sub(AT, shown)
    shown = _SCHEME.sub(lambda found: f"[{found[0]}]" if len(found[0]) == 1 else "[:]//", shown)
    shown = _TAG.sub("‹", shown).replace("](", "] (").replace("][", "] [")
    return shown if len(text) <= most else f"{shown}… ({len(text) - most} characters more)"


def heading(text: str, most: int) -> str:
    """Give a text for a title, where no mark-up can be set apart from words: it holds none."""
    return _EDGE.sub(_LOW, value(text, most).translate(_MARKS))


def code(text: str) -> str:
    """Give a harmless line as what may stand between back-ticks, also where a service does not know these."""
    return _EDGE.sub(_LOW, text.translate(_EMPHASIS)).strip()
