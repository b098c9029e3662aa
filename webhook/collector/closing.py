"""Sessions whose recorder is gone for good are closed, and the gap is stated.

A recorder that died is followed by another one in its pod, which closes what is open. Where none follows,
because pod or node are gone, nobody would. So whoever is silent is looked for: a living recorder keeps its
connection as long as a session lives, and the collector that holds it touches the session's record now and
then. Where nothing but the run of a container's own program is recorded, silence says nothing: that recorder
connects when there is something to tell.

Every collector may do this at once: the same closing is the same write and the same audit event. Whoever
was taken for lost and comes back goes on where the record stands; the ledger then has a further manifest.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from sidecar.contract.errors import ClusterError
from sidecar.contract.events import Ending
from sidecar.contract.identifiers import RANDOM_BYTES, session_id
from sidecar.contract.sealing import Identity
from webhook.collector.finding_alerts import pod_of
from webhook.collector.operations import Append, Lookup, Operation
from webhook.collector.passages import Passages
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.contract import Phase, Query, SessionRecord, Store

_log = logging.getLogger(__name__)
SECOND: Final = 1_000_000_000
BEAT_SECONDS: Final = 60.0
"""How often the record of a session whose recorder is connected is touched."""
GONE_NS: Final = 150 * SECOND
"""A session of a pod that does not exist any more is closed when nothing came for so long."""
LOOK_SECONDS: Final = 30.0
_PAGE: Final = 500
_NS_PER_MS: Final = 1_000_000


class Pods(Protocol):
    """Knows the cluster's pods."""

    def exists(self, namespace: str, name: str, uid: str) -> bool:
        """Tell whether this very pod is there. Blocks. Raises ClusterError."""
        ...


@dataclass(frozen=True)
class Lost:
    """A session to close, as its record was, and why."""

    record: SessionRecord
    reason: str


class Closing:
    """Finds sessions to close. Methods block."""

    def __init__(
        self,
        store: Store,
        pods: Pods,
        *,
        silent_seconds: float,
        unix_ns: Callable[[], int],
        troubled_at: Callable[[], int],
    ) -> None:
        """A session is taken for lost after ``silent_seconds`` without a sign of its recorder.

        ``troubled_at`` gives when the store last refused a write, Unix nanoseconds: whoever could not be
        heard was not silent.
        """
        self._store = store
        self._pods = pods
        self._silent_ns = int(silent_seconds * SECOND)
        self._unix_ns = unix_ns
        self._troubled_at = troubled_at
        self._listening_since = unix_ns()

    def look(self) -> list[Lost]:
        """Give the sessions to close now. Raises ClusterError, after which silence is counted from now on."""
        try:
            return [lost for record in self._active() if (lost := self._judge(record)) is not None]
        except ClusterError:
            self._listening_since = self._unix_ns()
            raise

    def _active(self) -> Iterator[SessionRecord]:
        before: str | None = None
        while True:
            page = self._store.sessions(Query(phase=Phase.ACTIVE, limit=_PAGE, before=before))
            yield from page
            if len(page) < _PAGE:
                return
            before = page[-1].session

    def _judge(self, record: SessionRecord) -> Lost | None:
        now = self._unix_ns()
        silent = now - max(record.updated_at, self._listening_since, self._troubled_at())
        if silent < min(GONE_NS, self._silent_ns):
            return None
        if not self._pods.exists(record.namespace, record.pod, record.pod_uid):
            return Lost(record, "its pod is gone, and its recorder has not shipped the end")
        if silent < self._silent_ns or not record.content:
            return None
        since = (now - record.updated_at) // SECOND
        return Lost(record, f"nothing was heard of its recorder for {since} s")


def closing(lost: Lost) -> list[Operation]:
    """Give what closes a session, and looks whether that took effect: more frames may have come."""
    record = lost.record
    closed = msgspec.structs.replace(
        record,
        phase=Phase.INTERRUPTED,
        how=Ending.LOST,
        reason=f"{lost.reason}; what came until then is recorded",
    )
    passages = Passages(record.session, record.unfinished).finish()
    return [Append(closed, (), tuple(passages)), Lookup(record.session)]


def is_closed(kept: SessionRecord | None) -> bool:
    """Tell whether a session is closed as lost."""
    return kept is not None and kept.how is Ending.LOST


def telling(lost: Lost, *, by: Identity, origin: str, at: int) -> AuditEvent:
    """Give the audit event of a closing, the same whichever collector makes it."""
    record = lost.record
    same = hashlib.sha256(f"lost\0{record.session}\0{record.next_sequence}".encode()).digest()[:RANDOM_BYTES]
    return AuditEvent(
        id=session_id(record.updated_at // _NS_PER_MS, same),
        at=at,
        origin=origin,
        kind=Kind.SESSION_LOST,
        outcome=Outcome.FAILURE,
        actor=by,
        where=pod_of(record),
        asked=f"session of {record.identity.username} in pod {record.namespace}/{record.pod}",
        argv=record.argv,
        reason=lost.reason,
        requester=record.identity.username,
        session=record.session,
        details={"frames": str(record.next_sequence), "node": record.node},
    )
