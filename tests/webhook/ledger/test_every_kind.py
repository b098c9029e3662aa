"""Whatever there is a kind for is in the ledger after it has happened, by the parts that tell of it."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from approval_doors import BOB, Cluster, verdict
from approvals import SOURCE, after
from audit_client import BASE, ApiServer
from audit_server import Served, serve
from canary_samples import mark, sent
from httpish import Asgi
from ledger_desk import ROOT, ROOTS
from ledger_desk import Desk as LedgerDesk
from ledger_samples import ledger_key
from policy_samples import BUILTIN, Object, policy, rule
from recorded import POD, Authority
from reviews import body, exec_door, injected, plain_pod
from store_samples import T0, Growing, make_notice, make_record, start_payload
from told import event
from web_hook import hook

from sidecar.contract.sealing import Identity
from sidecar.contract.wire import Hello, NoticeKind, Open, encode
from webhook.approvals import sweeping
from webhook.audit_api.killing import KillOrder
from webhook.collector.changes import Changes
from webhook.collector.doubt import Doubt
from webhook.collector.event_sealing import EventSealing
from webhook.collector.exporting import FileTarget
from webhook.collector.finding_alerts import FindingAlerts
from webhook.collector.incidents import notice_event
from webhook.collector.intake import Intake
from webhook.collector.operations import Append
from webhook.collector.proving import PodIdentity
from webhook.collector.retention import Retention, Terms, months_before
from webhook.collector.route import Collector
from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.entries import KINDS, kind_of
from webhook.policy.active import ActivePolicies
from webhook.server.delivery import OwnDelivery
from webhook.server.doors import doors_app
from webhook.server.journaling import Journaling
from webhook.server.ledger_keeping import LedgerKeeping
from webhook.server.noting import AnswerNotes
from webhook.server.observing import CollectorObservers
from webhook.server.policy_telling import PolicyTelling
from webhook.server.retention_keeping import RetentionKeeping
from webhook.server.session_keeping import SessionKeeping
from webhook.server.tasks import Tasks
from webhook.server.telling import Telling
from webhook.settings import read_settings
from webhook.store.contract import Phase, SessionRecord

pytestmark = pytest.mark.anyio
YEAR_LATER = months_before(T0, -13)


class Nothing:
    """Knows no recorder, and no pod."""

    def review(self, token: str) -> PodIdentity:
        raise NotImplementedError(token)

    def exists(self, namespace: str, name: str, uid: str) -> bool:
        return False


class World:
    """The parts of a collector over an embedded store with a ledger, and a journal as each role has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = LedgerDesk(folder / "store.db")
        self.desk.keys.append(ledger_key(ROOT, since=0, until=1 << 40))
        self.store = self.desk.store
        self.settings = read_settings(
            {
                "CHAPERONE_JOURNAL": str(folder / "journal"),
                "CHAPERONE_RECEIVERS": str(folder / "receivers"),
            }
        )
        self.journaling = Journaling(self.settings, "chaperone-collector")
        self.authority = Authority()
        journal, maker = self.journaling.journal, self.journaling.maker
        self.collector = Collector(
            self.store,
            Nothing(),
            lambda: self.authority.trust,
            Changes(),
            alerts=FindingAlerts(self.journaling.note_all, maker.stamp),
            incident=lambda kept: journal.shown(notice_event(kept)),
        )
        self.telling = Telling(self.collector.recording, maker, journal.shown)
        self.sessions = SessionKeeping(
            self.store, self.collector, Nothing(), maker, shown=journal.shown, lost_after_seconds=0
        )
        self.failed: list[str] = []
        self.tasks = Tasks(on_failure=lambda: self.failed.append("failed"))
        self._is_started = False

    def start(self) -> None:
        """Ship the journal from now on, as a role that starts does."""
        if not self._is_started:
            self.journaling.start(self.tasks, OwnDelivery(self.collector.recording), role="collector")
            self._is_started = True

    async def entered(self, is_it: Callable[[AuditEvent], bool]) -> AuditEvent:
        """Give the newest such event of the ledger, once it is there; the ledger holds."""
        self.start()
        with anyio.fail_after(30):
            while not (found := [one for one in self._told() if is_it(one)]):  # noqa: ASYNC110  of a store
                await anyio.sleep(0.05)
        self.desk.checkpoints.give_out()
        self.desk.verify()
        return found[-1]

    def _told(self) -> list[AuditEvent]:
        EventSealing(self.store, self.desk.book, unix_ns=lambda: self.desk.now).seal()
        return [value for value in self.desk.values() if isinstance(value, AuditEvent)]

    def session(self, **changes: Any) -> SessionRecord:
        """Keep a session."""
        growing = Growing(self.store.create(make_record()))
        record, frames = growing.grow(start_payload(growing.record), **changes)
        self.store.append(record, frames, [])
        return record

    @contextmanager
    def api(self, **parts: Any) -> Generator[tuple[ApiServer, Served]]:
        """Serve the aggregated API, asked by an auditor."""
        with serve(self.store, self.folder, **parts) as served:
            yield ApiServer(served, served.proxy), served

    async def close(self) -> None:
        await self.tasks.stop()
        self.collector.close()
        self.journaling.close()
        self.store.close()
        assert not self.failed


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.close()


