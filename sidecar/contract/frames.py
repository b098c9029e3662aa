"""Frames: the payloads of a session in sequence, each chained to the one before by SHA-256."""

import hashlib
import struct

import msgspec

from sidecar.contract.errors import CallerError

DIGEST_BYTES = 32


class Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One event's payload, its number from 0 and the chain's digest after it."""

    sequence: int
    digest: bytes
    payload: bytes


class Chain:
    """The running hash chain of one session, at the recorder and again at the collector.

    ``digest(0) = SHA-256("chaperone.dev/session/v1" 00 session)`` before any frame, then
    ``SHA-256(previous digest, sequence as 8 bytes little-endian, payload)``.
    """

    def __init__(self, session: str, *, sequence: int = 0, digest: bytes | None = None) -> None:
        self.session = session
        self.next_sequence = sequence
        self.digest = digest or hashlib.sha256(b"chaperone.dev/session/v1\0" + session.encode()).digest()

    def append(self, payload: bytes) -> Frame:
        """Give the next frame and advance."""
        frame = Frame(self.next_sequence, self._after(payload), payload)
        self._advance(frame)
        return frame

    def accept(self, frame: Frame) -> None:
        """Advance over a received frame. Raises CallerError when it does not follow, and stays."""
        if frame.sequence != self.next_sequence:
            raise CallerError(
                f"session {self.session}: expected frame {self.next_sequence}, received {frame.sequence}"
            )
        if frame.digest != self._after(frame.payload):
            raise CallerError(f"session {self.session}: the hash chain breaks at frame {frame.sequence}")
        self._advance(frame)

    def _after(self, payload: bytes) -> bytes:
        digest = hashlib.sha256(self.digest)
        digest.update(struct.pack("<Q", self.next_sequence))
        digest.update(payload)
        return digest.digest()

    def _advance(self, frame: Frame) -> None:
        self.digest = frame.digest
        self.next_sequence += 1
