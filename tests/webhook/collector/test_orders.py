"""Orders to end sessions reach the connection that holds the recorder, now or later; findings are told of."""

from dataclasses import dataclass, field
from hashlib import sha256

import msgspec
from intake_desk import CLOCK, Desk
from recorded import Authority, Made
from store_samples import make_record

from sidecar.contract.events import Channel, Found
from sidecar.contract.identifiers import session_id
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import Acknowledged, Kill
from webhook.collector.finding_alerts import FindingAlerts
from webhook.collector.operations import Append, Outcome
from webhook.collector.orders import Orders
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.events import Outcome as Came
from webhook.journal.making import Maker, Stamp
from webhook.store.sqlite.store import SqliteStore

MAKER = Maker(
    origin="collector-1",
    namespace="chaperone-system",
    account="chaperone-collector",
    clock=lambda: CLOCK,
    randomness=bytes,
)


def order(session: str, reason: str = "not now", *, by: str = "alice", at: int = CLOCK) -> AuditEvent:
    return AuditEvent(
        id=session_id(at // 10**6, sha256(f"{session}{reason}".encode()).digest()[:10]),
        at=at,
        kind=Kind.SESSION_KILLED,
        outcome=Came.SUCCESS,
        actor=Identity(by),
        origin="collector-1",
        reason=reason,
        session=session,
    )


@dataclass
class Told:
    """What the connections were told."""

    orders: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __call__(self, session: str, line: str) -> None:
        self.orders.append((session, line))


def test_an_order_is_told_once_and_the_first_counts() -> None:
    told = Told()
    orders = Orders(told)
    orders.take([order("s1"), order("s1", "again", by="bob"), MAKER.started()])
    orders.take([order("s1")])
    assert told.orders == [("s1", "alice ended this session: not now")]
    assert orders.line("s1") == told.orders[0][1]
    assert orders.line("s2") is None


def test_another_replica_finds_the_order_in_the_store(store: SqliteStore) -> None:
    told = Told()
    orders = Orders(told)
    assert orders.read(store, CLOCK) == []
    store.record([order("s1", at=CLOCK - 5)], received_at=CLOCK)
    orders.take(orders.read(store, CLOCK + 10))
    orders.take(orders.read(store, CLOCK + 20))
    assert [session for session, _ in told.orders] == ["s1"]


def test_a_process_that_starts_knows_the_orders_of_before(store: SqliteStore) -> None:
    store.record([order("s1", at=CLOCK - 3600 * 10**9)], received_at=CLOCK)
    orders = Orders(Told())
    orders.take(orders.read(store, CLOCK))
    assert orders.line("s1") is not None


def begun(desk: Desk, authority: Authority) -> Made:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start())
    return made


def test_a_recorder_is_told_at_once_and_again_when_it_comes_back(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    desk.intake.kill(made.session, "alice ended this")
    desk.intake.kill("01hzzzzzzzzzzzzzzzzzzzzzzz", "nothing of this recorder")
    assert desk.say() == [Kill(made.session, "alice ended this")]
    back = Desk(desk.store, authority.trust).greet()
    back.orders[made.session] = "alice ended this"
    assert back.open(made) == [Acknowledged(made.session, 1), Kill(made.session, "alice ended this")]


def test_a_session_that_has_ended_is_not_ended_again(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    desk.send(made, made.end())
    desk.intake.kill(made.session, "late")
    assert desk.say() == []
    back = Desk(desk.store, authority.trust).greet()
    back.orders[made.session] = "late"
    assert back.open(made) == [Acknowledged(made.session, 2)]


RECORDS = [make_record(number) for number in range(3)]


class Alerts:
    """Told of findings."""

    def __init__(self) -> None:
        self.records = RECORDS
        self.events: list[AuditEvent] = []
        self.watcher = FindingAlerts(self.events.extend, lambda: Stamp("", CLOCK, "collector-1"))

    def stored(self, session: int, **findings: int) -> None:
        found = {name: count for name, count in findings.items() if count}
        record = msgspec.structs.replace(self.records[session], findings=found)
        self.watcher.look([Outcome(Append(record, (), ()))])


def test_findings_are_told_once_for_each_power_of_ten() -> None:
    alerts = Alerts()
    for count in (0, 1, 2, 9, 10, 11, 150, 151, 4096):
        alerts.stored(1, pan=count)
    assert [event.details["findings"] for event in alerts.events] == ["1", "10", "150", "4096"]
    assert len({event.id for event in alerts.events}) == 4
    alerts.stored(2, pan=3, cvv=5)
    assert alerts.events[-1].details == {"findings": "8", "by rule": "cvv 5, pan 3"}


def test_the_same_findings_are_the_same_event_in_another_process() -> None:
    one, two = Alerts(), Alerts()
    one.stored(1, pan=12)
    two.stored(1, pan=15)
    assert one.events[0].id == two.events[0].id


def test_what_a_recorder_names_rules_is_bounded(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    many = [made.frame(Found(1, Channel.STDOUT, f"r{n}", "b" * 400, 0, 1)) for n in range(100)]
    desk.send(made, *many)
    alerts = Alerts()
    alerts.watcher.look([Outcome(Append(desk.record(made), (), ()))])
    assert len(alerts.events[0].details["by rule"]) < 4000
