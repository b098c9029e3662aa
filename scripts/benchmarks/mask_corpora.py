"""What the masking benchmark reads: generated, the same in every run."""

import base64
import io
import json
import random
import tarfile
from collections.abc import Callable
from urllib.parse import quote

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


def _prose_beyond_ascii(size: int) -> str:
    """Common characters of Chinese in lines."""
    rng = random.Random(7)
    return "".join("\n" if rng.random() < 0.05 else chr(rng.randint(0x4E00, 0x5000)) for _ in range(size))


def escaped(size: int) -> bytes:
    """JSON as encoders write it that keep to ASCII."""
    return json.dumps(_prose_beyond_ascii(size // 6 + 1)).encode()[:size]


def quoted(size: int) -> bytes:
    """The same text in a URL."""
    return quote(_prose_beyond_ascii(size // 8 + 1)).encode()[:size]


def found(size: int) -> bytes:
    """Log-like prose with a card number and a code every five kilobytes."""
    line = b"\npaid with 4111 1111 1111 1111, cvv=123\n"
    prose = text(size)
    return b"".join(prose[at : at + 5000] + line for at in range(0, size, 5000))[:size]


def _repeated(piece: bytes) -> Callable[[int], bytes]:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


# Against the engine: nothing but digits, nothing but escapes, both in turn, and numbers that begin everywhere
# and come to nothing, in hex and with gaps that several bytes make.
ADVERSARIAL: dict[str, Callable[[int], bytes]] = {
    "digits": _repeated(b"4111"), "escapes": _repeated(b"\x1b[31m"), "turns": _repeated(b"4\x1b[m1 "),
    "hex": _repeated(b"34 "), "hex, colons": _repeated(b"34:"), "hex, \\x": _repeated(b"\\x34"),
    "hex, xxd": _repeated(b"3434 "), "hex in rows": _repeated(b"34 34 34 34 34 34\n"),
    "soft breaks": _repeated(b"4=\n"), "invisible": _repeated("4\u200b".encode()), "%20": _repeated(b"4%20"),
    "single": _repeated(b"4 "), "cards": _repeated(b"4111111111111111 "),
    "dashes": _repeated(b"4929-"), "floats": _repeated(b"4.1111111111111 "), "keys": _repeated(b"cvv: 1 "),
}  # fmt: skip
CORPORA: dict[str, Callable[[int], bytes]] = {
    "text": text, "json": json_logs, "ansi": ansi, "dense": dense, "base64": encoded, "tar": archive,
    "escaped": escaped, "quoted": quoted, "found": found, **ADVERSARIAL,
}  # fmt: skip
