"""Every notation, key and look-alike, one line each: what comes out, whole and cut everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from masking_inputs import cut_everywhere

from sidecar.masking import Engine, Profile

TABLE = Path(__file__).resolve().parents[3] / "policies/masking/sad.yaml"
VISA = "4111111111111111"
MASKED = "411111******1111"
TWELVE = "67677000000"  # and a check digit


def each(form: str, text: str) -> str:
    return "".join(form.format(ord(letter)) for letter in text)


CASES = [
    # separators
    *((gap.join(["4111", "1111", "1111", "1111"]), gap.join(["4111", "11**", "****", "1111"]))
      for gap in (" ", "-", ".", "/", "_", "+", "\t", "  ", " - ", "\u00a0", "\u2009", "\u202f", "\u2011",
                  "\u2013", "\u3000", "%20", "%2D", "%C2%A0", "\\u0020", "\\u00a0", "&nbsp;", "\x1b[C", "   ",
                  "%2520", "%252D", "%u0020", "\\u{20}", "\\040", "\\055", "=20", "=2D", "&#x20;", "&#45;",
                  "&#8209;", "&ensp;", "&thinsp;", "&ndash;", "&minus;",
                  "\u1680", "\u058a", "\u05be", "\u2e3a", "\u2e3b", "\u2e17", "\u1806", "\u301c",
                  "\ufe31", "%E3%80%80", "%EF%BC%8D", "\u30fc", "\uff70", "\u2500", " \u2013 ", " \u2014 ",
                  "\\u3000", "\\u2212", "\\uff0d", "\\xc2\\xa0", "&#8239;", "&#x202f;", "&#x2009;", "&#X20;",
                  "=C2=A0", "=E2=80=93", "=E2=80=89", "=E2=80=AF",
                  # where mail breaks a line in a number
                  " =\r\n", "=\n ", "-=\n", " =\r\n=\r\n", "%20=\n", "=\n=20=\n")),
    # nothing visible between the digits
    *((f"4111{quiet}111111111111 ", f"4111{quiet}11******1111 ")
      for quiet in ("=\r\n", "=\n", "&shy;", "&#8203;", "\u200b", "\u00ad", "\u2060",
                    "\u2066", "\u2069", "\u061c", "\u180e", "\u034f", "\ufe0f", "%C2%AD", "&#x200b;",
                    "&#8204;", "\ufeff", "\x1b[31m", "\x1b[m\x1b[K", "\x1b[01;31m\x1b[K")),
    ("4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1 ", "4-1-1-1-1-1-*-*-*-*-*-*-1-1-1-1 "),
    ("1 2 3 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ", "1 2 3 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 "),
    # right after an escape that ends in a digit
    *((f"{escape}{VISA}", f"{escape}{MASKED}")
      for escape in ("%20", "\\u0020", "%3D%20", "\\x20", "%2520", "\\040", "%u0020", "%E3%80%80", "\\u3000",
                     "\\xc2\\xa0", "\\U0001f4b3", "\\360\\237\\222\\263", "\\342\\200\\223")),
    # prefixes of few
    ("9682080000000008 ", "968208******0008 "), ("9891000000000003 ", "989100******0003 "),
    ("3088000000000009 ", "308800******0009 "), ("3337000000000008 ", "333700******0008 "),
    # before every three digits, and with irregular blanks
    *((gap.join(["4", "111", "111", "111", "111", "111"]), gap.join(["4", "111", "11*", "***", "**1", "111"]))
      for gap in (",", ".", "_", " ", "-", "\u202f", "/")),
    ("378,282,246,310,005", "378,282,***,**0,005"),
    ('{"n":4,111,111,111,111,111,"m":1}', '{"n":4,111,11*,***,**1,111,"m":1}'),
    ("601 1 1 1  1 1 1 1   1 1 1 1 1 7", "601 1 1 1  * * * *   * * 1 1 1 7"),
    ("17,6011   1 1 1 1  1 1 1 1 1 1 1 7,12/27", "17,6011   1 1 * *  * * * * 1 1 1 7,12/27"),
    ("total  1\n6 0 1  1 1 1 1 1 1 1 1 1 1 1 1 7\n", "total  1\n6 0 1  1 1 1 * * * * * * 1 1 1 7\n"),
    # as floating-point numbers are printed, the zeros at their end left out
    *((f"{{card=4.111111111111111{exponent}, n=1}}", f"{{card=4.11111******1111{exponent}, n=1}}")
      for exponent in ("E15", "e+15", "e15")),
    ("3.7828224631000E14 3.78282246310005E14;", "3.7828224631000E14 3.78282*****0005E14;"),
    ("5.4259916920603E15,", "5.42599******03E15,"),
    # in two groups, in groups that only numbers of one brand have, and among rows that are cards
    ("622587 0113912472292.", "622587 *********2292."), ("622587-0113912472292.", "622587-*********2292."),
    ("1354-12345-678911 1354-123456-78911", "1354-12***-**8911 1354-123456-78911"),
    ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n" * 2, "4 1 1 1 1 1 * * * * * * 1 1 1 1\n" * 2),
    # fields of fixed and of variable length
    ("0004111111111111111", "000411111******1111"), ("x=0000378282246310005;", "x=0000378282*****0005;"),
    (f"16{VISA}", f"16{MASKED}"), ("15378282246310005", "15378282*****0005"),
    # of no message that there is, and a track behind a number that is no plain one
    ("55555555555544444111111111111111641111111111111114111111111111111",
     "55555555555544444111111111111111641111111111111114111111111111111"),
    ("4,111,111,111,111,111411111111111111134313131313131313131313131313131%3D2512101 ",
     "4,111,111,111,111,11141111111111111113431313131312a2a2a2a2a2a31313131%3D2512101 "),
    # printed twice, and over an underline
    ("".join(f"{digit}\b{digit}" for digit in VISA), "".join(f"{digit}\b{digit}" for digit in MASKED)),
    ("".join(f"_\b{digit}" for digit in VISA) + " ", "".join(f"_\b{digit}" for digit in MASKED) + " "),
    ("-\b-".join(["".join(f"{digit}\b{digit}" for digit in "4111"), *["1\b1" * 4] * 3]),
     "-\b-".join(["4\b4" + "1\b1" * 3, "1\b1" * 2 + "*\b*" * 2, "*\b*" * 4, "1\b1" * 4])),
    # digits in other notations
    (each("%{0:02x}", VISA), each("%{0:02x}", "411111") + "%2A" * 6 + each("%{0:02x}", "1111")),
    (each("\\u{0:04x}", VISA), each("\\u{0:04x}", "411111") + "\\u002a" * 6 + each("\\u{0:04x}", "1111")),
    (each("&#{0};", VISA), each("&#{0};", "411111") + "&#42;" * 6 + each("&#{0};", "1111")),
    (each("{0:02x}", VISA) + "0a", each("{0:02x}", "411111") + "2a" * 6 + each("{0:02x}", "1111") + "0a"),
    (each("{0:02x} ", VISA), each("{0:02x} ", "411111") + "2a " * 6 + each("{0:02x} ", "1111")),
    (each("{0:02x}:", VISA), each("{0:02x}:", "411111") + "2a:" * 6 + each("{0:02x}:", "1111")),
    ("a " + each("{0:02x}:", "4111-1111-1111-1111"), "a " + each("{0:02x}:", "4111-11**-****-1111")),
    ("\n" + each("\\x{0:02x}", "35280318") + "\r\n" + each("\\x{0:02x}", "024034120") + " ",
     "\n" + each("\\x{0:02x}", "352803**") + "\r\n" + each("\\x{0:02x}", "****34120") + " "),
    # hex behind what may be the end of a row and the text beside it
    ("33  5a" + each("{0:02x} ", VISA), "33  5a" + each("{0:02x} ", MASKED)),
    ("{" + each("0x{0:02x}, ", VISA), "{" + each("0x{0:02x}, ", "411111******1111")),
    (each("0x{0:02x},", VISA), each("0x{0:02x},", "411111******1111")),
    ("".join(chr(ord(letter) + 0xFEE0) for letter in VISA),
     "".join(chr(ord(letter) + 0xFEE0) for letter in MASKED)),
    *(("".join(chr(zero + int(digit)) for digit in VISA) + " ",
       "".join(chr(zero + int(digit)) if digit != "*" else star for digit in MASKED) + " ")
      for zero, star in [(0x7C0, "\u066d"), *((zero, "\uff0a") for zero in (
          0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040,
          0x17E0))]),
    *((each(form, VISA), each(form, "411111") + star * 6 + each(form, "1111"))
      for form, star in (("\\uff1{0:c}", "\\uff0a"), ("\\uFF1{0:c}", "\\uff0a"),
                         ("%EF%BC%9{0:c}", "%EF%BC%8A"),
                         ("%ef%bc%9{0:c}", "%EF%BC%8A"), ("\\u066{0:c}", "\\u066d"),
                         ("\\u06f{0:c}", "\\u066d"), ("%D9%A{0:c}", "%D9%AD"), ("%db%b{0:c}", "%D9%AD"),
                         ("%25{0:02x}", "%252A"), ("%u{0:04x}", "%u002A"), ("\\u{{{0:02x}}}", "\\u{2a}"),
                         ("&#x{0:02x};", "&#x2a;"), ("&#x{0:04x};", "&#x002a;"), ("&#{0:03d};", "&#042;"),
                         ("\\{0:03o}", "\\052"))),
    (each("\\{0:03o}", "4539578763621486"),
     each("\\{0:03o}", "453957") + "\\052" * 6 + each("\\{0:03o}", "1486")),
    (" ".join(each("&#{0:03d};", four) for four in ("4111", "1111", "1111", "1111")),
     " ".join(each("&#{0:03d};", four) for four in ("4111", "11**", "****", "1111"))),
    # words, letters and underscores around it
    # more hex than any digest has, wherever in it
    (f"{VISA}{'a' * 113}", f"{MASKED}{'a' * 113}"), (f"{'a' * 113}{VISA}", f"{'a' * 113}{MASKED}"),
    (f"{'a' * 200}{VISA}{'b' * 200}", f"{'a' * 200}{MASKED}{'b' * 200}"),
    (f"card{VISA}exp1225", f"card{MASKED}exp1225"), (f"_{VISA}_", f"_{MASKED}_"), (f"{VISA}D", f"{MASKED}D"),
    # tracks, codes, EMV, ISO 8583
    (f";{VISA}=25121010000012300000?", f";{MASKED}=********************?"),
    # the mark escaped, as in URLs and JSON; not behind more digits, and not before what is no expiry
    *((f"%3B{VISA}{mark}25121010000012300%3F", f"%3B{MASKED}{mark}" + "*" * 17 + "%3F")
      for mark in ("%3D", "%3d", "%253D", "\\u003d", "\\u003D")),
    (f"%3B{VISA}%3D25131010000012300%3F", f"%3B{MASKED}%3D25131010000012300%3F"),
    (f"%3B{VISA}%3D251210%3F", f"%3B{MASKED}%3D251210%3F"),
    (f"9912{VISA}%3D25121010000012300%3F", f"9912{VISA}%3D25121010000012300%3F"),
    # the same of track 1, whose number may have gaps
    *((f"%25B{VISA}{mark}SMITH%2FJOHN%20Q{mark}25121010000012300{end}",
       f"%25B{MASKED}{mark}SMITH%2FJOHN%20Q{mark}" + "*" * 17 + rest)
      for mark in ("%5E", "%5e", "%255E", "\\u005e")
      for end, rest in (("", ""), ("%3F&next=12 34", "***&next=12 34"), (" and 251210", " and 251210"))),
    (f"%25B{VISA}%5ESMITH%5E25131010000012300%3F", f"%25B{MASKED}%5ESMITH%5E25131010000012300%3F"),
    (f"%25B{VISA}%5ESMITH%5E251210%3F", f"%25B{MASKED}%5ESMITH%5E251210%3F"),
    *((f"%25B{VISA}{mark}{'SMITH+' * 13}{mark}2512101{'0' * 60}",
       f"%25B{MASKED}{mark}{'SMITH+' * 13}{mark}{'*' * 60}0000000") for mark in ("%5E", "\\u005e", "^")),
    (f"%25B{VISA}%5E{'SMITH+' * 13}+%5E2512101%3F", f"%25B{MASKED}%5E{'SMITH+' * 13}+%5E2512101%3F"),
    *((f"%B{number}^{name}^2512101ABC 7?;", f"%B{masked}^{name}^{'*' * 12}?;")
      for name in ("SMITH/JOHN ", "", "SMITH%20" * 9)
      for number, masked in (
          ("3782 822463 10005", "3782 82**** *0005"), (f"{VISA}\x1b[m\x1b[K", f"{MASKED}\x1b[m\x1b[K"),
          ("\x1b[1;31m\x1b[K4111\x1b[m\x1b[K111111111111", "\x1b[1;31m\x1b[K4111\x1b[m\x1b[K11******1111"))),
    # expiry and service code, or marks for them, must follow: other records have such marks, too
    *((f"%B{VISA}^SMITH/JOHN^{behind}?", f"%B{MASKED}^SMITH/JOHN^{'*' * len(behind)}?")
      for behind in ("^^1234", "2512^1234", "^1011234")),
    *((f"card^{VISA}^{behind}^amount 12.00^", f"card^{MASKED}^{behind}^amount 12.00^")
      for behind in ("VISA^APPROVED", "key^0x55", "SMITH^2513101", "SMITH^251210", "SMITH")),
    (f'{{"t":"%B{VISA}^DOE/JOHN^2512101123","amount":1200}}',
     f'{{"t":"%B{MASKED}^DOE/JOHN^**********","amount":1200}}'),
    # what could be the second mark of a longer name stands for an expiry
    (f"{VISA}^1 {VISA}%5EA%5E^000 ", f"{MASKED}^1 {MASKED}%5EA%5E**** "),
    # as grep colours it, and with gaps in the number
    *((f";{number}{mark}25121011234567890?", f";{masked}{mark}{'*' * 17}?")
      for mark in ("=", "D", "\x1b[m\x1b[K=", "=\x1b[01;31m\x1b[K", "\\x3d", "&#61;", "\x1b[m%3D")
      for number, masked in ((VISA, MASKED), ("4111 1111 1111 1111", "4111 11** **** 1111"),
                             ("4111-1111-1111-1111", "4111-11**-****-1111"),
                             ("\x1b[31m41\x1b[m11111111111111", "\x1b[31m41\x1b[m1111******1111"))),
    ("CVV：123 PIN：4921。", "CVV：*** PIN：****。"), ("安全码 cvv2：\"913\"", "安全码 cvv2：\"***\""),
    (f"37{VISA}D25121010000012300", f"37{MASKED}D*****************"),
    (f"{VISA}d25121010000012300f ", f"{MASKED}d*****************f "),
    # behind a mark hex of no digest's length, or no hex, see also below
    ("676770000005d2512101aabbccddeeff012345678 ", "676770**0005d*******aabbccddeeff012345678 "),
    ("676770000005d2512101aabbccddeeff0123456x ", "676770**0005d*******aabbccddeeff0123456x "),
    (f"%B{VISA}^DOE/JOHN^25121011000?;", f"%B{MASKED}^DOE/JOHN^***********?;"),
    ("blk_-62834659441650^DOE/JOHN^2512101?", "blk_-628346****1650^DOE/JOHN^*******?"),
    ("cvv=\\u00204111 1111 1111 1111", "cvv=\\u0020**** 11** **** 1111"),
    ("Kartenprüfnummer: 913 ", "Kartenprüfnummer: *** "), ("CVV-2: 913 ", "CVV-2: *** "),
    ("<cvv><![CDATA[913]]></cvv>", "<cvv><![CDATA[***]]></cvv>"), ("cvv2Code=913;", "cvv2Code=***;"),
    ("cvv=123", "cvv=***"), ('"cvv2": "4321"', '"cvv2": "****"'), ("cvv%3D123&", "cvv%3D***&"),
    ("<SecurityCode>123</SecurityCode>", "<SecurityCode>***</SecurityCode>"),
    ("cardPin=4921;", "cardPin=****;"),
    # names of codes and PINs
    *((f"{key}{code} ", f"{key}{'*' * len(code)} ") for key, code in (
        ("cc_cid: ", "913"), ("ccCid=", "9134"), ("cc cid: ", "9134"), ("cvnNumber=", "913"),
        ("cvnum: ", "913"), ("CVNumber:", "9134"), ("cvv2val=", "913"), ("cvc2_data=", "913"),
        ("cvv2_no: ", "913"), ("card_ccv2=", "913"),
        ("CardSecVal>", "913"), ("UMcvv2=", "913"), ("cardCcv: ", "913"), ("card_cvd=", "913"),
        ("cardSecCode=", "913"),
        ("pinEntered=", "4921"), ("pin_confirm: ", "492112"), ("PIN No: ", "4921"))),
    # what languages, formats and tables put between a key and its value
    *((f"{key}{before}913{after}", f"{key}{before}***{after}")
      for key in ("cvv", "cardSecurityCode") for before, after in (
        (": b'", "'}"), ("': u'", "'}"), ("=Decimal('", "')"), (": Ok(", "),"), (": Some(\n  ", ",\n)"),
        ('": String("', '")'), ("=Just(", ")"), ('": NumberLong("', '")'),
        ('": {"N": "', '"}'), ('":{"int":', "}"), ('\\":{\\"S\\":\\"', '\\"}'), ('": {\n  "value": "', '"'),
        ('":{"integerValue":"', '"}'), ('":{"$t":"', '"}'), ('": {"#text": "', '"}'),
        ('"]=>\r\n  string(3) "', '"'), ('":"Card":private]=>\n  int(', ")"), (":protected] => ", "\n"),
        ("</dt><dd>", "</dd>"), ("</strong></td>\n  <td><span class='v'>", "</span>"),
        ("</name>\r\n<value><string>", "</string>"), (">\n  ", "\n</"),
        ("&gt;", "&lt;"), ("&lt;/name&gt;&lt;value&gt;", "&lt;"), ("<\\/key>\\n  <string>", "<"),
        ("┃", "┃"), (" ║ ", " ║"),
        ("**: **", "**"), ("*: ", " "), ("` | `", "`"), ("....: ", " "), (" ..... : ", " "), (" — ", " "),
        (" was: ", "."), (" submitted : ", " "), (" (required): ", " "), (': !!int "', '"'),
        (": !!int ", "\n"), ('"\n\n', "\n"),
        ('"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n', "\r\n"))),
    # a line's number of three digits may be a value as well
    ('102) "cvv"\n103) "913"\n', '102) "cvv"\n***) "***"\n'), ("cvv:\n913) 1234 ", "cvv:\n***) **** "),
    (f"5A08{VISA}5F34", "5A08" + "*" * 16 + "5F34"),
    (f"5A8108{VISA}5F34", "5A8108" + "*" * 16 + "5F34"),
    ("5a 81 08 41 11 11 11 11 11 11 11 5f", "5a 81 08" + " **" * 8 + " 5f"),
    ("70 5a 08 41 11 11 11 11  11 11 11 5f 34", "70 5a 08 ** ** ** ** **  ** ** ** 5f 34"),
    ("5A  08  4111  1111  1111  1111 ", "5A  08  ****  ****  ****  **** "),
    (f"578113{VISA}D251220112345678901234 9F", "578113" + "*" * 38 + " 9F"),
    ("9f 6b  81 0f 41 11 11 11 11 11 11 11 d2 51 21 01 00 00 0f ",) * 2,
    ("9f  6b  0f  41 11 11 11 11 11 11 11  d2 51 21 01 00 00 0f 9f",
     "9f  6b  0f  ** ** ** ** ** ** ** **  ** ** ** ** ** ** ** 9f"),
    ("57" + "  13  41" + 7 * "  11" + "  d2  51  21  01" + 7 * "  11" + " ",) * 2,
    ("5A 08 41 11 11 11 11 11 11 11 9F", "5A 08 ** ** ** ** ** ** ** ** 9F"),
    (f"5713{VISA}D251220112345678901234 9F", "5713" + "*" * 38 + " 9F"),
    (f"9F6B13{VISA}D251220112345678901234 9F", "9F6B13" + "*" * 38 + " 9F"),
    ("9f 6b 08 41 11 11 11 11 11 11 11 ", "9f 6b 08 41 11 11 11 11 11 11 11 "),
    ("9f 6b 0f 41 11 11 11 11 11 11 11 d2 51 21 01 00 00 0f 9f", "9f 6b 0f" + 15 * " **" + " 9f"),
    (f"0200723800010881800016{VISA}000000000000123412051530",
     f"0200723800010881800016{MASKED}000000000000123412051530"),
    *((f"{kind}{bitmap}16{VISA}000000000000123412051530", f"{kind}{bitmap}16{MASKED}000000000000123412051530")
      for kind, bitmap in (("1240", "7238000108818000"), ("1442", "F23800010881800000000000000000FF"),
                           ("0100", "r8\0\x01\b1\x20\0"), ("0200", "x123456\n"), ("1240", "C2220000"),
                           ("0220", "\u00ff3456789012345a"), ("0100", "\u00c3" + "\0" * 14))),
    (f"0100\x3f234567816{VISA}000000", f"0100\x3f234567816{VISA}000000"),
    (f"0800x123456716{VISA}000000", f"0800x123456716{VISA}000000"),
    # overlaps: the number of 19 digits hides what the one of 16 shows
    ("4111 1111 1111 1111 110 x", "4111 11** **** ***1 110 x"),
    # not cards
    *((text, text) for text in (
        "411111******1111", "4111111111111112", "41111111111111111111", "0.4111111111111111",
        "blk_-4111111111111111", "imei=378282246310005", "+6221234567894",
        "4111111111111111abcdef0123456789abcdef01", f"{'a' * 56}{VISA}{'b' * 56}", f"{VISA}{'a' * 112}",
        "676770000005d2512101aabbccddeeff01234567 ",
        "ab676770000005d2512101aabbccddeeff012345", "1700000000000",
        "550e8400-e29b-41d4-a716-676770000000", "DE89370400440532013000", "GB29NWBK60161331926819",
        "cvv=12345", "shipping=1234", "spin: 1234", "pin=123", "8 4096 4194304 62914560 1",
        # figures in a table, in a list, bytes, counters
        "r  b  s\n1  2   3 4  5 6  7 8  1 2  3 4  5 6\n2  2   3 4  5 6  7 8  1 2  3 4  5 6\n",
        "1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 8\n601 1 1 1  1 1 1 1   1 1 1 1 1 7 9\n",
        "  601 1 1 1  1 1 1 1   1 1 1 1 1 7", "601 1 1 1  1 1 1 1   1 1 1 1 1 7    3",
        # ranges, times with a number behind them, rows of a table, other floating-point numbers
        "bytes 41111111-11111111/99999999", "1706343383-69374", "1751115251606-71", "41111-111111-11111",
        "1 1 0 1 0 0 0 0 0 1 1 0 1 0 1\n", "1 2 3 4 1 1 1 1 1 1 1 1 1 1 1 1\n4" + " 1" * 15 + "\n",
        "4.111111111111111E14 4.111111111111111E16 4.111111111111111E155 4.111111111111111 E15",
        "1.4.111111111111111E15", "4.111111111111111E", "4.111111111111111Ex",
        "x*.4111111111111111", "-.4111111111111111,.4111111111111111", "From=%2B622587013913&",
        "\\u002B622587013913", '"ean":"4222222222222"', "arn:aws:iam::676770000005:role/x",
        "x-trace-id: 4111111111111111",
        "12,4,111,111,111,111,111", "4,111,111,111,111,111,1", "4,398,046,511,104 bytes",
        "4111,1111,1111,1111",
        "x=C2=A04111", "C:\\20261128214545126 ", "\\2234111111111111111 ", "\\U0001f4b34111111111111112",
        "[500,502,503,504]", "123,170,000,005,114", "0.0004111111111111111",
        "00000000000000004111111111111111",
        "12400000000000000123", "144111111111111111",
    )),
]  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.fixture(scope="module")
def modern() -> Engine:
    return Engine.load(Profile.MODERN)


@pytest.mark.parametrize(("text", "masked"), CASES)
def test_case(engine: Engine, text: str, masked: str) -> None:
    data = text.encode()
    assert cut_everywhere(engine.stream, data)[0].decode() == masked


@pytest.mark.parametrize(("text", "masked"), CASES)
def test_case_in_profile_modern(modern: Engine, text: str, masked: str) -> None:
    """The same of codes, tracks and every notation; numbers of twelve digits are left alone."""
    expected = text if TWELVE in text else masked
    assert cut_everywhere(modern.stream, text.encode())[0].decode() == expected


@pytest.mark.parametrize("profile", Profile)
def test_cases_of_the_table(profile: Profile) -> None:
    """Those that the table of keys carries, cut everywhere."""
    engine = Engine.load(profile)
    cases = yaml.safe_load(TABLE.read_text())
    for case in cases["positive"]:
        assert cut_everywhere(engine.stream, case["text"].encode())[0].decode() == case["masked"]
    for text in cases["negative"]:
        assert cut_everywhere(engine.stream, text.encode()) == (text.encode(), [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("text", [f"n {VISA}{VISA}.", f"n {VISA}1111", f"n 1{VISA}."])
def test_part_of_a_longer_run_in_wide_encodings(engine: Engine, encoding: str, text: str) -> None:
    """Tables of small numbers in programs look so."""
    data = text.encode(encoding)
    assert cut_everywhere(engine.stream, data) == (data, [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize(
    "text", [f"n {VISA}.", "n 4111 1111 1111 1111.", "n 4111\u20111111\u20111111\u20111111."]
)
def test_wide_encodings(engine: Engine, encoding: str, text: str) -> None:
    data = text.encode(encoding)
    out, _ = cut_everywhere(engine.stream, data)
    assert out.decode(encoding).count("*") == 6
    assert len(out) == len(data)
