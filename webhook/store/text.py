"""Search text: words and "quoted phrases" in, where they are found out. No I/O.

Both stores cut text into words alike: runs of letters and digits, any case; everything else separates.
A word with separators inside, like ``app.kubernetes.io/name``, means its parts in that order.
"""

import re
from collections.abc import Iterator, Sequence

from sidecar.contract.errors import CallerError

MAX_PHRASES = 64
MAX_CHARACTERS = 4096

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")
_PIECE = re.compile(r'"([^"]*)"?|([^\s"]+)')


def parse_text(text: str) -> tuple[str, ...]:
    """Give the phrases that must all be found; each holds at least one word and no quote or NUL.

    No phrase at all means that nothing can be found. Raises CallerError when the text is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise CallerError(
            f"the search text has {len(text)} characters; at most {MAX_CHARACTERS} are searched"
        )
    pieces = (match[1] or match[2] or "" for match in _PIECE.finditer(text.replace("\0", " ")))
    phrases = tuple(piece for piece in pieces if _WORD.search(piece))
    if len(phrases) > MAX_PHRASES:
        raise CallerError(f"the search text has {len(phrases)} words; at most {MAX_PHRASES} are searched")
    return phrases


def highlight(text: str, phrases: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Give start and end, in characters, of each place where a phrase is found, without overlaps."""
    words = [(_fold(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)]
    spans = sorted(span for phrase in phrases for span in _places(words, phrase))
    return tuple(_without_overlaps(spans))


def _places(words: Sequence[tuple[str, int, int]], phrase: str) -> Iterator[tuple[int, int]]:
    wanted = [_fold(word) for word in _WORD.findall(phrase)]
    for index in range(len(words) - len(wanted) + 1):
        if words[index][0] == wanted[0] and [w for w, _, _ in words[index : index + len(wanted)]] == wanted:
            yield words[index][1], words[index + len(wanted) - 1][2]


def _without_overlaps(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current is None:
            current = (start, end)
        elif start < current[1]:
            current = (current[0], max(current[1], end))
        else:
            yield current
            current = (start, end)
    if current is not None:
        yield current


def _fold(word: str) -> str:
    return word.lower()
