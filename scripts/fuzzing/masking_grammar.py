"""What the masking engine is fed: numbers in every notation, secrets, shards of escapes, look-alikes."""

import base64
from collections.abc import Callable

from fuzzing.choices import Choices

PREFIXES = (
    b"4",
    b"51",
    b"2221",
    b"34",
    b"37",
    b"36",
    b"6011",
    b"3528",
    b"62",
    b"5000",
    b"2200",
    b"1",
    b"9792",
)
LENGTHS = (16, 15, 14, 13, 12, 17, 18, 19)
GAPS = (
    b" ", b"-", b".", b"/", b"_", b"\t", b"+", b"  ", b" - ", b"\xc2\xa0", b"\xa0", b"\xe2\x80\x89",
    b"\xe2\x80\x91", b"\xe2\x80\x93", b"\xe2\x80\x8b", b"\xc2\xad", b"\xef\xbb\xbf", b"%20", b"%2D", b"%2520",
    b"%C2%A0", b"%E2%80%91", b"\\u0020", b"\\u00a0", b"\\x20", b"\\t", b"&nbsp;", b"&#160;", b"\x1b[31m",
    b"\x1b[0m\x1b[K", b"\x1b[C", b"\x1b(B", b"\n", b"\r\n", b" \r", b"\x08 \x08", b"   ", b",", b"\x00",
    b"=20", b"=2D", b"=\r\n", b"=\n", b"&ensp;", b"&shy;", b"&#x20;", b"&#8209;", b"\\040", b"\\u{20}",
    b"%u0020",
)  # fmt: skip
KEYS = (
    b"cvv=", b'"cvv":"', b"CVC2: ", b"pin=", b'"pin": ', b"security code: ", b"cvv%3D", b"cvv%22%3A%22",
    b"cvv=%20", b"<SecurityCode>", b"cardPin=", b"cid ", b'\\"cvv\\":', b"pin_block ",
)  # fmt: skip
TRACKS = (
    b"=2512101",
    b"D2512101",
    b"%3D2512101",
    b"\\u003d2512101",
    b"=25121010000012300000?",
    b"^DOE/JOHN^2512101",
    b"%5EDOE%2FJOHN%5E2512101",
    b"%5E" + b"N" * 78 + b"%5E2512101",
    b"^DOE/JOHN^^^",
    b"\x1b[m\x1b[K=2512101",
    b"\x1b[m^DOE^\x1b[31m2512101",
    b"&#61;2512101",
    b"\\u005eDOE\\u005e25121010000012300%3F",
    b"^ /^",
    b"=",
    b"D",
    b"^",
)
HEADS = (
    b"5A08",
    b"5A 08 ",
    b"5713",
    b"57 13 ",
    b"0200723800010881800016",
    b"1240x1\x00345678",
    b"0100\xc277777777777777716",
    b";",
    b"%B",
    b"37",
    b"16",
    b"000",
    b"0000",
    b"15",
    b"19",
)
LOOKALIKES = (
    b"0.", b"blk_-", b"imei=", b'"trace_id": "', b"+", b"+62 ", b"DE89370400440532013000",
    b"DE89 3704 0044 0532 0130 00", b"BE68539007547034", b"GB29NWBK60161331926819",
    b"abcdef0123456789abcdef01", b"550e8400-e29b-41d4-a716-446655440000", b"1700000000000", b"DE", b"BE68",
    b"d2512101aabbccddeeff01234567 ", b"deadbeef", b"411111******1111", b"sk_live_",
    b"sk_live_0123456789abcdefABCDEF", b"AKIAIOSFODNN7EXAMPLE", b"pp:", b"pp:4 ", b"pp:42",
)  # fmt: skip
SHARDS = (
    b"\x1b", b"\x1b[", b"\x1b[3", b"%", b"%2", b"%3", b"\\", b"\\u", b"\\u00", b"\\u003", b"\\x3", b"&",
    b"&#", b"&#5", b"\xe2", b"\xe2\x80", b"\xef\xbc", b"\xd9", b"\xdb", b"\xf0\x9d\x9f", b"\xc2", b"\x00",
    b"3", b"-", b"=", b"=2", b"=\r", b"&en", b"\\0", b"\\04", b"_\x08", b"4\x08",
)  # fmt: skip
EDITS = (
    b"\x08", b"\x08 \x08", b"\x08\x1b[K", b"\x7f", b"\x15", b"\x17", b"\r", b" \r", b"\r\n", b"\x1b[D",
    b"\x1b[4D", b"\x1b[C", b"\x1b[3C", b"\x1b[K", b"\x1b[1K", b"\x1b[2K", b"\x1b[P", b"\x1b[2P", b"\x1b[@",
    b"\x1b[4@",
    b"\x1b[X", b"\x1b[5G", b"\x1b[A", b"\x1b[2;3H", b"\x1b[2J", b"\x1b[?25l", b"\x1b[?1049h", b"\x1b]0;t\x07",
    b"\x1b[s", b"\x1b[u", b"\x1b7", b"\x1b8", b"\x01", b"\x05", b"\x0b", b"\x1b[4h", b"\x07", b"\t",
)  # fmt: skip
PLAIN = (
    b" ", b"\n", b",", b"x", b"_", b'"', b"12/27 ", b" 123", b"order 17 of ", b"7", b"3", b"a", b"D", b": ",
    b"4 1 1 1 ", b"1 2 3 4 5 6 ", b"plain words, and more of them\n",
)  # fmt: skip


