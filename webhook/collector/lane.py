"""One session on one connection: checks each frame against the last and gathers what to store. Pure."""

import msgspec

from sidecar.contract.events import Data, End, Ending, Event, Program, SessionStart, decode_event
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.wire import Acknowledged, ApprovalWanted
from webhook.approvals.programs import WaitingProgram, decode_approval
from webhook.collector.folding import begin, check, check_wanted, fold
from webhook.collector.operations import Append, Compare, Operation, Say
from webhook.collector.passages import Passages, program_passage
from webhook.collector.proving import Proven, UnbelievedError, check_start
from webhook.store.contract import SEARCHED_BYTES, SEARCHED_PROGRAMS, Passage, Phase, SessionRecord


class Lane:
    """Takes a session's frames, from wherever the store stands."""

    def __init__(self, proven: Proven, *, clock_skew: int) -> None:
        self._proven = proven
        self._clock_skew = clock_skew
        self.session = proven.grant.session
        self.ready = False
        """Whether the store has said where it stands."""
        self._chain = Chain(self.session)
        self._record: SessionRecord | None = None
        self._new: SessionRecord | None = None
        self._passages = Passages(self.session, ())
        self._changed = False
        self._frames: list[Frame] = []
        self._texts: list[Passage] = []
        self._repeated: list[Compare] = []
        self._acknowledged = -1
        self._asked_from = -1
        self._gap = False

    def waiting_program(self, wanted: ApprovalWanted) -> WaitingProgram:
        """Give a program that waits for people. Raises CallerError where no rule of the grant wants that."""
        check_wanted(wanted)
        grant, sealed = self._proven.grant, self._proven.sealed
        rule = next((rule for rule in grant.commands if rule.rule == wanted.rule and rule.approve), None)
        terms = sealed.approvals.get(wanted.rule)
        if rule is None or terms is None:
            raise UnbelievedError("an approval is wanted that no rule of the session asks for")
        return WaitingProgram(wanted, grant, sealed.identity, rule, decode_approval(terms))

    @property
    def over(self) -> bool:
        """Whether the session's end was taken."""
        return self._record is not None and self._record.how is not None

    def resume(self, kept: SessionRecord | None) -> None:
        """Continue where the store stands. Raises UnbelievedError when it keeps another session."""
        if kept is not None:
            self._continue(kept)
        self.ready = True

    def accept(self, frames: tuple[Frame, ...]) -> None:
        """Take frames. What was taken before is compared and not taken again; before a gap it stops.

        Raises CallerError when a frame is not believed; those before it are taken.
        """
        _check_consecutive(frames)
        repeated = tuple(frame for frame in frames if frame.sequence < self._chain.next_sequence)
        if repeated:
            self._repeated.append(Compare(self.session, repeated))
        for frame in frames[len(repeated) :]:
            if frame.sequence > self._chain.next_sequence:
                self._gap = True
                return
            self._take(frame)

    def mark_unbelieved(self, reason: str) -> None:
        """Say in the session's record that its rest is not believed."""
        if self._record is not None and not self.over:
            self._record = msgspec.structs.replace(self._record, phase=Phase.INTERRUPTED, reason=reason)
            self._changed = True

    def beat(self) -> None:
        """Say in the session's record that its recorder is there, though nothing happens."""
        if self.ready and self._record is not None and not self.over:
            self._changed = True

    def take_operations(self) -> list[Operation]:
        """Give what to do in the store and then to say, once."""
        operations: list[Operation] = []
        if not self.ready:
            return operations
        if self._record is not None and self._changed:
            operations.append(self._append(self._record))
        operations += self._repeated
        self._repeated = []
        if self._answer_due():
            self._acknowledged = self._chain.next_sequence
            operations.append(Say(Acknowledged(self.session, self._acknowledged)))
        return operations

    def _continue(self, kept: SessionRecord) -> None:
        if (kept.pod_uid, kept.grant_digest) != (self._proven.grant.pod_uid, self._proven.digest):
            raise UnbelievedError("the session is known under another grant")
        if kept.next_sequence == 0:
            return  # it was made, and nothing could be appended since
        if kept.phase is Phase.INTERRUPTED and kept.how is None:
            raise UnbelievedError(f"the session was closed before: {kept.reason}")
        self._record = _taken_up_again(kept) if kept.how is Ending.LOST else kept
        self._changed = kept.how is Ending.LOST
        self._chain = Chain(self.session, sequence=kept.next_sequence, digest=kept.digest)
        self._passages = Passages(self.session, kept.unfinished)

    def _append(self, known: SessionRecord) -> Append:
        record = msgspec.structs.replace(
            known,
            next_sequence=self._chain.next_sequence,
            digest=self._chain.digest,
            unfinished=self._passages.unfinished,
        )
        append = Append(record, tuple(self._frames), tuple(self._texts), new=self._new)
        self._frames, self._texts, self._new, self._changed = [], [], None, False
        return append

    def _answer_due(self) -> bool:
        """Tell whether the recorder must hear where it stands: news, or a gap it has not heard of."""
        expected = self._chain.next_sequence
        asks = self._gap and self._asked_from != expected
        if asks:
            self._asked_from = expected
        self._gap = False
        return asks or expected != self._acknowledged

    def _take(self, frame: Frame) -> None:
        event = decode_event(frame.payload)
        check(event)
        record = self._follow(event)
        self._chain.accept(frame)
        self._record = record
        self._changed = True
        self._frames.append(frame)
        if isinstance(event, Data) and record.channel_bytes(event.channel) <= SEARCHED_BYTES:
            self._texts += self._passages.feed(frame.sequence, event)
        elif isinstance(event, Program) and _is_searched(event, record):
            self._texts.append(program_passage(self.session, frame.sequence, event))
        elif isinstance(event, End):
            self._texts += self._passages.finish()

    def _follow(self, event: Event) -> SessionRecord:
        if self._record is not None:
            return fold(self._record, event)
        if not isinstance(event, SessionStart):
            raise UnbelievedError("the session does not begin with its start")
        check_start(event, self._proven)
        self._new = begin(event, self._proven.sealed, clock_skew=self._clock_skew)
        return self._new


def _taken_up_again(lost: SessionRecord) -> SessionRecord:
    """Give the record of a session whose recorder has come back: what it ships late is not lost."""
    return msgspec.structs.replace(lost, phase=Phase.ACTIVE, how=None, reason="")


def _is_searched(program: Program, record: SessionRecord) -> bool:
    """Tell whether a program is worth a passage: the session's own command line is found without."""
    return record.programs <= SEARCHED_PROGRAMS and program.argv != record.argv


def _check_consecutive(frames: tuple[Frame, ...]) -> None:
    if any(frame.sequence != frames[0].sequence + offset for offset, frame in enumerate(frames)):
        raise UnbelievedError("the frames of a message are not consecutive")
    if frames and frames[0].sequence < 0:
        raise UnbelievedError("a frame has a negative number")
