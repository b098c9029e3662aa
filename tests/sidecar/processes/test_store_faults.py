"""Stores that are full, read-only, slow, overloaded or half-hearted: sessions go on until the spool is full.

Nothing is dropped, and once the store works again everything is there, once.
"""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from collector_server import DATABASE
from faulty_proxy import Call, FaultyProxy, Reply, faulty_proxy, lose_answer, status
from journal_sender import Sender
from opensearch_server import call, opensearch_url, remove_all
from shipper_process import until
from whole_path import WholePath

from sidecar.contract.events import Data, Ending, decode_event
from webhook.journal.events import Kind
from webhook.store import OpenSearchSettings, open_store
from webhook.store.audit import AuditQuery
from webhook.store.contract import Store
from webhook.store.sqlite.connections import BUSY_SECONDS

SPOOL = {"SPOOL_BYTES": "2000000", "SPOOL_PATIENCE_SECONDS": "1"}
FULL = b"the recorder's spool is full and the collector does not take it, so this session was ended"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB for the embedded store."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system takes root")
    folder = tmp_path / "path" / "database"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_ends_sessions_only_when_the_spool_is_full(small_disk: Path, compiled_shim: Path) -> None:
    with WholePath(small_disk.parent, compiled_shim, SPOOL) as path:
        filler = small_disk / "filler"
        with filler.open("wb") as file:
            free = os.statvfs(small_disk)
            file.write(bytes(free.f_bavail * free.f_bsize - 200_000))
        short = path.recorder.run(path.authority.grant("sh", "-c", "echo still works"))
        assert (short.returncode, short.stdout) == (0, b"still works\n")
        ticket = path.authority.grant("head", "-c", "30000000", "/dev/urandom")
        done = path.recorder.run(ticket)
        assert FULL in done.stderr
        assert 300_000 < len(done.stdout) < 4_000_000
        filler.unlink()
        assert path.ended(ticket.session).how is Ending.SPOOL_FULL
        assert path.output(ticket.session) == done.stdout
        until(lambda: not list((path.recorder.spool / "sessions").iterdir()))


