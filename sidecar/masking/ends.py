"""The end of a buffer: from where on it is open, so that what comes after may change a verdict.

Every answer is exact or errs to the side of waiting: what is not held would be given out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.masking.alphabets import MARKS
from sidecar.masking.context import LONGEST_HASH
from sidecar.masking.gaps import CURSOR_RIGHT, ESCAPE_SEQUENCE
from sidecar.masking.keyed import ENDS_HEAD, LONGEST, LONGEST_VALUE
from sidecar.masking.model import FIRST
from sidecar.masking.patterns import EMV_HEAD, EMV_SPAN
from sidecar.masking.quiet import next_loud, quick_calm
from sidecar.masking.sad_table import KEYED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.masking.looking import Gate
    from sidecar.masking.readers import Readers
    from sidecar.masking.user import UserDetector

# Bytes from the first digit of a plain number to the byte that ends it, the byte before it included.
PLAIN_SPAN = 19 + 18 * 3 + 2
# Nothing that starts further before a byte can hide it.
REACH = 384
_DIGITS = b"0123456789"
_PLAIN_GAP_BYTES = b" -./_+\t,"
_PLAIN_BYTES = _DIGITS + _PLAIN_GAP_BYTES
_VALUE_ENDS = b"0123456789abcdefABCDEF.:/-"
_TRACK_MARKS = b"=Dd"
_EQUALS, _CARET = 0x3D, 0x5E
_DUMP_BYTES = b"0123456789abcdefABCDEF x:,\\"
# All that numbers with escapes and other gaps consist of, terminal sequences aside.
_SEQUENCE = re.compile(ESCAPE_SEQUENCE + rb"|" + CURSOR_RIGHT + rb"|&[A-Za-z]{1,6};?")
_NUMBER_BYTES = _PLAIN_BYTES + b"%\\&#;:={}xXuUabcdefABCDEFnpst\b\r\n\x1b[(" + bytes(range(128, 256))
_AFTER_VALUE = b".:/-"
_HEX = b"0123456789abcdefABCDEF"
# Twelve digits, a mark, expiry and service code.
_SHORTEST_TRACK = 20
# What may begin a track behind its mark, which may be escaped or coloured.
_OPEN_TRACK = re.compile(rb"(?:[=DdEe;^mK]|\x1b\([A-Z0-9])[0-9]{1,6}\Z")
# How far before the end of a buffer the key of a value that is still open may start.
_KEY_REACH = LONGEST + LONGEST_VALUE + 1
# The mark of an escape, or what may become a soft line break within a number.
_RARE = re.compile(rb"[\x00\x08%\\&\x1b\x80-\xff]|(?<=[-./_+\t ,0-9\n])=")
# A run of digits and gaps that may become a number, or a track.
_VIABLE = re.compile(
    rb"[0-9]{7}|[0-9]{4}[./_+\t ]{1,3}[0-9]{3}|[0-9]{6}[./_+\t ]{1,3}[0-9]|-"
    rb"|[0-9][./_+\t ,][0-9]{3}[./_+\t ,][0-9]|[0-9]\.[0-9]{6}"
    rb"|(?:[0-9][./_+\t ]{1,3}){6}[0-9]|(?:[0-9] {1,3}){3}[0-9](?![0-9])"
)
_UNCALM = re.compile(rb"[\x00\x08%\\&\x1b\x80-\xff^]|=(?:[\r\n]|[CE]2)")
# An escape of quoted-printable within a number, or the beginning of one.
_QUOTED = re.compile(rb"[-./_+\t ,0-9\n]=(?:[0-9A-F]|\Z)")
# A digit in hex, or what may become one.
_HEX_DIGIT = re.compile(rb"3(?:[0-9]|\Z)")
# What the end of a buffer may be behind the hex of a row of a dump: text beside it, or the end of the row.
_ROW_TAIL = re.compile(
    rb"  [^\r\n]{0,34}(?:\r|\r?\n)?\Z|(?:3[0-9]|2[0dDeEfF]|09)[ :,x\\]{0,20}(?:\r|\r?\n)\Z"
)
# An EMV tag and its length in digits alone: what comes behind is looked at.
_TAG_DIGITS = 4
_EMV_TAIL = re.compile(EMV_HEAD + rb" {0,2}[1-9][0-9A-Fa-f ]*\Z")


class Ends:
    """Judges ends. One per stream."""

    def __init__(self, gate: Gate, readers: Readers, user_rules: Sequence[UserDetector]) -> None:
        self._gate = gate
        self._number = readers.number
        self._detector = readers.detector
        self.user_rules = user_rules

    def calm(self, buffer: bytes) -> int:
        """How many digits more may follow that neither wait nor hide anything, by a quick look.

        -1 if that is not known even of the last digit of ``buffer``.
        """
        if quick_calm is not None and not self.user_rules and (few := quick_calm(buffer)) >= 0:
            return few
        near = buffer[-PLAIN_SPAN:]
        head = near.rstrip(_PLAIN_BYTES)
        if not head or self.user_rules or _ends_in_mark(head):
            return -1
        few = FIRST - len(near) + len(head)
        if few < 0:
            few = FIRST - len(near[len(head) :].translate(None, _PLAIN_GAP_BYTES))
            if few < 0 and _VIABLE.search(near, len(head)) is not None:
                return -1
        size = len(buffer)
        threes = buffer.count(b"3", size - 176 if size > 176 else 0)
        if threes >= FIRST and len(_HEX_DIGIT.findall(buffer, size - 176)) >= FIRST:
            return -1
        tags = _may_hold_tag(near)
        if (tags and _EMV_TAIL.search(near) is not None) or not self._is_calm(buffer, near):
            return -1
        few = min(few, FIRST - 1 - threes, _TAG_DIGITS)
        return few if few > 0 and not (tags and _may_hold_tag(near[-8:])) else 0

    def _is_calm(self, buffer: bytes, near: bytes) -> bool:
        """Whether there is no piece of a key near the end of ``buffer``, and nothing rare in ``near``."""
        seen = buffer[-_KEY_REACH:]
        if next_loud is not None and next_loud(seen, 0) < 0:
            return b"^" not in near
        return _UNCALM.search(near) is None and not self._gate.has_pieces(seen)

    def is_settled(self, buffer: bytes) -> bool:
        """Whether nothing that comes after ``buffer`` can hide a byte of it, by a quick look at its end.

        For buffers of at least ``JOINT`` bytes of which the first look gave None.
        """
        near = buffer[-PLAIN_SPAN:]
        head = near.rstrip(_PLAIN_BYTES)
        if not head or self.user_rules or len(near) - len(head) > FIRST:
            return False
        if _ends_in_mark(head) or (_EQUALS in near and _QUOTED.search(near) is not None):
            return False
        if near[-1] in _DUMP_BYTES and _may_hold_tag(near) and _EMV_TAIL.search(near) is not None:
            return False
        return buffer.count(b"3", len(buffer) - 176 if len(buffer) > 176 else 0) <= FIRST

    def open_from(self, buffer: bytes) -> int:
        """The first byte that what comes after ``buffer`` may hide; its length if there is none."""
        size = len(buffer)
        hold = size
        last = buffer[-1]
        plain = 0
        if last in _PLAIN_BYTES:
            run = buffer[-PLAIN_SPAN:]
            run = run[len(run.rstrip(_PLAIN_BYTES)) :]
            plain = len(run)
            hold = self._open_plain(buffer, run)
        elif last in _TRACK_MARKS:
            hold = self._detector("track2").open_from(buffer)
        elif last == _CARET:
            hold = self._detector("track1").open_from(buffer)
        if last in _HEX and _may_be_digest(buffer):
            hold = min(hold, self._detector("track2").open_from(buffer))
        # An exotic gap stands right before the plain rest of a number, or at the end.
        if (
            _RARE.search(buffer, max(0, size - plain - 12)) is not None
            or buffer.find(b"\x1b", max(0, size - plain - 28)) >= 0
        ):
            hold = min(hold, self._open_rare(buffer))
        elif self._may_be_dump(buffer):
            hold = min(hold, self._number("hex").open_from(buffer, REACH))
        if last in _DUMP_BYTES and _EMV_TAIL.search(buffer, max(0, size - EMV_SPAN)) is not None:
            hold = min(hold, self._detector("emv").open_from(buffer))
        if last in _VALUE_ENDS:
            hold = min(hold, self._open_keyed(buffer))
        for rule in self.user_rules:
            hold = min(hold, rule.open_from(buffer))
        return hold

    def _open_plain(self, buffer: bytes, run: bytes) -> int:
        """``open_from`` for plain numbers and tracks; ``run`` is all digits and plain gaps."""
        size = len(buffer)
        hold = size
        digits = len(run.translate(None, _PLAIN_GAP_BYTES))
        if digits > FIRST and _VIABLE.search(run) is not None:
            hold = min(
                self._number("text").open_from(buffer, len(run)),
                self._detector("track2").open_from(buffer),
            )
        if _OPEN_TRACK.search(buffer, max(0, size - 10)) is not None:
            for name in ("track1", "track2"):
                hold = min(hold, self._detector(name).open_from(buffer))
        return hold

    def _open_keyed(self, buffer: bytes) -> int:
        """``open_from`` for the value of a key, and the byte behind it that may make it something else."""
        near = buffer[-LONGEST_VALUE - 2 :]
        near = near[:-1] if near[-1] in _AFTER_VALUE else near
        head = near.rstrip(_HEX)
        if len(head) == len(near) or (head and head[-1] not in ENDS_HEAD):
            return len(buffer)
        hold = len(buffer)
        if self._gate.has_pieces(buffer[-_KEY_REACH:]):
            for rule in KEYED:
                hold = min(hold, self._detector(rule.name).open_from(buffer))
        return hold

    def _open_rare(self, buffer: bytes) -> int:
        """``open_from`` for what has escapes or bytes beyond ASCII near its end."""
        near = buffer[-REACH:]
        rest = _SEQUENCE.sub(b"", near)
        rest = rest[len(rest.rstrip(_NUMBER_BYTES)) :]
        hold = len(buffer)
        if len(rest) - len(rest.translate(None, _DIGITS)) > FIRST:
            hold = self._number("text").open_from(buffer, REACH)
        lower = near.lower()
        for name, mark in MARKS.items():
            if (mark in near or mark in lower) and (name != "hex" or self._may_be_dump(buffer)):
                hold = min(hold, self._number(name).open_from(buffer, REACH))
        return hold

    @staticmethod
    def _may_be_dump(buffer: bytes) -> bool:
        """Whether ``buffer`` may end in a number in hex that hides something."""
        near = max(0, len(buffer) - 176)
        return buffer.count(b"3", near) > FIRST and (
            buffer[-1] in _DUMP_BYTES or _ROW_TAIL.search(buffer, near) is not None
        )


def _ends_in_mark(head: bytes) -> bool:
    """Whether ``head`` ends in what a track, or a soft line break within a number, goes on from."""
    if head[-1] not in _TRACK_MARKS:
        return False
    before = head[-2:-1]
    return before.isdigit() or (head[-1] == _EQUALS and before.strip(_PLAIN_GAP_BYTES) != before)


def _may_be_digest(buffer: bytes) -> bool:
    """Whether ``buffer`` ends in hex that holds a track, or what looks like one in a digest."""
    near = buffer[-LONGEST_HASH:]
    run = near[len(near.rstrip(_HEX)) :]
    return len(run) >= _SHORTEST_TRACK and (b"d" in run or b"D" in run)


def _may_hold_tag(near: bytes) -> bool:
    """Whether ``near`` may hold an EMV tag whose value is removed: 57, 5A, 9F6B."""
    return b"5" in near or b"6B" in near or b"6b" in near
