"""Closing the records of sessions whose process died, so that they can be shipped as interrupted."""

from pathlib import Path

from sidecar.contract.events import End, Ending, encode_event
from sidecar.processes.log import log
from sidecar.processes.reporting import report_death
from sidecar.settings import Settings
from sidecar.shipping.quarantine import anything_to_ship
from sidecar.shipping.recovery import Abandoned, recover
from sidecar.shipping.waking import Waker

REASON = "the recorder died; what it had delivered is recorded"


def close_interrupted(settings: Settings, wake: int) -> None:
    """Close every abandoned record and wake the shipper if anything waits."""
    spool = Path(settings.spool)
    for abandoned in recover(spool):
        _close(abandoned)
        report_death(spool, abandoned.session, REASON)
        log(f"session {abandoned.session} was interrupted")
    if anything_to_ship(spool):
        Waker(wake).wake()


def _close(abandoned: Abandoned) -> None:
    end = End(abandoned.last_at, Ending.INTERRUPTED, REASON)
    abandoned.writer.append(abandoned.chain.append(encode_event(end)))
    abandoned.writer.close(ended=True)
