"""What passes a terminal, taken apart: characters, control functions (ECMA-48, xterm) and ends of lines."""

from __future__ import annotations

import re

from sidecar.masking.columns import TAB, columns

UTF8 = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
UTF8_BEGUN = rb"[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2}"
CSI_BEGUN = rb"\x1b\[[0-?]{0,32}[ -/]{0,4}"
CSI = CSI_BEGUN + rb"[@-~]"
_STRING_BEGUN = rb"\x1b[\]PX^_][^\x07\x1b]{0,1024}"
# Titles and the like: OSC, DCS, SOS, PM, APC up to BEL or ST.
_STRING = _STRING_BEGUN + rb"(?:\x07|\x1b\\)"
# The end of a line. More returns before it than drivers add are returns like others, so that few ever wait.
_NEWLINE = rb"\r{0,8}\n"

TOKEN = re.compile(
    rb"[ -~]+|" + UTF8 + rb"|" + _NEWLINE + rb"|" + CSI + rb"|" + _STRING + rb"|\x1b[ -/]{0,4}[0-~]|.",
    re.DOTALL,
)
UNFINISHED = re.compile(
    rb"(?:\r{1,8}|" + CSI_BEGUN + rb"|" + _STRING_BEGUN + rb"\x1b?|\x1b[ -/]{0,4}|" + UTF8_BEGUN + rb")\Z"
)
# More than text: a control function that the engine does not read over, a return, and an end of a line that
# may be the end of a row.
STOP = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]"
    rb"|\x1b(?!\[[0-9;:]{0,24}[mC]|\[0?K|\([A-Z0-9])"
    rb"|\r(?!\r{0,7}\n)|" + _NEWLINE + rb"(?=[0-9 ./_=-]|\Z)| (?=\r(?!\r{0,7}\n)|\x08|\Z)"
)
AT_END = re.compile(rb" ?\r{0,8}\n?\Z")
# What a number may go on with, behind an end of a row.
JOINS = frozenset(b"%c" % byte for byte in b"0123456789 ./_=-")

# The introducers of control strings.
STRINGS = frozenset((b"]", b"P", b"X", b"^", b"_"))
NUMBER = re.compile(rb"\x1b\[([0-9]{0,4})[A-Za-z@]\Z")
PLACE = re.compile(rb"\x1b\[([0-9]{0,4});?([0-9]{0,4})[Hf]\Z")
# DECSTBM puts the cursor at home.
MARGINS = re.compile(rb"\x1b\[[0-9;]*r\Z")
# Modes, colours, reports and the like leave the cursor where it is.
QUIET = re.compile(
    rb"\x1b\[(?:[<=>?][0-?]*[ -/]*[@-~]|[0-?]*[ -/]+[@-~]|[0-9;:]*[mncqsthl])\Z|\x1b(?:[=>7]|[ -/].)\Z",
    re.DOTALL,
)
OTHER_SCREEN = re.compile(rb"\x1b\[\?(?:[0-9;]*;)?(?:47|104[79]|6)(?:;[0-9;]*)?[hl]\Z")
COLOURS = re.compile(rb"(?:\x1b\[[0-9;:]{0,24}[mK])+\Z")
_PLAIN = re.compile(rb"[^\t\x1b\x80-\xff]*\Z")


def column_behind(text: bytes, column: int, row: int) -> int:
    """The column behind ``text`` that starts in ``column``, as if a row of ``row`` columns did not end."""
    if _PLAIN.match(text) is not None:
        return column + len(text)
    for match in TOKEN.finditer(text):
        token = match.group()
        if token == b"\t":
            column = min(column + TAB - column % row % TAB, column // row * row + row - 1)
        elif token[0] == 0x1B:
            number = NUMBER.match(token)
            column += int(number[1] or 1) if number is not None and token[-1:] == b"C" else 0
        elif token[0] < 0x80:
            column += len(token)
        else:
            column += columns(token)
    return column
