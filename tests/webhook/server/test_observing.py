"""From an audit event that is stored to a message that arrives, through the collector's real parts."""

import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from told import event
from web_hook import Hook, hook

from webhook.collector.changes import Changes
from webhook.collector.proving import PodIdentity, Trust
from webhook.collector.route import Collector
from webhook.journal.events import AuditEvent, Kind
from webhook.server.delivery import OwnDelivery
from webhook.server.journaling import Journaling
from webhook.server.observing import CollectorObservers
from webhook.server.tasks import Tasks
from webhook.settings import read_settings
from webhook.store.audit import AuditQuery
from webhook.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio


class Nobody:
    """Knows no recorder."""

    def review(self, token: str) -> PodIdentity:
        raise NotImplementedError(token)


class Role:
    """The parts of one collector process."""

    def __init__(self, folder: Path, store: SqliteStore) -> None:
        environment = {
            "CHAPERONE_JOURNAL": str(folder / "journal"),
            "CHAPERONE_RECEIVERS": str(folder / "receivers"),
        }
        settings = read_settings(environment)
        self.store = store
        self.journaling = Journaling(settings, "chaperone-collector")
        self.observers = CollectorObservers(
            settings,
            self.journaling.journal,
            self.journaling.maker,
            depth=lambda: self.journaling.disk.size,
        )
        self.collector = Collector(
            store,
            Nobody(),
            lambda: Trust((), ()),
            Changes(),
            listeners=(self.observers.hear,),
            counts=self.observers.stored,
        )

    async def kept(self, kind: Kind, count: int) -> list[AuditEvent]:
        """Give the events of a kind once there are so many."""
        with anyio.fail_after(60):
            while len(found := self.store.audit_events(AuditQuery(kind=kind))) < count:  # noqa: ASYNC110  of a store
                await anyio.sleep(0.02)
        return [one.event for one in found]


@asynccontextmanager
async def running(folder: Path, store: SqliteStore) -> AsyncGenerator[Role]:
    role, failed = Role(folder, store), list[str]()
    tasks = Tasks(on_failure=lambda: failed.append("failed"))
    role.observers.start(tasks, store)
    role.journaling.start(tasks, OwnDelivery(role.collector.recording), role="collector")
    yield role
    await role.observers.stop()
    await role.journaling.finish()
    await tasks.stop()
    role.journaling.close()
    role.collector.close()
    assert failed == []


def test_apprise_is_loaded_only_where_there_are_receivers() -> None:
    program = (
        "import sys, webhook.server.collector, webhook.server.admission; print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def prepared(folder: Path, server: Hook) -> SqliteStore:
    (folder / "receivers").mkdir()
    (folder / "receivers/chat").write_text(f"json://127.0.0.1:{server.port}/in")
    store = SqliteStore(folder / "store.db")
    store.prepare()
    return store


async def test_what_is_stored_is_told_and_that_is_stored_too(tmp_path: Path) -> None:
    with hook() as server:
        store = prepared(tmp_path, server)
        async with running(tmp_path, store) as role:
            await role.collector.recording.keep([event(at=time.time_ns())])
            [sent] = await role.kept(Kind.NOTIFICATION_SENT, 1)
            await role.collector.recording.keep([event(at=time.time_ns())])
            registry = role.observers.registry
        assert sent.details["about"] == event().id
        assert (
            registry.get_sample_value(
                "chaperone_notifications_total", {"receiver": "chat", "outcome": "sent"}
            )
            == 1
        )
        assert len(server.bodies) == 1
        store.close()


async def test_what_a_killed_collector_had_not_told_the_next_one_tells_once(tmp_path: Path) -> None:
    with hook() as server:
        store = prepared(tmp_path, server)
        now = time.time_ns()
        old = event(id="0old", at=now - 3600 * 1_000_000_000)
        store.record([event(at=now), old, event(Kind.DECISION, id="0dec", at=now)], received_at=now)
        for _ in range(2):
            async with running(tmp_path, store) as role:
                await role.kept(Kind.NOTIFICATION_SENT, 1)
                await anyio.sleep(0.1)
        assert len(server.bodies) == 1
        store.close()


async def test_what_could_not_be_sent_at_the_end_is_tried_by_the_next(tmp_path: Path) -> None:
    with hook() as server:
        store = prepared(tmp_path, server)
        server.answers = [503]
        async with running(tmp_path, store) as role:
            await role.collector.recording.keep([event(at=time.time_ns())])
            with anyio.fail_after(60):
                while not server.bodies:  # noqa: ASYNC110  of a thread
                    await anyio.sleep(0.02)
        async with running(tmp_path, store) as role:
            [failed] = await role.kept(Kind.NOTIFICATION_FAILED, 1)
            [sent] = await role.kept(Kind.NOTIFICATION_SENT, 1)
        assert failed.reason == "it answered 503"
        assert sent.details["about"] == failed.details["about"]
        store.close()