def check_digit(body: bytes) -> bytes:
    """``body`` with the digit that ISO/IEC 7812-1 annex B wants behind it."""
    total = 0
    for place, byte in enumerate(reversed(body)):
        total += sum(divmod((byte - 48) * (1 if place % 2 else 2), 10))
    return body + b"%d" % (-total % 10)


def number(choices: Choices) -> bytes:
    """Digits with the beginning of a card and a correct check digit; mostly, but not always, a card's."""
    length = choices.one_of(LENGTHS)
    body = choices.one_of(PREFIXES)
    while len(body) < length - 1:
        body += b"%02d" % choices.below(100)
    return check_digit(body[: length - 1])


def _gap(choices: Choices) -> bytes:
    """What stands between two groups: a separator, now and then several, or with something unseen."""
    return b"".join(choices.one_of(GAPS) for _ in range(max(1, choices.below(8) - 4)))


def _grouped(choices: Choices) -> bytes:
    """A number in groups of four, three, any sizes, or digit by digit; gaps of one kind or of several."""
    digits = number(choices)
    size = choices.one_of((4, 4, 4, 1, 1, 3, 0))
    gap = _gap(choices)
    mixed = choices.below(4) == 0
    if size == 3:
        digits = digits.rjust(len(digits) + -len(digits) % 3, b"\n")
    if size == 1 and choices.below(2):
        return b"".join(b"%c" % digit + b" " * choices.below(4) for digit in digits).rstrip(b" ")
    out = b""
    while digits:
        taken = size or 1 + choices.below(7)
        out += (_gap(choices) if mixed else gap) * bool(out) + digits[:taken]
        digits = digits[taken:]
    return out


_TOKENS: tuple[Callable[[int], bytes], ...] = (
    lambda byte: b"%%%02x" % byte,
    lambda byte: b"\\u%04x" % byte,
    lambda byte: b"\\x%02x" % byte,
    lambda byte: b"&#%d;" % byte,
    lambda byte: b"&#%03d;" % byte,
    lambda byte: b"&#x%04x;" % byte,
    lambda byte: b"\\%03o" % byte,
    lambda byte: b"%02x" % byte,
    lambda byte: b"%02x " % byte,
    lambda byte: b"%c\x00" % byte,
    lambda byte: b"\x00%c" % byte,
    lambda byte: b"%c\x00\x00\x00" % byte,
    lambda byte: chr(byte + 0xFEE0).encode(),
    lambda byte: b"\\uff1%c" % byte,
    lambda byte: b"%%EF%%BC%%9%c" % byte,
    lambda byte: b"\\u06f%c" % byte,
    lambda byte: b"%%D9%%A%c" % byte,
    lambda byte: chr(byte + 0x630).encode(),
    lambda byte: chr(byte + 0x6C0).encode(),
    lambda byte: chr(byte + 0x1D79E).encode(),
    lambda byte: b"\x1b[3%cm%c" % (byte % 8 + 48, byte),
    lambda byte: b"%c\x1b[C" % byte,
    lambda byte: b"%c\x08%c" % (byte, byte),
    lambda byte: b"_\x08%c" % byte,
)


