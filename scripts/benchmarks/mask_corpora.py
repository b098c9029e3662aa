"""What the masking benchmark reads: generated, the same in every run."""

import base64
import io
import json
import random
import tarfile
import uuid
from collections.abc import Callable

WORDS = [
    *(
        "session",
        "opened",
        "for",
        "user",
        "root",
        "by",
        "uid",
        "reading",
        "configuration",
        "from",
        "payments",
    ),
    *(
        "service",
        "at",
        "connection",
        "closed",
        "after",
        "timeout",
        "200",
        "ms",
        "ok",
        "error",
        "retry",
        "3",
        "of",
    ),
    *("5", "version", "1.2.3", "12:30:45", "pid", "4711", "the", "quick", "brown", "fox"),
]


def text(size: int) -> bytes:
    """Log-like prose."""
    rng = random.Random(1)
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(6, 14))))
        length += len(lines[-1]) + 1
    return "\n".join(lines).encode()[:size]


def json_logs(size: int) -> bytes:
    """Structured logs, full of numbers."""
    rng = random.Random(2)
    lines: list[bytes] = []
    length = 0
    while length < size:
        event = {
            "ts": 1_700_000_000_000 + rng.randrange(10**9),
            "level": rng.choice(["info", "warn"]),
            "trace": f"{rng.getrandbits(128):032x}",
            "dur_ms": round(rng.random() * 100, 3),
            "user": rng.randrange(10**6),
            "ratio": rng.random(),
            "ip": ".".join(str(rng.randrange(255)) for _ in range(4)),
            "at": f"2026-01-{rng.randint(1, 28):02d}T12:30:45.{rng.randrange(10**6):06d}Z",
            "msg": "request done",
        }
        lines.append(json.dumps(event).encode())
        length += len(lines[-1]) + 1
    return b"\n".join(lines)[:size]


def ansi(size: int) -> bytes:
    """Coloured terminal output."""
    rng = random.Random(3)
    words = [f"\x1b[{rng.randint(30, 37)}m{rng.choice(WORDS)}\x1b[0m" for _ in range(size // 10)]
    return " ".join(words).encode()[:size]


def dense(size: int) -> bytes:
    """Digits in groups of every length."""
    rng = random.Random(4)
    return " ".join(str(rng.randrange(10 ** rng.randint(1, 19))) for _ in range(size // 8)).encode()[:size]


def encoded(size: int) -> bytes:
    """base64 in lines."""
    return base64.encodebytes(random.Random(5).randbytes(size))[:size]


def archive(size: int) -> bytes:
    """A tar of text and binary files."""
    rng = random.Random(6)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(size // 65536 + 1):
            content = text(32768) + rng.randbytes(32768)
            entry = tarfile.TarInfo(f"file{number}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()[:size]


CORPORA: dict[str, Callable[[int], bytes]] = {
    "text": text, "json": json_logs, "ansi": ansi, "dense": dense, "base64": encoded, "tar": archive,
}  # fmt: skip


def _luhn(digits: str) -> str:
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def _imei(rng: random.Random) -> str:
    body = rng.choice(["01", "35", "86", "99", "45", "91", "98"])
    return _luhn(body + "".join(str(rng.randrange(10)) for _ in range(12)))


def _iban(rng: random.Random) -> str:
    country, length = rng.choice([("DE", 22), ("BE", 16), ("FR", 27), ("NO", 15), ("ES", 24), ("AT", 20)])
    body = "".join(str(rng.randrange(10)) for _ in range(length - 4))
    number = int(body + "".join(str(int(letter, 36)) for letter in country) + "00")
    whole = f"{country}{98 - number % 97:02d}{body}"
    return whole if rng.random() < 0.5 else " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def _phone(rng: random.Random) -> str:
    area, exchange, line = rng.randint(200, 999), rng.randint(200, 999), rng.randint(0, 9999)
    international = f"+{rng.choice([1, 33, 44, 49, 62, 86])} {area} {exchange} {line:04d}"
    plain = f"+{rng.choice([49, 62, 86])}{area}{exchange}{line:04d}{rng.randint(0, 99)}"
    return rng.choice(
        [international, plain, f"({area}) {exchange}-{line:04d}", f"{area}-{exchange}-{line:04d}"]
    )


LOOKALIKES: dict[str, Callable[[random.Random], str]] = {
    "IMEI": _imei,
    "UUID": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "epoch ms in JSON": lambda rng: f'{{"ts":{rng.randrange(10**12, 2 * 10**12)}}}',
    "git hash": lambda rng: f"{rng.getrandbits(160):040x}",
    "HDFS block id": lambda rng: f"blk_{rng.choice(['', '-'])}{rng.getrandbits(63)}",
    "phone number": _phone,
    "IBAN": _iban,
    "float in JSON": lambda rng: f'{{"x":{rng.random()}}}',
    "random 64-bit number": lambda rng: str(rng.getrandbits(63)),
}
