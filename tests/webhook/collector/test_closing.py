"""Sessions of recorders that never come back are closed, sealed and told; of others go on."""

from pathlib import Path

import pytest
from intake_desk import CLOCK, Desk
from ledger_desk import Desk as LedgerDesk
from recorded import POD, Authority, Made

from sidecar.contract.errors import ClusterError
from sidecar.contract.events import End, Ending
from sidecar.contract.sealing import Identity
from sidecar.contract.wire import Acknowledged, Refused
from webhook.collector.closing import GONE_NS, SECOND, Closing, Lost, closing, is_closed, telling
from webhook.collector.operations import Outcome, Record, perform
from webhook.journal.events import Kind
from webhook.ledger.entries import SignedManifest
from webhook.ledger.manifest import Manifest
from webhook.store.contract import Phase, Query, Store
from webhook.store.sqlite.store import SqliteStore

SILENT_S = 900


class Place:
    """A clock, a cluster and what looks for silent recorders."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = CLOCK
        self.troubled_at = 0
        self.pods = {POD.uid}
        self.unreachable = False
        self.closing = Closing(
            store,
            self,
            silent_seconds=SILENT_S,
            unix_ns=lambda: self.now,
            troubled_at=lambda: self.troubled_at,
        )

    def exists(self, namespace: str, name: str, uid: str) -> bool:
        if self.unreachable:
            raise ClusterError("the API server cannot be reached")
        assert (namespace, name) == (POD.namespace, POD.pod)
        return uid in self.pods

    def after(self, seconds: float) -> list[Lost]:
        self.now += int(seconds * SECOND)
        return self.closing.look()

    def close(self, lost: Lost) -> list[Outcome]:
        return perform(self.store, closing(lost), lambda: self.now)


@pytest.fixture
def place(store: SqliteStore) -> Place:
    return Place(store)


def begun(desk: Desk, authority: Authority) -> Made:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start(), made.out(b"half a li"))
    return made


def test_a_session_whose_pod_is_gone_is_closed_soon(desk: Desk, place: Place, authority: Authority) -> None:
    made = begun(desk, authority)
    assert place.after(GONE_NS / SECOND + 1) == []
    place.pods.clear()
    [lost] = place.after(1)
    assert lost.reason == "its pod is gone, and its recorder has not shipped the end"
    assert is_closed(place.close(lost)[-1].kept)
    record = desk.record(made)
    assert (record.phase, record.how, record.ended_at, record.next_sequence) == (
        Phase.INTERRUPTED,
        Ending.LOST,
        None,
        2,
    )
    assert len(place.store.search(Query(text='"half a li"'))) == 1
    assert place.after(1) == []


def test_a_pod_of_the_same_name_is_another_one(desk: Desk, place: Place, authority: Authority) -> None:
    begun(desk, authority)
    place.pods = {"of-the-next-pod"}
    assert len(place.after(GONE_NS / SECOND + 1)) == 1


def test_a_silent_recorder_is_lost_only_after_the_time_set(
    desk: Desk, place: Place, authority: Authority
) -> None:
    begun(desk, authority)
    assert place.after(SILENT_S - 1) == []
    [lost] = place.after(3)
    assert lost.reason == f"nothing was heard of its recorder for {SILENT_S + 1} s"


def test_a_connected_recorder_is_not_silent_though_nothing_happens(
    desk: Desk, place: Place, authority: Authority
) -> None:
    made = begun(desk, authority)
    for _ in range(5):
        place.now += 600 * SECOND
        desk.intake.beat()
        operations = desk.intake.take_operations()
        desk.intake.apply(perform(desk.store, operations, lambda: place.now))
        assert desk.intake.take_answers() == []
        assert place.after(100) == []
    assert desk.send(made, made.end()) == [Acknowledged(made.session, 3)]


def test_who_could_not_be_heard_was_not_silent(desk: Desk, place: Place, authority: Authority) -> None:
    begun(desk, authority)
    place.unreachable = True
    with pytest.raises(ClusterError):
        place.after(SILENT_S + 1)
    place.unreachable = False
    assert place.after(SILENT_S - 1) == []
    place.troubled_at = place.now
    assert place.after(SILENT_S - 1) == []
    assert len(place.after(2)) == 1


def test_frames_that_came_meanwhile_win(desk: Desk, place: Place, authority: Authority) -> None:
    made = begun(desk, authority)
    [lost] = place.after(SILENT_S + 1)
    desk.send(made, made.out(b"ne\n"))
    assert not is_closed(place.close(lost)[-1].kept)
    assert desk.record(made).phase is Phase.ACTIVE


def test_the_event_is_the_same_whoever_makes_it(desk: Desk, place: Place, authority: Authority) -> None:
    begun(desk, authority)
    [lost] = place.after(SILENT_S + 1)
    one = telling(lost, by=Identity("chaperone"), origin="collector-1", at=1)
    two = telling(lost, by=Identity("chaperone"), origin="collector-2", at=2)
    [fresh, again] = perform(place.store, [Record((one,)), Record((two,))], lambda: place.now)
    [event] = fresh.fresh
    assert again.fresh == ()
    assert (event.kind, event.session, event.requester) == (Kind.SESSION_LOST, lost.record.session, "agent")
    assert event.details["frames"] == "2"


def manifests(ledger: LedgerDesk) -> list[Manifest]:
    return [value.manifest for value in ledger.values() if isinstance(value, SignedManifest)]


def test_a_recorder_that_comes_back_goes_on_and_both_manifests_hold(
    tmp_path: Path, authority: Authority
) -> None:
    ledger = LedgerDesk(tmp_path / "store.db")
    desk, place = Desk(ledger.store, authority.trust).greet(), Place(ledger.store)
    made = begun(desk, authority)
    [lost] = place.after(SILENT_S + 1)
    place.close(lost)
    ledger.sealing.seal()
    [first] = manifests(ledger)
    assert (first.frames, first.how, first.phase) == (2, "lost", "Interrupted")
    assert [(gap.after, gap.reason) for gap in first.gaps] == [(1, first.reason)]
    back = Desk(ledger.store, authority.trust).greet()
    back.now = place.now + SECOND
    assert back.open(made) == [Acknowledged(made.session, 2)]
    assert (back.record(made).phase, back.record(made).how) == (Phase.ACTIVE, None)
    assert back.send(made, made.out(b"ne\n"), made.end()) == [Acknowledged(made.session, 4)]
    for _ in range(2):
        ledger.sealing.seal()
        ledger.restart()
        ledger.sealing.seal()
    first_again, second = manifests(ledger)
    assert first_again == first
    assert (second.number, second.before, second.frames, second.how) == (2, 2, 4, "exited")
    assert second.gaps == ()
    ledger.checkpoints.give_out()
    ledger.verify()
    ledger.store.close()


def test_a_recorder_cannot_say_that_it_is_lost(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    [answer] = [a for a in desk.send(made, made.frame(End(3, Ending.LOST))) if isinstance(a, Refused)]
    assert "impossible value" in answer.reason


def test_a_record_that_is_not_believed_stays_closed(desk: Desk, authority: Authority) -> None:
    made = begun(desk, authority)
    desk.send(made, made.chain.append(b"no event"))
    again = Desk(desk.store, authority.trust).greet()
    [answer] = again.open(made)
    assert isinstance(answer, Refused)
    assert "was closed before" in answer.reason


def test_of_a_quiet_program_only_the_end_of_its_pod_is_waited_for(
    desk: Desk, place: Place, authority: Authority
) -> None:
    made = authority.own_program()
    desk.open(made)
    desk.send(made, made.start())
    assert place.after(100 * SILENT_S) == []
    place.pods.clear()
    [lost] = place.after(1)
    assert lost.reason == "its pod is gone, and its recorder has not shipped the end"
