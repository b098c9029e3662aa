"""Closing the records of sessions whose process died, so that they can be shipped as interrupted."""

from pathlib import Path

from sidecar.contract.events import End, Ending, encode_event
from sidecar.processes.log import log
from sidecar.settings import Settings
from sidecar.shipping.layout import NOTICES, SESSIONS
from sidecar.shipping.recovery import Abandoned, recover
from sidecar.shipping.waking import Waker

REASON = "the recorder died; what it had delivered is recorded"


def close_interrupted(settings: Settings, wake: int) -> int:
    """Close every abandoned record and wake the shipper if anything waits; give an exit code."""
    spool = Path(settings.spool)
    for abandoned in recover(spool):
        _close(abandoned)
        log(f"session {abandoned.session} was interrupted")
    if any(_holds_something(spool / name) for name in (SESSIONS, NOTICES)):
        Waker(wake).wake()
    return 0


def _close(abandoned: Abandoned) -> None:
    end = End(abandoned.last_at, Ending.INTERRUPTED, REASON)
    abandoned.writer.append(abandoned.chain.append(encode_event(end)))
    abandoned.writer.close(ended=True)


def _holds_something(directory: Path) -> bool:
    return directory.exists() and any(directory.iterdir())
