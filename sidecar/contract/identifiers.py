"""Session identifiers: ULIDs in lower case, so that they sort by time and are valid Kubernetes names."""

from collections.abc import Callable
from typing import Final

from sidecar.contract.errors import CallerError

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH: Final = 26
RANDOM_BYTES: Final = 10
_NS_PER_MS: Final = 1_000_000


def session_id(unix_ms: int, randomness: bytes) -> str:
    """Give the 26-character id for a moment (milliseconds since 1970) and 10 random bytes.

    Source: https://github.com/ulid/spec, with Crockford's base32 in lower case.
    """
    if len(randomness) != RANDOM_BYTES or not 0 <= unix_ms < 1 << 48:
        raise CallerError("a session id needs a 48-bit time and 10 random bytes")
    number = unix_ms << 80 | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def fresh_id(now: int, randomness: Callable[[int], bytes]) -> str:
    """Give an id that nothing else has, for now (Unix nanoseconds); ``randomness`` gives so many bytes."""
    return session_id(now // _NS_PER_MS, randomness(RANDOM_BYTES))


def program_approval(session: str, program: int, turn: int) -> str:
    """Give the name of the approval request for one program of a session.

    ``program`` counts the session's programs from 1, ``turn`` what is asked about this one.
    """
    return f"program-{session}-{program}-{turn}"


def is_session_id(text: str) -> bool:
    """Tell whether a text could have come from :func:`session_id`."""
    return len(text) == _LENGTH and text[0] in "01234567" and all(c in _ALPHABET for c in text)
