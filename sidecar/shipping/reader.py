"""The shipper's side of the spool: whole frames in order, and forgetting what is acknowledged."""

from collections.abc import Container, Iterator
from pathlib import Path

from sidecar.contract.errors import ClusterError
from sidecar.contract.frames import Frame
from sidecar.shipping.layout import SESSIONS, ended_before, is_quiet, is_refused, read_grant, remove
from sidecar.shipping.records import MAX_RECORD_BYTES, SEGMENT_SUFFIX, RecordDecoder, segment_name


class MissingFramesError(ClusterError):
    """Frames are asked for that were acknowledged once and are forgotten."""


class SessionReader:
    """Reads one session's frames while another process may still write them."""

    def __init__(self, directory: Path, grant: str) -> None:
        self.session = directory.name
        self.grant = grant
        self._directory = directory
        self._decoder = RecordDecoder()
        self._segments: list[int] = []
        self._offset = 0
        self._next_sequence = 0

    def seek(self, sequence: int) -> None:
        """Continue reading at a frame. Raises MissingFramesError when it is forgotten."""
        starts = sorted(int(path.stem) for path in self._directory.glob("*" + SEGMENT_SUFFIX))
        if starts and starts[0] > sequence:
            raise MissingFramesError(
                f"session {self.session}: frames from {sequence} are asked for, the first left is {starts[0]}"
            )
        self._segments = [start for start in starts if start <= sequence]
        self._offset = 0
        self._next_sequence = sequence

    def read(self) -> tuple[Frame, ...]:
        """Give the next frames, together at most MAX_RECORD_BYTES; none when all that is whole was read."""
        while True:
            frames = self._read_segment()
            wanted = tuple(frame for frame in frames if frame.sequence >= self._next_sequence)
            if wanted:
                self._next_sequence = wanted[-1].sequence + 1
                return wanted
            if not frames and not self._turn_page():
                return ()

    def forget(self, next_sequence: int) -> None:
        """Delete the segments before the one that holds the frame before this number."""
        while len(self._segments) > 1 and self._segments[1] < next_sequence:
            (self._directory / segment_name(self._segments.pop(0))).unlink()

    def complete(self, next_sequence: int) -> bool:
        """Tell whether the record ends before this number."""
        end = ended_before(self._directory)
        return end is not None and end <= next_sequence

    @property
    def ended(self) -> bool:
        """Whether the record is complete in the spool."""
        return ended_before(self._directory) is not None

    @property
    def needs_connection(self) -> bool:
        """Whether the connection has to stay: the session goes on, and its end may be ordered."""
        return not self.ended and not is_quiet(self._directory)

    def remove(self) -> None:
        """Remove the session's directory."""
        remove(self._directory)

    @property
    def directory(self) -> Path:
        """Where the session lies."""
        return self._directory

    def _read_segment(self) -> list[Frame]:
        if not self._segments:
            return []
        path = self._directory / segment_name(self._segments[-1])
        if path.stat().st_size <= self._offset:
            return []
        with path.open("rb", buffering=0) as segment:
            segment.seek(self._offset)
            data = segment.read(MAX_RECORD_BYTES)
        found = list(self._decoder.whole(data))
        self._offset += found[-1][1] if found else 0
        return [frame for frame, _ in found]

    def _turn_page(self) -> bool:
        """Go to the next segment when there is one; its name is the number after the last frame read."""
        following = self._next_sequence
        if following in self._segments or not (self._directory / segment_name(following)).exists():
            return False
        self._segments.append(following)
        self._offset = 0
        return True


def sessions(root: Path, *, known: Container[str]) -> Iterator[SessionReader]:
    """Give the sessions below a spool's root that are not known yet and not refused."""
    directory = root / SESSIONS
    if not directory.exists():
        return
    for path in sorted(directory.iterdir()):
        if path.name not in known and not is_refused(path):
            grant = read_grant(path)
            if grant is not None:
                yield SessionReader(path, grant)