def _notated(choices: Choices) -> bytes:
    """A number of which every digit is written in another way, perhaps cut short or with gaps."""
    token = choices.one_of(_TOKENS)
    written = [token(byte) for byte in number(choices)]
    if choices.below(3) == 0:
        at = choices.below(len(written))
        written.insert(at, choices.one_of(GAPS + SHARDS))
    return b"".join(written[: len(written) - choices.below(4)])


def _secret(choices: Choices) -> bytes:
    """A key and a code, or a number with what goes before and behind it on a card's stripe or chip."""
    if choices.below(2):
        return choices.one_of(KEYS) + b"%d" % choices.below(100_000) + choices.one_of(PLAIN)
    written = _grouped(choices) if choices.below(4) == 0 else number(choices)
    return choices.one_of(HEADS) + written + choices.one_of(TRACKS) + b"%03d" % choices.below(1000)


def _edited(choices: Choices) -> bytes:
    """A number that is edited while it is written."""
    out = bytearray()
    for byte in number(choices):
        out.append(byte)
        if choices.below(6) == 0:
            out += b"%d" % choices.below(10) + choices.one_of(EDITS)
    return bytes(out)


def _encoded(choices: Choices) -> bytes:
    """A number in base64, behind 0 to 3 bytes, perhaps wrapped or without its end."""
    text = b"abc"[: choices.below(4)] + choices.one_of(PLAIN) + number(choices) + choices.one_of(PLAIN)
    coded = base64.b64encode(text * (1 + choices.below(3)))
    width = choices.one_of((76, 64, 32, 1000))
    lines = [coded[at : at + width] for at in range(0, len(coded), width)]
    return choices.one_of((b"\n", b"\r\n    ", b"\n  ")).join(lines)[: len(coded) - choices.below(4)]


def _dumped(choices: Choices) -> bytes:
    """A number in rows of a hex dump: bare, as ``xxd`` and as ``hexdump -C`` write it, perhaps cut short."""
    text = b"abcdefgh"[: choices.below(9)] + choices.one_of(PLAIN) + number(choices) + choices.one_of(PLAIN)
    width, end = choices.one_of((16, 8, 6, 32)), choices.one_of((b"\n", b"\r\n"))
    form = choices.below(4)
    out = b""
    for at in range(0, len(text), width):
        row = text[at : at + width]
        shown = bytes(byte if 0x20 <= byte < 0x7F else 0x2E for byte in row)
        out += (
            row.hex().encode(),
            b" " + row.hex(" ").encode(),
            b"%08x: %s  %s" % (at, row.hex(" ", -2).encode().ljust(width * 5 // 2 - 1), shown),
            b"%08x  %s  |%s|" % (at, row.hex(" ").encode().ljust(width * 3 - 1), shown),
        )[form] + end
    return out[: len(out) - choices.below(4)]


def _digits(choices: Choices) -> bytes:
    return b"".join(b"%02d" % choices.below(100) for _ in range(choices.below(20)))


def _long(choices: Choices) -> bytes:
    """More than the engine looks at in one piece."""
    unit = choices.one_of((*PLAIN, *GAPS, b"4", b"41", b"4111 ", b"%34", b"4\x1b[m", number(choices) + b"\n"))
    return unit * (1 + (200 + choices.below(1800)) // len(unit))


_PIECES: tuple[Callable[[Choices], bytes], ...] = (
    number,
    _grouped,
    _notated,
    _secret,
    lambda choices: choices.one_of(PLAIN),
    lambda choices: choices.one_of(GAPS),
    lambda choices: choices.one_of(LOOKALIKES),
    lambda choices: choices.one_of(SHARDS),
    lambda choices: choices.one_of(KEYS),
    lambda choices: choices.one_of(HEADS),
    lambda choices: choices.one_of(TRACKS),
    _digits,
    lambda choices: choices.raw(24),
    lambda choices: b"\x1b[%sm" % choices.raw(6),
    _edited,
    _edited,
    _encoded,
    _dumped,
    lambda choices: choices.one_of(EDITS),
    _grouped,
    _long,
)


def piece(choices: Choices) -> bytes:
    """Some bytes of a stream."""
    return choices.one_of(_PIECES)(choices)
