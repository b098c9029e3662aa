"""What may stand between two digits of one number: separators, their escapes, and what nobody sees."""

from __future__ import annotations

import re

# Separators, each a sequence of one-byte patterns: the prefilter, the exact expression and the expression for
# one that is cut off by the end of the buffer are all made from these lists.
PLAIN_GAPS = (rb" ", rb"  ", rb"   ", rb" - ", rb"[-./_+\t,]")
# Spaces and dashes of Unicode, the middle dot, the minus; and some neighbours: every sequence costs memory.
UNICODE_GAPS = (
    rb"[\xa0\x96\x97]",  # Latin-1 no-break space, Windows-1252 dashes
    rb"\xc2[\xa0\xb7]",
    rb"\xd6[\x8a\xbe]",  # Armenian hyphen, Hebrew maqaf
    rb"\xe1[\x90\x9a\xa0][\x80\x86]",
    rb"\xe2\x80[\x80-\x8a\x90-\x95\xaf]",
    rb"\xe2\x81\x9f",
    rb"\xe2\x88\x92",
    rb"\xe2\x94\x80",  # the line of a box
    rb"\xe2[\xb8\xb9][\x80\x97\x9a\x9d\xba\xbb]",
    rb"\xe3\x80[\x80\x9c\xb0]",
    rb"\xe3\x83\xbc",  # what Japanese keyboards have for a dash; half as wide below
    rb"\xef\xbd\xb0",
    rb" \xe2\x80[\x93\x94] ",
    rb"\xef[\xb8\xb9][\x98\xa3\xb1\xb2]",
    rb"\xef\xbc\x8d",
)
NAMED_GAPS = tuple(
    b"&%s;" % name for name in (b"nbsp", b"e[nm]sp", b"thinsp", b"hyphen", b"dash", b"[nm]dash", b"minus")
)
NAMED_INVISIBLE = (rb"&shy;", rb"&zwj;", rb"&zwnj;")
ESCAPED_GAPS = (
    rb"%2[0BbDdEeFf]",
    rb"%252[0BbDdEeFf]",
    rb"%09",
    rb"%5[Ff]",
    rb"%[Cc]2%[Aa]0",
    rb"%25[Cc]2%25[Aa]0",
    rb"%[Aa]0",
    rb"%[Ee]2%80%[89Aa][0-9A-Fa-f]",
    rb"%[Ee]3%80%80",
    rb"%[Ee][Ff]%[Bb][Cc]%8[Dd]",
    rb"%u00[2Aa][0DdEeFf]",
    rb"\\u00[2Aa][0DdEeFf]",
    rb"\\u20[012][0-9A-Fa-f]",
    rb"\\u[23][02][01][02]",
    rb"\\u[Ff][Ff]0[Dd]",
    rb"\\u\{[2Aa][0DdEeFf]\}",
    rb"\\x[2Aa][0Dd]",
    rb"\\x[Cc]2\\x[Aa]0",
    rb"\\t",
    rb"\\0[45][05]",
    rb"&#160;",
    rb"&#32;",
    rb"&#4[5-7];",
    rb"&#[xX][2Aa][0DdEeFf];",
    rb"&#819[2-9];",
    rb"&#820[0-289];",
    rb"&#821[0-3];",
    rb"&#8239;",
    rb"&#[xX]20[12][0-5Ff];",
    rb"&#[xX]200[0-9Aa];",
    *NAMED_GAPS,
    # Quoted-printable (RFC 2045).
    rb"=2[0DdEeFf]",
    rb"=09",
    rb"=C2=A0",
    rb"=E2=80=[89A][0-9AF]",
)
# Zero-width characters separate nothing, nor does a soft line break (RFC 2045).
INVISIBLE = (
    rb"\xc2\xad",
    rb"\xe2\x80[\x8b-\x8f\xaa-\xae]",
    rb"\xe2\x81[\xa0-\xa4\xa6-\xa9]",
    rb"\xef[\xb8\xbb][\x8f\xbf]",
    rb"[\xcd\xd8][\x8f\x9c]",
    rb"\xe1\xa0\x8e",
    rb"%[Cc]2%[Aa][Dd]",
    rb"&#173;",
    rb"&#820[3-7];",
    rb"&#[xX]200[B-Fb-f];",
    *NAMED_INVISIBLE,
    rb"=\n",
    rb"=\r\n",
)
# SGR, erase in line and character-set selection do not move the cursor; one column to the right is a space.
ESCAPE_SEQUENCE = rb"\x1b(?:\[[0-9;:]{0,24}[mK]|\([A-Z0-9])"
# What any gap of plain digits begins with; a test compares.
GAP_BEGINS = rb"[-./_+\t ,%\\&=\x1b\x80-\xff]"
CURSOR_RIGHT = rb"\x1b\[1?C"
ESCAPE_CUT_OFF = rb"\x1b(?:\[[0-9;:]{0,24}|\()?"
# Between the bytes of a hex dump; the star of one is the hex of a star.
HEX_FILLERS = (rb" ", rb"  ", rb":", rb"\\x", rb", 0x", rb",0x", rb" 0x")
HEX_GAPS = (rb"20", rb"2[dDeEfF]", rb"09")

# One byte of an expression.
UNIT = re.compile(rb"\[(?:\\.|[^\]\\])+\]|\\x[0-9a-f]{2}|\\.|[^\\\[]", re.DOTALL)


def alternatives(*tokens: bytes) -> bytes:
    """An expression for any of ``tokens``, those of more bytes first."""
    return _any_of(sorted(map(UNIT.findall, tokens), key=len, reverse=True))


def cut_off(*tokens: bytes) -> bytes:
    """An expression for every beginning of a token that is not yet the whole, the empty one included."""
    return _beginning_of([UNIT.findall(token) for token in tokens])


# What tokens begin with alike is spelled out once: expressions take memory and time as they are long.


def _any_of(tokens: list[list[bytes]]) -> bytes:
    branches: list[bytes] = []
    for first, rests in _by_first(tokens).items():
        longer = [rest for rest in rests if rest]
        may_end = b"?" if len(longer) < len(rests) else b""
        branches.append(first + _any_of(longer) + may_end if longer else first)
    return rb"(?:" + b"|".join(branches) + rb")"


def _beginning_of(tokens: list[list[bytes]]) -> bytes:
    begun = _by_first([token for token in tokens if len(token) > 1])
    branches = [first + _beginning_of(rests) for first, rests in begun.items()]
    return rb"(?:" + b"|".join(branches) + rb")?" if branches else b""


def _by_first(tokens: list[list[bytes]]) -> dict[bytes, list[list[bytes]]]:
    rests: dict[bytes, list[list[bytes]]] = {}
    for first, *rest in tokens:
        rests.setdefault(first, []).append(rest)
    return rests