async def decided(world: World) -> None:
    notes = AnswerNotes(world.journaling.journal, world.journaling.maker, audit_mode=False)
    app = Asgi(doors_app({"exec": exec_door(await injected(plain_pod()))}, lambda: None, notes=notes))
    status, _ = await app.post("/v1/exec", body({"command": ["sh"]}, operation="CONNECT", subresource="exec"))
    assert status == 200


def approval(*said: tuple[Object, Object], used: bool = False) -> "Happening":
    """Ask for an approval of a pod, let people write verdicts, and create the pod if it is ``used``."""

    async def happen(world: World) -> None:
        glass = rule("audit", name="emergency", breakGlass=True, match={"groups": ["agents"]})
        cluster = Cluster(rule("approve", match={"doors": ["pod"], "privileged": True}), glass)
        wanted = plain_pod(hostNetwork=True)
        assert not (await cluster.create(wanted))["allowed"]
        for words, user in said:
            await cluster.write(words, user)
        if used:
            assert (await cluster.create(wanted))["allowed"]
        world.journaling.note_all(cluster.journal.events)

    return happen


def swept(*seconds: float) -> "Happening":
    """Let an approval request wait for so long after so long."""

    async def happen(world: World) -> None:
        cluster = Cluster(rule("approve", name="shells"))
        await cluster.exec("sh")
        for passed in seconds:
            sweeping.sweep(
                list(cluster.tickets.kept.values()),
                cluster.tickets,
                now=after(passed),
                retention=after(60) - after(0),
                journal=world.journaling.journal,
                source=SOURCE,
            )

    return happen


def policies(*documents: Object) -> "Happening":
    """Let these be the policies in force, one after the other."""

    async def happen(world: World) -> None:
        active = ActivePolicies(otherwise=BUILTIN, audit=False)
        telling = PolicyTelling(world.journaling.maker)
        for generation, document in enumerate(documents):
            metadata = {**document["metadata"], "uid": "u", "generation": generation, "resourceVersion": "7"}
            states = active.take({"test": msgspec.json.encode({**document, "metadata": metadata})})
            world.journaling.note_all(telling.tell(states))

    return happen


def notified(answer: int) -> "Happening":
    """Let somebody be told, whose receiver answers so."""

    async def happen(world: World) -> None:
        (world.folder / "receivers").mkdir()
        observers = CollectorObservers(
            world.settings, world.journaling.journal, world.journaling.maker, depth=lambda: 0
        )
        with hook() as server:
            server.answers = [answer]
            (world.folder / "receivers" / "chat").write_text(f"json://127.0.0.1:{server.port}")
            await world.collector.recording.keep([event(at=time.time_ns())])
            observers.start(world.tasks, world.store)
            with anyio.fail_after(30):
                while not server.bodies:  # noqa: ASYNC110  of a thread
                    await anyio.sleep(0.05)
            await observers.stop()

    return happen


async def started(world: World) -> None:
    world.start()


async def stopped(world: World) -> None:
    world.start()
    await world.journaling.finish()


async def failed(world: World) -> None:
    """Checkpoints cannot be exported."""
    keeping = LedgerKeeping(
        world.store,
        world.desk,
        seconds=60,
        key=lambda: world.desk.keys[-1],
        roots=lambda: ROOTS,
        alarm=world.journaling.alarm,
        targets=[FileTarget(world.folder / "no" / "volume")],
    )
    keeping.sign()
    await keeping._export()


async def lied(world: World) -> None:
    """A recorder opens a session with a grant that nobody signed."""
    made = world.authority.session()
    trust = world.authority.trust
    intake = Intake(POD, trust=lambda: trust, unix_ns=lambda: T0, order=lambda _: None, ask=lambda _: None)
    intake.receive(encode(Hello("0.1.0", T0)))
    intake.receive(encode(Open(made.session, Authority().token(session=made.session))))
    await world.collector.perform(intake.take_operations())


async def tried(world: World) -> None:
    sent(world.store, 1, identity=Identity("auditor"))
    spec = {"pod": "bird", "mark": mark(1), "masked": True, "refused": True}
    with world.api() as (api, _):
        _post(api, "/namespaces/payments/canaries", "Canary", spec)


