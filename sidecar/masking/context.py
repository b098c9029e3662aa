"""What the text around a number says: a hash, an IBAN, a UUID, a phone number is not a card.

Every rule looks at a bounded stretch. Where the stretch to the right is not there yet the verdict is MORE.
"""

from __future__ import annotations

import re
from enum import Enum

from sidecar.masking.context_table import EXEMPT, IBAN_LENGTHS

# Bytes of left context that any rule may look at.
LEFT = 176
_HASH_LENGTHS = frozenset({24, 32, 40, 48, 56, 64, 96, 128})
LONGEST_HASH = 128
_HEX_LETTERS = frozenset(bytes([byte]) for byte in b"abcdefABCDEF")
_DIGITS = b"0123456789"
# Behind the number of a track 1, whatever stands before it: the track would hide what has gone out.
_TRACK_1 = b"^"
# What fills up the last byte of a track in hex.
_PADDING = b"Ff"
_HEX_LEFT = re.compile(rb"(?<![0-9A-Za-z])(?:[0-9a-f]{0,128}|[0-9A-F]{0,128})\Z")
_HEX_RIGHT = re.compile(rb"(?:[0-9a-f]{0,129}|[0-9A-F]{0,129})(?![0-9A-Za-z])|[0-9A-Fa-f]{0,129}")
_UUID_LEFT = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f-]{0,35}\Z")
_UUID_SHAPE = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_TO_SHAPE = bytes(0x78 if byte in b"0123456789abcdefABCDEF" else byte for byte in range(256))
# Of a decimal fraction: its whole part, or what stands before one that has none.
_FRACTION_LEFT = re.compile(rb"[0-9\s=(,:;\[{<>|&?!*/+\"'-]\.\Z")
_PLUS = rb"(?:(?<![0-9A-Za-z%+])\+|(?<![0-9])(?:%(?:25)?2[Bb]|\\u002[Bb]|&#(?:[xX]2[Bb]|43);))"
_PHONE_LEFT = re.compile(_PLUS + rb"(?:\(?[0-9]{1,4}\)?[ .-]){0,2}\Z")
_PLUSES = (b"+", b"2B", b"2b", b"#43;")
_IBAN_LEFT = re.compile(rb"(?<![0-9A-Za-z])[A-Z]{2}(?:[0-9]{2}(?: ?[0-9A-Z]){0,30} ?)?\Z")
_IBAN_BODY = re.compile(rb"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]){0,30}")
_EXEMPT_LEFT = re.compile(rb"(?:" + b"|".join(EXEMPT) + rb")\Z", re.IGNORECASE)
_EXEMPT_BYTES = frozenset(bytes([byte]) for byte in b"_-:='\" ")


class Verdict(Enum):
    """What a number is, as far as its surroundings tell."""

    CARD = "card"
    OTHER = "other"
    MORE = "more"


def judge(buffer: bytes, start: int, end: int, *, groups: int, digits: bytes, brand: str) -> Verdict:
    """The verdict on the number in ``buffer[start:end]``, which fits ``brand`` and has ``groups`` groups."""
    left = buffer[max(0, start - LEFT) : start]
    if groups == 1:
        if buffer.startswith(_TRACK_1, end):
            return Verdict.CARD
        verdict = Verdict.OTHER if _is_labelled(left) else _as_hash(buffer, left, end, len(digits))
        if verdict is not Verdict.CARD:
            return verdict
    verdict = _as_uuid(buffer, left, start, end)
    if verdict is not Verdict.CARD:
        return verdict
    if len(digits) <= 15 and brand != "amex" and _is_phone(left[-24:]):
        return Verdict.OTHER
    return _as_iban(buffer, left, start)


def _is_phone(left: bytes) -> bool:
    """Whether a plus and perhaps the codes of a country and an area stand before the number."""
    return any(plus in left for plus in _PLUSES) and _PHONE_LEFT.search(left) is not None


def _is_labelled(left: bytes) -> bool:
    """Whether what stands before a number says what it is: a fraction, or a name in the table."""
    last = left[-1:]
    if last == b"." and _FRACTION_LEFT.search(left):
        return True
    return last in _EXEMPT_BYTES and _EXEMPT_LEFT.search(left[-32:]) is not None


def _as_uuid(buffer: bytes, left: bytes, start: int, end: int) -> Verdict:
    """Whether the number lies in a UUID (RFC 9562)."""
    before = _UUID_LEFT.search(left[-36:])
    if before is None:
        return Verdict.CARD
    head = start - len(before.group())
    shape = buffer[head : head + len(_UUID_SHAPE)].translate(_TO_SHAPE)
    if end > head + len(_UUID_SHAPE) or not _UUID_SHAPE.startswith(shape):
        return Verdict.CARD
    return Verdict.OTHER if shape == _UUID_SHAPE else Verdict.MORE


def _as_hash(buffer: bytes, left: bytes, end: int, count: int) -> Verdict:
    """Whether a number that touches hex letters is part of a digest or an identifier in hex.

    More hex than the longest digest is data, and data in hex may hold a card: messages of terminals do.
    """
    if left[-1:] not in _HEX_LETTERS and buffer[end : end + 1] not in _HEX_LETTERS:
        return Verdict.CARD
    before = _HEX_LEFT.search(left[-130:])
    after = _HEX_RIGHT.match(buffer, end)
    if before is None or after is None:
        return Verdict.CARD
    length = len(before.group()) + count + len(after.group())
    if length > LONGEST_HASH:
        return Verdict.CARD
    if after.end() == len(buffer):
        return Verdict.MORE
    if buffer[after.end() : after.end() + 1].isalnum():
        return Verdict.CARD
    return Verdict.OTHER if length in _HASH_LENGTHS else Verdict.CARD


def judge_mark(buffer: bytes, mark: int) -> Verdict:
    """Whether the letter ``mark`` is that of a track behind its number, or one of the letters of a digest."""
    before, after = _HEX_LEFT.search(buffer[max(0, mark - 130) : mark]), _HEX_RIGHT.match(buffer, mark)
    if before is None or after is None:
        return Verdict.CARD
    run = before.group() + after.group()
    letters = run.rstrip(_PADDING).translate(None, _DIGITS)
    if len(run) > LONGEST_HASH or not (letters.islower() or letters.isupper()):
        return Verdict.CARD
    if after.end() == len(buffer):
        return Verdict.MORE
    whole = len(run) in _HASH_LENGTHS and not buffer[after.end() : after.end() + 1].isalnum()
    return Verdict.OTHER if whole and len(letters) > 1 else Verdict.CARD


def _as_iban(buffer: bytes, left: bytes, start: int) -> Verdict:
    """Whether the number lies in an IBAN: known country, right length, right check digits (ISO 13616)."""
    match = _IBAN_LEFT.search(left[-44:])
    if match is None:
        return Verdict.CARD
    length = IBAN_LENGTHS.get(match.group()[:2])
    body = _IBAN_BODY.match(buffer, start - len(match.group()))
    if length is None or body is None:
        return Verdict.CARD
    letters = body.group().replace(b" ", b"")
    if len(letters) < length:
        ended = len(buffer) - body.end() > 1 or buffer[body.end() :] not in {b"", b" "}
        return Verdict.CARD if ended else Verdict.MORE
    return Verdict.OTHER if _iban_checks(letters[:length]) else Verdict.CARD


def _iban_checks(iban: bytes) -> bool:
    """ISO 7064 MOD 97-10 over the rearranged number."""
    moved = (iban[4:] + iban[:4]).decode("ascii")
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1
