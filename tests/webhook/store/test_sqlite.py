"""What the embedded store promises beyond the contract: durability, modes, and errors that name the fix."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_samples import Growing, make_record

from sidecar.contract.frames import Chain
from webhook.store.contract import Query, StoreError
from webhook.store.sqlite.packing import pack, unpack
from webhook.store.sqlite.store import SqliteStore

APPENDER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from store_samples import Growing, make_record
from webhook.store.sqlite.store import SqliteStore

store = SqliteStore(Path(sys.argv[1]))
store.prepare()
growing = Growing(store.create(make_record()))
print(growing.session, flush=True)
for number in range(100_000):
    record, frames = growing.grow(b"%d" % number * 500, b"second")
    store.append(record, frames, [growing.says(f"line {number}")])
    print(record.next_sequence, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    store.prepare()
    yield store
    store.close()


def test_only_the_owner_may_read_the_files(store: SqliteStore, path: Path) -> None:
    store.create(make_record())
    names = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert names == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("appends", [0, 1, 7, 40])
def test_what_was_acknowledged_survives_kill_9(path: Path, appends: int) -> None:
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(path), str(root), str(root / "tests/support")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        session = output.readline().strip()
        acknowledged = [int(output.readline()) for _ in range(appends)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in output if line.endswith("\n")]
    process.wait()
    store = SqliteStore(path)
    store.prepare()
    record = store.session(session)
    frames = store.frames(session, start=0, limit=1_000_000)
    passages = store.search(Query(text="line", limit=1_000_000))
    store.close()
    assert record is not None
    assert record.next_sequence == len(frames) >= max(acknowledged, default=0)
    assert len(passages) * 2 == len(frames)
    chain = Chain(session)
    for frame in frames:
        chain.accept(frame)
    assert chain.digest == record.digest


def test_a_full_disk_is_named_and_nothing_of_the_append_is_kept(store: SqliteStore, path: Path) -> None:
    growing = Growing(store.create(make_record()))
    store.append(*growing.grow(b"one"), [])
    before = growing.record
    with store._connections.writing() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    record, frames = growing.grow(*(os.urandom(200_000) for _ in range(5)))
    with pytest.raises(StoreError, match=r"store\.db: the disk is full: free space"):
        store.append(record, frames, [])
    assert store.session(growing.session) == before
    assert len(store.frames(growing.session, start=0, limit=10)) == 1
    store.append(record, frames, [])
    assert store.session(growing.session) == record


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="belongs to another program"):
        SqliteStore(path).prepare()
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="is not a SQLite database"):
        SqliteStore(path).prepare()


def test_a_damaged_file_is_named(store: SqliteStore, path: Path) -> None:
    growing = Growing(store.create(make_record()))
    for number in range(50):
        store.append(*growing.grow(os.urandom(5000)), [growing.says(f"text {number}")])
    store.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    again = SqliteStore(path)
    with pytest.raises(StoreError, match=r"store\.db: it is damaged: stop the collector"):
        again.frames(growing.session, start=0, limit=100)
    again.close()


def test_a_newer_file_is_refused(store: SqliteStore, path: Path) -> None:
    with store._connections.writing() as connection:
        connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="made by a newer version"):
        SqliteStore(path).prepare()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file/store\.db: it cannot be opened: File exists"):
        SqliteStore(tmp_path / "file" / "store.db").prepare()


def test_reading_before_preparing_is_an_error_not_a_new_file(path: Path) -> None:
    path.parent.mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(path).session("x")
    assert not path.exists()


def test_another_writer_is_waited_for(store: SqliteStore, path: Path) -> None:
    """A backup or a second process may hold the file for a moment."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    record = make_record()
    assert store.create(record) == record
    release.join()
    other.close()


def test_errors_hold_no_values(store: SqliteStore) -> None:
    growing = Growing(store.create(make_record()))
    record, frames = growing.grow(b"secret payload")
    with pytest.raises(StoreError) as caught:
        store.append(record, frames, [growing.says("secret words", at=2**63)])
    assert "secret" not in str(caught.value)
    assert "64 bits" in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"a" * 10_000, os.urandom(10_000), bytes(range(256)) * 2, b"\0" * 300_000]
)
def test_packing_gives_back_the_exact_bytes(data: bytes) -> None:
    packed, blob = pack(data)
    assert unpack(packed, blob) == data
    assert len(blob) <= len(data)


def test_the_space_of_what_is_removed_is_given_back(store: SqliteStore, path: Path) -> None:
    growing = Growing(store.create(make_record()))
    store.append(*growing.grow(*(os.urandom(50_000) for _ in range(40))), [])
    before = _pages(store)
    store.remove_sessions([growing.session])
    assert _pages(store) == before
    store.tidy(hot_before=0)
    assert _pages(store) < before / 5
    store.close()
    assert path.stat().st_size < 1_000_000


def _pages(store: SqliteStore) -> int:
    with store._connections.reading() as connection:
        return connection.execute("PRAGMA page_count").fetchone()[0]
