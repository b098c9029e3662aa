"""What only looks like a card: values as they are written where they occur, and why some pass for a card."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Lookalike:
    """One kind of value."""

    make: Callable[[random.Random], str]
    reason: str
    """Why a part of them is masked; empty where none may be."""


def check_digit(body: str) -> str:
    """``body`` with its check digit behind it (ISO/IEC 7812-1, annex B; IMEIs use the same)."""
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def digits(rng: random.Random, count: int) -> str:
    """Random digits."""
    return f"{rng.randrange(10**count):0{count}d}"


def _imei(rng: random.Random) -> str:
    reporting_body = rng.choice(["01", "35", "86", "99", "45", "91", "98"])
    return check_digit(reporting_body + digits(rng, 12))


def _iban(rng: random.Random) -> str:
    country, length = rng.choice(
        [("DE", 22), ("BE", 16), ("FR", 27), ("NO", 15), ("ES", 24), ("AT", 20), ("PL", 28)]
    )
    body = digits(rng, length - 4)
    number = int(body + "".join(str(int(letter, 36)) for letter in country) + "00")
    whole = f"{country}{98 - number % 97:02d}{body}"
    return whole if rng.random() < 0.5 else " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def _phone(rng: random.Random) -> str:
    area, exchange, line = rng.randint(200, 999), rng.randint(200, 999), digits(rng, 4)
    international = f"+{rng.choice([1, 33, 44, 49, 62, 86])} {area} {exchange} {line}"
    plain = f"+{rng.choice([49, 62, 86])}{area}{exchange}{line}{rng.randint(0, 99)}"
    return rng.choice([international, plain, f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}"])


def _ean(rng: random.Random) -> str:
    body = digits(rng, 12)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-total % 10)


def _compact_time(rng: random.Random) -> str:
    date = f"20{rng.randrange(10, 30)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    time = f"{rng.randrange(24):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}"
    return date + time + digits(rng, rng.choice([0, 3, 5]))


def _snowflake(rng: random.Random) -> str:
    """64 bits: milliseconds since 2015, worker, counter."""
    return str((rng.randrange(10**9, 380 * 10**9) << 22) | rng.getrandbits(22))


def _range(rng: random.Random) -> str:
    """Of a file of a hundred megabytes, as HTTP has it."""
    first = rng.randrange(10**7, 9 * 10**7)
    return f"bytes {first}-{first + rng.randrange(10**7)}/100000000"


NOTHING_FITS = ""
CHANCE = "brand, length and check digit fit by chance; nothing else tells it from a card"
LOOKALIKES: dict[str, Lookalike] = {
    "IMEI": Lookalike(_imei, NOTHING_FITS),
    "UUID": Lookalike(lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)), NOTHING_FITS),
    "epoch ms in JSON": Lookalike(lambda rng: f'{{"ts":{rng.randrange(10**12, 2 * 10**12)}}}', NOTHING_FITS),
    "git hash": Lookalike(lambda rng: f"{rng.getrandbits(160):040x}", NOTHING_FITS),
    "HDFS block id": Lookalike(lambda rng: f"blk_{rng.choice(['', '-'])}{rng.getrandbits(63)}", NOTHING_FITS),
    "phone number": Lookalike(_phone, NOTHING_FITS),
    "IBAN": Lookalike(_iban, NOTHING_FITS),
    "epoch µs and ns": Lookalike(
        lambda rng: str(rng.randrange(10**15, 2 * 10**15)) + rng.choice(["", digits(rng, 3)]),
        "16 digits from 1946 on are GPN's: microseconds of September 2031",
    ),
    "time without marks": Lookalike(_compact_time, "2200 to 2720 are Mir and Mastercard, no year of ours"),
    "float in JSON": Lookalike(lambda rng: f'{{"x":{rng.random()}}}', NOTHING_FITS),
    "SHA-256": Lookalike(
        lambda rng: f"{rng.getrandbits(256):064x}",
        "two in a million hold a whole EMV value or track in their hex",
    ),
    "RSA modulus (512 hex)": Lookalike(
        lambda rng: f"{rng.getrandbits(2048) | 1 << 2047:0512x}",
        "longer than any digest, so data in hex: 12 to 19 digits in a row pass for a card by chance",
    ),
    "short container id": Lookalike(
        lambda rng: f"{rng.getrandbits(48):012x}", f"all 12 are digits (1 in 281), Maestro: {CHANCE}"
    ),
    "object id (24 hex)": Lookalike(
        lambda rng: f"{rng.randrange(5 * 10**8, 19 * 10**8):08x}{rng.getrandbits(64):016x}",
        "one in a million has the form of a track: number, d, expiry, service code",
    ),
    "IPv4 and port": Lookalike(
        lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)) + f":{rng.randrange(65536)}",
        NOTHING_FITS,
    ),
    "latitude, longitude": Lookalike(
        lambda rng: f"{rng.uniform(-90, 90):.14f},{rng.uniform(-180, 180):.14f}", NOTHING_FITS
    ),
    "AWS account in an ARN": Lookalike(lambda rng: f"arn:aws:iam::{digits(rng, 12)}:role/app", NOTHING_FITS),
    "range of bytes": Lookalike(_range, NOTHING_FITS),
    "Redis stream id": Lookalike(
        lambda rng: f"{rng.randrange(10**12, 2 * 10**12)}-{rng.randrange(1000)}", NOTHING_FITS
    ),
    "epoch and process": Lookalike(
        lambda rng: f"job-{rng.randrange(10**9, 2 * 10**9)}-{rng.randrange(2, 2**22)}.tmp", NOTHING_FITS
    ),
    "fraction without a zero": Lookalike(lambda rng: f"x*.{digits(rng, 16)}", NOTHING_FITS),
    "EAN-13": Lookalike(_ean, f"13 digits, Visa and Maestro: {CHANCE}"),
    "snowflake id": Lookalike(_snowflake, f"17 to 19 digits: {CHANCE}"),
    "random 64-bit number": Lookalike(lambda rng: str(rng.getrandbits(63)), CHANCE),
    "16 random digits": Lookalike(lambda rng: digits(rng, 16), CHANCE),
    "15 digits with check digit": Lookalike(
        lambda rng: check_digit(digits(rng, 14)), "brand and length fit: Amex, JCB, UATP, Maestro, UnionPay"
    ),
}
