"""Why sessions are ended from outside, and what people are told about it."""

import signal
from typing import Final

from sidecar.contract.events import MAX_PROGRAM_EVENTS, Channel, End, Ending
from sidecar.contract.grants import Limits
from sidecar.recording.streams import Streams

MUTING: Final = frozenset(
    {
        Ending.CLIENT_GONE,
        Ending.TOO_MUCH,
        Ending.TOO_MANY_FINDINGS,
        Ending.SPOOL_FULL,
        Ending.KILLED,
        Ending.RECORDER_FAILED,
    }
)
"""After these nothing more of the program's output is read."""


RECORD_REFUSED: Final = "the collector refuses to record this session, so it was ended"
_REASONS: Final = {
    Ending.CLIENT_GONE: "the client is gone",
    Ending.IDLE: "nothing was typed or shown for {limits.idle_seconds} s",
    Ending.TOO_LONG: "the limit of {limits.total_seconds} s is reached",
    Ending.TOO_MUCH: "the limit of {limits.output_bytes} bytes of output is reached",
    Ending.TOO_MANY_FINDINGS: "card data was found {limits.findings} times, which is the limit",
    Ending.TOO_MANY_PROGRAMS: f"{MAX_PROGRAM_EVENTS:,} programs were started, as many as are recorded",
    Ending.SPOOL_FULL: "the recorder's spool is full and the collector does not take it",
    Ending.RECORDER_STOPPED: "the recorder is stopping",
    Ending.RECORDER_FAILED: "the recorder failed and nothing runs here unrecorded",
}


def signal_for(*, tty: bool) -> int:
    """Give the signal that asks the program to end: what it would get from a terminal that went away."""
    return signal.SIGHUP if tty else signal.SIGTERM


def reason_for(how: Ending, limits: Limits) -> str:
    """Give the line shown to the client and kept in the record."""
    return _REASONS[how].format(limits=limits) + ", so this session was ended"


def end_event(at: int, ending: tuple[Ending, str] | None, streams: Streams, programs: int) -> End:
    """Give the last event of a session; ``ending`` is None where its main program ended by itself."""
    how, reason = ending or (Ending.EXITED, "")
    return End(
        at,
        how,
        reason,
        stdin_bytes=streams.totals.get(Channel.STDIN, 0),
        stdout_bytes=streams.totals.get(Channel.STDOUT, 0),
        stderr_bytes=streams.totals.get(Channel.STDERR, 0),
        findings=dict(streams.findings),
        programs=programs,
    )