class FragileDisk:
    """A file system that turns read-only under those who write, as after an error of its device."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image
        folder.mkdir(parents=True)
        image.write_bytes(b"")
        os.truncate(image, 16 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", image], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=True)

    def break_down(self) -> None:
        subprocess.run(["mount", "-o", "remount,abort", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=True)


@pytest.fixture
def fragile_disk(tmp_path: Path) -> Iterator[FragileDisk]:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("mounting a file system takes root and loop devices")
    disk = FragileDisk(tmp_path / "path" / "database", tmp_path / "image")
    yield disk
    subprocess.run(["umount", "--lazy", disk.folder], check=True)


def test_a_disk_that_turns_read_only_delays_and_loses_nothing(
    fragile_disk: FragileDisk, compiled_shim: Path
) -> None:
    with WholePath(fragile_disk.folder.parent, compiled_shim, SPOOL) as path:
        sender = Sender(path.folder / "sender", path.collector)
        before = path.authority.grant("echo", "before")
        path.recorder.run(before)
        path.ended(before.session)
        fragile_disk.break_down()
        sender.start(100)
        short = path.authority.grant("echo", "still works")
        done = path.recorder.run(short)
        assert (done.returncode, done.stdout) == (0, b"still works\n")
        long = path.authority.grant("head", "-c", "30000000", "/dev/urandom")
        cut = path.recorder.run(long)
        assert FULL in cut.stderr
        until(lambda: "not stored" in path.collector.log())
        path.collector.kill()
        fragile_disk.unmount()
        fragile_disk.mount()
        path.collector.start()
        sender.finish()
        assert path.ended(before.session).exit_code == path.ended(short.session).exit_code == 0
        assert path.ended(long.session).how is Ending.SPOOL_FULL
        assert path.output(short.session) == done.stdout
        assert path.output(long.session) == cut.stdout
        store = path.collector.store
        stored = [one.event for one in store.audit_events(AuditQuery(limit=1000))]
        store.close()
        kept = [event.id for event in stored if event.kind is not Kind.CONTROL_STARTED]  # the recorder's own
        assert sorted(kept) == sorted(sender.noted)
        until(lambda: not list((path.recorder.spool / "sessions").iterdir()))


def test_a_database_that_somebody_holds_delays_and_loses_nothing(tmp_path: Path, compiled_shim: Path) -> None:
    """For longer than the store waits for it: 10 seconds."""
    with WholePath(tmp_path, compiled_shim) as path:
        sender = Sender(path.folder / "sender", path.collector)
        streaming = path.authority.grant("sh", "-c", "while [ ! -e stop ]; do date; sleep 0.1; done; rm stop")
        process = path.recorder.popen(streaming)
        until(lambda: path.record(streaming.session))
        with closing(sqlite3.connect(path.folder / DATABASE, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            held_at = time.monotonic()
            sender.start(100)
            short = path.authority.grant("echo", "still works")
            done = path.recorder.run(short)
            assert (done.returncode, done.stdout) == (0, b"still works\n")
            assert path.record(short.session) is None
            time.sleep(max(0.0, held_at + BUSY_SECONDS + 2 - time.monotonic()))
            assert process.poll() is None
            assert "SQLITE_BUSY" in path.collector.log()
            holder.execute("ROLLBACK")
        path.recorder.run(path.authority.grant("touch", "stop"))
        shown, told = process.communicate(timeout=60)
        assert (process.returncode, told) == (0, b"")
        sender.finish()
        assert path.ended(short.session).exit_code == path.ended(streaming.session).exit_code == 0
        assert path.output(short.session) == done.stdout
        assert path.output(streaming.session) == shown
        assert shown.count(b"\n") > 50
        store = path.collector.store
        stored = [kept.event for kept in store.audit_events(AuditQuery(limit=1000))]
        store.close()
        kept = [event.id for event in stored if event.kind is not Kind.CONTROL_STARTED]  # the recorder's own
        assert sorted(kept) == sorted(sender.noted)
        until(lambda: not list((path.recorder.spool / "sessions").iterdir()))


@pytest.fixture(scope="module")
def opensearch() -> Iterator[str]:
    with opensearch_url() as url:
        yield url


class Searched:
    """The whole path over a real OpenSearch, behind a proxy that fails when told to."""

    def __init__(self, path: WholePath, proxy: FaultyProxy, store: Store, url: str, prefix: str) -> None:
        self.path = path
        self.proxy = proxy
        self.store = store
        self.url = url
        self.prefix = prefix

    def check(self, session: str, shown: bytes) -> None:
        """Wait until a session has ended, and see that what was shown is there once."""
        until(lambda: (kept := self.store.session(session)) is not None and kept.how is not None, seconds=120)
        record = self.store.session(session)
        assert record is not None
        frames = self.store.frames(session, start=0, limit=100_000)
        assert [frame.sequence for frame in frames] == list(range(record.next_sequence))
        events = [decode_event(frame.payload) for frame in frames]
        assert b"".join(event.data for event in events if isinstance(event, Data)) == shown


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory, compiled_shim: Path, opensearch: str
) -> Iterator[Searched]:
    folder, prefix = tmp_path_factory.mktemp("searched"), f"faults-{os.urandom(4).hex()}"
    with faulty_proxy(opensearch) as proxy:
        (folder / "opensearch").write_text(f"{proxy.url} {prefix}")
        store = open_store(OpenSearchSettings(opensearch, prefix))
        with WholePath(folder, compiled_shim, SPOOL) as path:
            yield Searched(path, proxy, store, opensearch, prefix)
        store.close()
    remove_all(opensearch, prefix)


def half_of_a_bulk(sent: Call) -> Reply:
    """Take every other document, and refuse the rest as an overloaded shard does."""
    lines = sent.body.splitlines(keepends=True)
    pairs = [lines[place] + lines[place + 1] for place in range(0, len(lines), 2)]
    taken = sent.forward(b"".join(pairs[::2]))
    answered = iter(msgspec.json.decode(taken.body)["items"])
    refusal = {"create": {"status": 429, "error": {"type": "rejected_execution_exception"}}}
    items = [refusal if place % 2 else next(answered) for place in range(len(pairs))]
    return Reply(taken.status, msgspec.json.encode({"items": items}))


def slowly(sent: Call) -> Reply:
    """Take ten seconds."""
    time.sleep(10)
    return sent.forward(sent.body)


FAULTS: dict[str, list[Callable[[Call], Reply]]] = {
    "429": [status(429)] * 3,
    "503": [status(503)] * 3,
    "partial": [half_of_a_bulk] * 3,
    "slow": [slowly],
    "lost answers": [lose_answer] * 2,
}


@pytest.mark.opensearch
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_an_opensearch_that_fails_for_a_while_delays_and_loses_nothing(
    searched: Searched, faults: list[Callable[[Call], Reply]]
) -> None:
    searched.proxy.plan("/_bulk", *faults)
    ticket = searched.path.authority.grant(
        "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.1; done"
    )
    done = searched.path.recorder.run(ticket)
    assert done.returncode == 0
    searched.check(ticket.session, done.stdout)
    assert not searched.proxy.faults


@pytest.mark.opensearch
@pytest.mark.parametrize(("code", "part"), [(429, "/_bulk"), (503, "/")], ids=["writes", "everything"])
def test_an_opensearch_that_refuses_ends_sessions_only_when_the_spool_is_full(
    searched: Searched, code: int, part: str
) -> None:
    before = searched.path.authority.grant("echo", "before")
    searched.check(before.session, searched.path.recorder.run(before).stdout)
    told = len(searched.path.collector.log())
    searched.proxy.plan(part, *[status(code)] * 100_000)
    short = searched.path.authority.grant("echo", "still works")
    done = searched.path.recorder.run(short)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"still works\n", b"")
    long = searched.path.authority.grant("head", "-c", "30000000", "/dev/urandom")
    cut = searched.path.recorder.run(long)
    assert cut.stderr == b"chaperone: " + FULL + b"\n"
    assert 300_000 < len(cut.stdout) < 4_000_000
    until(lambda: len(searched.path.collector.log()) > told)  # until it is no longer patient
    searched.proxy.faults.clear()
    searched.check(short.session, done.stdout)
    searched.check(long.session, cut.stdout)
    kept = searched.store.session(long.session)
    assert kept is not None
    assert kept.how is Ending.SPOOL_FULL


@pytest.mark.opensearch
def test_an_opensearch_whose_disk_is_full_ends_sessions_only_when_the_spool_is_full(
    searched: Searched,
) -> None:
    """At the flood stage OpenSearch lets nobody write until there is room again."""

    def block(value: bool | None) -> None:
        body = {"index.blocks.read_only_allow_delete": value}
        call(searched.url, "PUT", f"/{searched.prefix}-*/_settings?expand_wildcards=all", body)

    begun = searched.path.authority.grant("echo", "before")
    searched.check(begun.session, searched.path.recorder.run(begun).stdout)
    block(True)
    ticket = searched.path.authority.grant("head", "-c", "30000000", "/dev/urandom")
    done = searched.path.recorder.run(ticket)
    assert FULL in done.stderr
    assert len(done.stdout) > 300_000
    block(None)
    searched.check(ticket.session, done.stdout)
