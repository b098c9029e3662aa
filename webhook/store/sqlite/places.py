"""Numbers of rows in the order of time, and the words by which fields are found in a full-text index. Pure.

Texts and audit events are numbered by their moment: tenths of a second since 1970 in the upper bits, and a
count in the lower ones. So the newest rows in which words are found are the last ones of the full-text index,
which gives rows by their number: nothing is sorted, and nothing that is older is looked at. A session's texts
bear its start, so they lie side by side. The numbers last until 2079.

A field that never changes is a word of the full-text index, too, that nobody can type: an index that looks
for two words at once skips what has only one of them.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

TENTH: Final = 100_000_000
"""Nanoseconds."""
COUNT_BITS: Final = 28
LAST_COUNT: Final = (1 << COUNT_BITS) - 1
_LAST_TENTH: Final = (1 << (63 - COUNT_BITS)) - 1
MARK: Final = "\ue000"
"""Begins the word of a field. The tokenizer takes characters of private use (Co) for letters."""
_PRIVATE: Final = dict.fromkeys(range(57344, 63744), " ")


def first_place(unix_ns: int) -> int:
    """Give the first number of a moment, Unix nanoseconds, or the nearest that there is."""
    return min(max(unix_ns // TENTH, 0), _LAST_TENTH) << COUNT_BITS


def last_place(unix_ns: int) -> int:
    """Give the last number of a moment."""
    return first_place(unix_ns) | LAST_COUNT


def field_words(fields: Mapping[str, str]) -> str:
    """Give the words of fields; those without a value have none."""
    return " ".join(_word(name, value) for name, value in fields.items() if value)


def indexed(text: str, words: str) -> str:
    """Give what the full-text index holds of a text whose fields have these words."""
    return f"{without_marks(text)}\n{words}"


def without_marks(text: str) -> str:
    """Give a text in which no field's word can be."""
    return text if text.isascii() else text.translate(_PRIVATE)


def _word(name: str, value: str) -> str:
    return MARK + blake2b(f"{name}\0{value}".encode(errors="surrogatepass"), digest_size=8).hexdigest()
