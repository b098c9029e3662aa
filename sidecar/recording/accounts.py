"""What the record of a container's own program says: with content as of any session, or how much there was.

A program may run for months, and find card data in each line of its log. So not every finding is an event:
the first ones are, and from time to time, and at the end, all of them are counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sidecar.contract.events import MAX_OWN_FOUND_EVENTS, Channel, End, Ending, Event, Tally
from sidecar.recording.deadlines import SECOND
from sidecar.recording.flow import Flow
from sidecar.recording.masker import Finding

TALLY_EVERY: Final = 600 * SECOND
"""Findings that are no events of their own are told of at most so late."""


class Accounts:
    """Counts what came and went. Times are nanoseconds since the start."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        self._flows = flows
        self._findings: Counter[str] = Counter()
        self._tally_at: int | None = None

    def begin_again(self) -> None:
        """Count for the next session."""
        self._findings.clear()
        self._tally_at = None
        for flow in self._flows:
            flow.begin_again()

    @property
    def total(self) -> int:
        """How many bytes came and went."""
        return sum(self._sizes())

    @property
    def deadline(self) -> int | None:
        """When a tally is due; None while there is nothing to tell."""
        return self._tally_at

    def found(self, at: int, flow: Flow, findings: Sequence[Finding]) -> list[Event]:
        """Count findings, and give the events of the first ones."""
        events: list[Event] = []
        for finding in findings:
            if self._findings.total() < MAX_OWN_FOUND_EVENTS:
                events.append(flow.found_event(at, finding))
            elif self._tally_at is None:
                self._tally_at = at + TALLY_EVERY
            self._findings[f"{finding.rule}/{finding.brand}"] += 1
        return events

    def tally(self, at: int) -> list[Event]:
        """Give the tally, if it is due."""
        if self._tally_at is None or at < self._tally_at:
            return []
        self._tally_at = None
        sizes = self._sizes()
        return [Tally(at, *sizes, findings=dict(self._findings))]

    def end(self, at: int, how: Ending, reason: str) -> End:
        """Give the last event."""
        stdin, stdout, stderr = self._sizes()
        return End(
            at,
            how,
            reason,
            stdin_bytes=stdin,
            stdout_bytes=stdout,
            stderr_bytes=stderr,
            findings=dict(self._findings),
        )

    def _sizes(self) -> tuple[int, int, int]:
        totals = {flow.channel: flow.total for flow in self._flows}
        return tuple(totals.get(channel, 0) for channel in Channel)  # pyright: ignore[reportReturnType]
