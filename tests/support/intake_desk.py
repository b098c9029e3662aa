"""One recorder's connection over the embedded store, without a network."""

from recorded import NOW, POD, Made

from sidecar.contract.frames import Frame
from sidecar.contract.wire import (
    ApprovalDecided,
    Frames,
    FromCollector,
    FromRecorder,
    Hello,
    NoticeKind,
    Open,
    Welcome,
    encode,
)
from webhook.approvals.programs import WaitingProgram
from webhook.collector.changes import Stamps
from webhook.collector.intake import Intake
from webhook.collector.operations import perform
from webhook.collector.proving import PodIdentity, Trust
from webhook.store.contract import SessionRecord, Store

CLOCK = NOW * 10**9
OTHER_POD = PodIdentity("payments", "db-0", "11111111-8a5e-4f3c-9b1e-0d6f8c1f2a3b")


class Desk:
    """One connection and the store behind it."""

    def __init__(self, store: Store, trust: Trust, pod: PodIdentity = POD) -> None:
        self.store = store
        self.orders: dict[str, str] = {}
        self.asked: list[WaitingProgram] = []
        self.refusal: ApprovalDecided | None = None
        self.intake = Intake(
            pod, trust=lambda: trust, unix_ns=lambda: CLOCK, order=self.orders.get, ask=self._ask
        )
        self.now = CLOCK
        self._stamps = Stamps(lambda: self.now)

    def say(self, *messages: FromRecorder | bytes) -> list[FromCollector]:
        """Send messages that arrive together; give the answers."""
        for message in messages:
            self.intake.receive(message if isinstance(message, bytes) else encode(message))
        while operations := self.intake.take_operations():
            self.intake.apply(perform(self.store, operations, self._stamps))
        return self.intake.take_answers()

    def _ask(self, program: WaitingProgram) -> ApprovalDecided | None:
        self.asked.append(program)
        return self.refusal

    def greet(self) -> "Desk":
        assert self.say(Hello("0.1.0", CLOCK + 5)) == [Welcome(CLOCK)]
        return self

    def open(self, made: Made) -> list[FromCollector]:
        return self.say(Open(made.session, made.token))

    def send(self, made: Made, *frames: Frame) -> list[FromCollector]:
        return self.say(Frames(made.session, frames))

    def record(self, made: Made) -> SessionRecord:
        found = self.store.session(made.session)
        assert found is not None
        return found

    def refusals(self) -> list[tuple[str, str]]:
        notices = self.store.notices(namespace=None, since=None, limit=100)
        assert all(kept.notice.kind is NoticeKind.RECORD_REFUSED for kept in notices)
        return sorted((kept.notice.session, kept.notice.reason) for kept in notices)