async def found_card_data(world: World) -> None:
    fresh = make_record()
    record, frames = Growing(fresh).grow(start_payload(fresh), findings={"pan/visa": 1})
    await world.collector.perform([Append(record, tuple(frames), (), new=fresh)])


async def killed(world: World) -> None:
    record = world.session()
    orders: list[KillOrder] = []

    async def order(asked: KillOrder) -> int:
        orders.append(asked)
        return T0

    with world.api(order=order) as (api, _):
        place = f"/namespaces/{record.namespace}/sessions/{record.session}/kill"
        _post(api, place, "SessionKill", {"reason": "it reads every table"})
    await world.sessions.order(orders[0])


async def lost(world: World) -> None:
    world.session()
    await world.sessions._look()


async def read(world: World) -> None:
    with world.api() as (api, served):
        api.json(f"{BASE}/sessions")
    await world.telling.read(served.reads[0])


async def removed(world: World) -> None:
    world.session(phase=Phase.COMPLETED)
    world.desk.sealing.seal()
    keeping = RetentionKeeping(
        Retention(world.store, world.desk.book, world.journaling.maker, Terms()),
        world.telling.keep,
        lambda: YEAR_LATER,
        doubt=Doubt(lambda: YEAR_LATER, lambda: 0, lambda: None),
        alarm=world.failed.append,
        recovered=world.failed.append,
    )
    await keeping.look()


async def held(world: World) -> None:
    with world.api() as (api, _):
        _hold(api)


async def released(world: World) -> None:
    with world.api() as (api, _):
        _post(api, f"/legalholds/{_hold(api)}/release", "LegalHoldRelease", {"reason": "closed"})


def _hold(api: ApiServer) -> str:
    made = _post(api, "/legalholds", "LegalHold", {"agent": "agent", "reason": "case 7"})
    return made["metadata"]["name"]


def _post(api: ApiServer, path: str, kind: str, spec: Object) -> Any:
    sent = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": kind, "spec": spec}
    answer = api.ask(f"{BASE}{path}", body=json.dumps(sent).encode())
    assert answer.status == 201, answer.data
    return json.loads(answer.data)


Happening = Callable[[World], Awaitable[None]]
ALICE = {"username": "alice", "uid": "u-1", "groups": ["agents"]}
BROKEN = policy(rule("no such action"))
HAPPENINGS: dict[Kind, Happening] = {
    Kind.DECISION: decided,
    Kind.APPROVAL_ASKED: approval(),
    Kind.APPROVAL_DECIDED: approval((verdict(), BOB)),
    Kind.APPROVAL_REFUSED: approval((verdict(), ALICE)),
    Kind.APPROVAL_USED: approval((verdict(), BOB), used=True),
    Kind.APPROVAL_EXPIRED: swept(3600),
    Kind.APPROVAL_REMOVED: swept(3600, 7200),
    Kind.BREAK_GLASS: approval((verdict("break-glass", reason="the shop is down"), ALICE)),
    Kind.POLICY_CHANGED: policies(policy(rule("deny"))),
    Kind.POLICY_REFUSED: policies(policy(rule("deny")), BROKEN),
    Kind.NOTIFICATION_SENT: notified(200),
    Kind.NOTIFICATION_FAILED: notified(404),
    Kind.CONTROL_STARTED: started,
    Kind.CONTROL_STOPPED: stopped,
    Kind.CONTROL_FAILED: failed,
    Kind.INCIDENT: lied,
    Kind.CANARY: tried,
    Kind.SESSION_FINDING: found_card_data,
    Kind.SESSION_KILLED: killed,
    Kind.SESSION_LOST: lost,
    Kind.RECORD_READ: read,
    Kind.RECORD_REMOVED: removed,
    Kind.HOLD_SET: held,
    Kind.HOLD_RELEASED: released,
}


@pytest.mark.parametrize("kind", Kind)
async def test_what_happened_is_in_the_ledger(world: World, kind: Kind) -> None:
    assert kind in HAPPENINGS, "nobody looks whether events of this kind get into the ledger"
    await HAPPENINGS[kind](world)
    await world.entered(lambda told: told.kind is kind)


@pytest.mark.parametrize("kind", NoticeKind)
async def test_what_a_recorder_gives_notice_of_is_in_the_ledger(world: World, kind: NoticeKind) -> None:
    notice = make_notice(kind=kind, reason="why")
    await world.collector.recording.note(notice)
    told = await world.entered(lambda told: told.details.get("notice") == kind.value)
    assert (told.reason, told.where.uid) == ("why", notice.pod_uid)


async def test_every_kind_of_entry_comes_of_a_session_that_ends_and_grows_old(world: World) -> None:
    await removed(world)
    await world.entered(lambda told: told.kind is Kind.RECORD_REMOVED)
    entries = world.store.entries(start=0, limit=100)
    assert {kind_of(entry.key) for entry in entries} == set(KINDS)
