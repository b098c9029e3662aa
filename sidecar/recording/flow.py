"""One channel of a session between its source and its sink: masked, counted and held back."""

from collections.abc import Callable
from typing import Final

from sidecar.contract.events import MAX_DATA_BYTES, Channel, Data, Event, Found
from sidecar.recording.masker import Finding, Masker, Resizable

LOW_WATER_BYTES: Final = 64 * 1024
"""A source is read again once its sink has at most this much left to take."""
PIPE_BYTES: Final = 1024 * 1024
"""No pipe or terminal holds more for an unprivileged user (pipe(7), pipe-max-size)."""


class Flow:
    """State of one channel. Times are nanoseconds since the session started."""

    def __init__(self, channel: Channel, new_masker: Callable[[], Masker]) -> None:
        self.channel = channel
        self.source_open = True
        self.sink_open = True
        self.backlog = 0
        """Bytes given for delivery that the sink has not taken."""
        self.total = 0
        """Recorded bytes given for delivery altogether."""
        self.after_exit = 0
        """Bytes received since the main program ended."""
        self.quiet_since = 0
        """Since when the source could have been heard and said nothing."""
        self.resting_until = 0
        self._new_masker: Callable[[], Masker] | None = new_masker
        self._masker: Masker | None = None
        self._columns = 0
        self._counted = 0
        """Bytes that sessions before this one have counted."""

    def begin_again(self) -> None:
        """From here on another session counts, and its times begin with zero."""
        self._counted += self.total
        self.total = 0
        self.quiet_since = self.resting_until = 0

    @property
    def congested(self) -> bool:
        """Whether the sink has to take something before the source is read again."""
        return self.backlog > LOW_WATER_BYTES

    def mask(self, data: bytes) -> bytes:
        """Give what may be shown now. The masker is made for the first bytes: many channels carry none."""
        if self._masker is None and self._new_masker is not None:
            self._masker = self._new_masker()
            self.resize(self._columns)
        return self._masker.feed(data) if self._masker else b""

    def resize(self, columns: int) -> None:
        """The terminal is this wide from now on."""
        self._columns = columns
        if isinstance(self._masker, Resizable):
            self._masker.resize(columns)

    def take_findings(self) -> list[Finding]:
        """Give the findings since the last call."""
        return list(self._masker.take_findings()) if self._masker else []

    def flush(self) -> tuple[bytes, list[Finding]]:
        """Give what was held, and its findings; from now on nothing passes."""
        masker = self._masker
        self.distrust()
        return (masker.close(), list(masker.take_findings())) if masker else (b"", [])

    def distrust(self) -> None:
        """Never call the masker again: what it holds stays unknown."""
        self._masker = self._new_masker = None

    def deliver(self, count: int) -> None:
        """Count bytes given for delivery."""
        self.backlog += count
        self.total += count

    def delivered(self, at: int, count: int) -> None:
        """Count bytes the sink took."""
        was_congested = self.congested
        self.backlog -= count
        if was_congested and not self.congested:
            self.quiet_since = at

    def data_events(self, at: int, masked: bytes) -> list[Event]:
        """Give the record of masked bytes."""
        if len(masked) <= MAX_DATA_BYTES:
            return [Data(at, self.channel, masked)] if masked else []
        starts = range(0, len(masked), MAX_DATA_BYTES)
        return [Data(at, self.channel, masked[start : start + MAX_DATA_BYTES]) for start in starts]

    def found_event(self, at: int, finding: Finding) -> Found:
        """Give the record of a finding."""
        offset = max(0, finding.offset - self._counted)
        return Found(at, self.channel, finding.rule, finding.brand, offset, finding.length)
