"""One recorder's connection: its messages in, store operations and answers out. No I/O.

A round is: :meth:`Intake.receive` as often as messages are there, :meth:`Intake.take_operations`, have
them done, :meth:`Intake.apply` what came of them, :meth:`Intake.take_answers`. So many messages become
few operations, and nothing is acknowledged before it is durable.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from sidecar.contract.identifiers import RANDOM_BYTES, is_session_id, session_id
from sidecar.contract.wire import (
    ApprovalDecided,
    ApprovalWanted,
    Deferred,
    Frames,
    FromCollector,
    Hello,
    Kill,
    Notice,
    NoticeAcknowledged,
    NoticeKind,
    Open,
    Refused,
    Welcome,
    decode_from_recorder,
)
from webhook.approvals.programs import WaitingProgram
from webhook.collector.lane import Lane
from webhook.collector.operations import Append, Compare, Lookup, Note, Operation, Outcome, Say
from webhook.collector.proving import NotReadyError, PodIdentity, Trust, UnbelievedError, prove
from webhook.store.contract import PodNotice, SessionRecord

MAX_SESSIONS: Final = 4096
"""Most sessions open on one connection, and most refused before it is closed."""
MAX_NOTICE_BYTES: Final = 128 * 1024
_MAX_TIME: Final = 1 << 62
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Violation:
    """Why a connection is closed: the recorder does not keep to the protocol."""

    reason: str


class Intake:
    """Judges what one authenticated recorder sends."""

    def __init__(
        self,
        pod: PodIdentity,
        *,
        trust: Callable[[], Trust],
        unix_ns: Callable[[], int],
        order: Callable[[str], str | None] = lambda _: None,
        ask: Callable[[WaitingProgram], ApprovalDecided | None] = lambda _: None,
    ) -> None:
        """``order`` gives the line for the client of a session that is to be ended, None for another.

        ``ask`` has people asked about a program, or gives why that cannot be.
        """
        self.pod = pod
        self._ask = ask
        self._order = order
        self._trust = trust
        self._unix_ns = unix_ns
        self._clock_skew: int | None = None
        self._retired = False
        self._lanes: dict[str, Lane] = {}
        self._refused: set[str] = set()
        self._touched: set[str] = set()
        self._operations: list[Operation] = []
        self._answers: list[FromCollector] = []
        self.violation: Violation | None = None
        """Set once the connection must be closed; nothing is taken after it."""

    def receive(self, data: bytes) -> None:
        """Take one message."""
        if self.violation is not None or self._retired:
            return
        try:
            self._dispatch(data)
        except CallerError as error:
            self.violate(str(error))

    def violate(self, reason: str) -> None:
        """Note that the recorder does not keep to the protocol, and take no more from it."""
        self.violation = Violation(reason)
        self._note_refusal("", reason)

    def retire(self) -> None:
        """Take no more messages, and ask for nothing more."""
        self._retired = True
        self._lanes.clear()
        self._operations.clear()

    def beat(self) -> None:
        """Say in the records of open sessions that their recorder is connected."""
        for session, lane in self._lanes.items():
            lane.beat()
            self._touched.add(session)

    def kill(self, session: str, reason: str) -> None:
        """Have a session ended, if this recorder has it open."""
        if self.has_open(session):
            self._operations.append(Say(Kill(session, reason)))

    def has_open(self, session: str) -> bool:
        """Tell whether a session goes on, on this connection."""
        lane = self._lanes.get(session)
        return lane is not None and lane.ready and not lane.over

    def tell(self, decided: ApprovalDecided) -> None:
        """Have a recorder told what became of an approval, if it has the session open."""
        if self.has_open(decided.session):
            self._operations.append(Say(decided))

    def take_operations(self) -> list[Operation]:
        """Give what to do in the store, in this order; what became of it goes to :meth:`apply`."""
        operations = [
            operation
            for session in self._touched
            if session in self._lanes
            for operation in self._lanes[session].take_operations()
        ]
        operations += self._operations
        self._operations = []
        self._touched.clear()
        return operations

    def apply(self, outcomes: Sequence[Outcome]) -> None:
        """Take what became of operations. It may lead to more of them."""
        for outcome in outcomes:
            match outcome.operation:
                case Lookup(session):
                    self._looked_up(session, outcome.kept)
                case Append(record) if record.how is not None:
                    self._lanes.pop(record.session, None)
                case Compare(session) if not outcome.same:
                    self._refuse(session, "frames differ from those sent before under the same numbers")
                case Say(answer):
                    self._answers.append(answer)
                case _:
                    continue

    def take_answers(self) -> list[FromCollector]:
        """Give the messages to send now."""
        answers, self._answers = self._answers, []
        return answers

    def _dispatch(self, data: bytes) -> None:
        message = decode_from_recorder(data)
        if self._clock_skew is None and not isinstance(message, Hello):
            raise CallerError("a recorder says hello first")
        match message:
            case Hello(_, clock):
                self._greet(clock)
            case Open():
                self._open(message)
            case Frames(session, frames):
                self._take(session, frames)
            case ApprovalWanted():
                self._want(message)
            case Notice():
                if len(data) > MAX_NOTICE_BYTES:
                    raise CallerError(f"a notice is larger than {MAX_NOTICE_BYTES} bytes")
                self._notice(message)

    def _greet(self, clock: int) -> None:
        if self._clock_skew is not None or not 0 <= clock < _MAX_TIME:
            raise CallerError("a recorder says hello once, with its clock")
        now = self._unix_ns()
        self._clock_skew = clock - now
        self._answers.append(Welcome(now))

    def _open(self, message: Open) -> None:
        session = message.session
        if not is_session_id(session):
            raise CallerError("a session is opened whose id is none")
        if len(self._lanes) >= MAX_SESSIONS:
            raise CallerError("too many sessions are open on one connection")
        former = self._lanes.pop(session, None)
        if former is not None:
            self._operations += former.take_operations()
        try:
            proven = prove(message, self.pod, self._trust())
        except UnbelievedError as error:
            self._refuse(session, str(error))
        except NotReadyError as error:
            self._answers.append(Deferred(session, str(error)))
        else:
            self._lanes[session] = Lane(proven, clock_skew=self._clock_skew or 0)
            self._operations.append(Lookup(session))

    def _take(self, session: str, frames: tuple[Frame, ...]) -> None:
        if session in self._refused:
            return
        if not is_session_id(session):
            raise CallerError("frames came for a session whose id is none")
        lane = self._lanes.get(session)
        if lane is None or not lane.ready:
            self._refuse(session, "frames came for a session that is not open")
            return
        self._touched.add(session)
        try:
            lane.accept(frames)
        except CallerError as error:
            self._refuse(session, str(error))

    def _want(self, wanted: ApprovalWanted) -> None:
        """Have people asked about a program; where its session is not open, nobody is."""
        if not self.has_open(wanted.session):
            return
        try:
            refusal = self._ask(self._lanes[wanted.session].waiting_program(wanted))
        except CallerError as error:
            self._refuse(wanted.session, str(error))
        else:
            if refusal is not None:
                self._answers.append(refusal)

    def _notice(self, notice: Notice) -> None:
        if not is_session_id(notice.id) or not 0 <= notice.at < _MAX_TIME:
            raise CallerError("a notice has an impossible id or time")
        self._note(notice)
        self._operations.append(Say(NoticeAcknowledged(notice.id)))

    def _looked_up(self, session: str, kept: SessionRecord | None) -> None:
        lane = self._lanes.get(session)
        if lane is None:
            return
        try:
            lane.resume(kept)
        except UnbelievedError as error:
            self._refuse(session, str(error))
        else:
            self._touched.add(session)
            if (reason := self._order(session)) is not None:
                self.kill(session, reason)

    def _refuse(self, session: str, reason: str) -> None:
        if session in self._refused:
            return
        if len(self._refused) >= MAX_SESSIONS:
            self.violate("too many sessions are refused on one connection")
            return
        self._refused.add(session)
        lane = self._lanes.pop(session, None)
        if lane is not None:
            lane.mark_unbelieved(reason)
            self._operations += lane.take_operations()
        self._note_refusal(session, reason)
        self._operations.append(Say(Refused(session, reason)))

    def _note_refusal(self, session: str, reason: str) -> None:
        """Keep a notice of its own; the same reason again within the hour is the same notice."""
        now = self._unix_ns()
        hour = now // 1_000_000 // _HOUR_MS * _HOUR_MS
        same = hashlib.sha256(f"{self.pod.uid}\0{session}\0{reason}".encode()).digest()[:RANDOM_BYTES]
        kind = NoticeKind.RECORD_REFUSED
        self._note(Notice(session_id(hour, same), now, kind, session=session, reason=reason))

    def _note(self, notice: Notice) -> None:
        pod = self.pod
        self._operations.append(Note(PodNotice(pod.namespace, pod.pod, pod.uid, self._unix_ns(), notice)))
