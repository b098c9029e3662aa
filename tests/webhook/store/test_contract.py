"""What every store does with sessions, frames and notices."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from store_samples import T0, Growing, data_payload, make_notice, make_record, make_session_id, start_payload

from sidecar.contract.events import Channel, Ending
from sidecar.contract.frames import Frame
from webhook.store.contract import Phase, Query, Store, StoreError


def started(store: Store, offset_ms: int = 0, **changes: object) -> Growing:
    """A session with its first frame kept."""
    growing = Growing(store.create(make_record(offset_ms, **changes)))
    store.append(*growing.grow(start_payload(growing.record)), [])
    return growing


def all_frames(store: Store, session: str) -> list[Frame]:
    return store.frames(session, start=0, limit=100_000)


def test_a_created_session_is_given_back_whole(store: Store) -> None:
    record = make_record(
        exit_code=137,
        how=Ending.IDLE,
        phase=Phase.COMPLETED,
        ended_at=T0 + 5,
        findings={"pan/visa": 3},
        argv=("printf", "ünï\N{PILE OF POO}", "a\0b", ""),
        clock_skew=-12,
    )
    assert store.create(record) == record
    assert store.session(record.session) == record


def test_an_unknown_session_is_none_and_has_no_frames(store: Store) -> None:
    session = make_session_id()
    assert store.session(session) is None
    assert store.frames(session, start=0, limit=10) == []


def test_creating_again_gives_what_is_kept_and_changes_nothing(store: Store) -> None:
    growing = started(store)
    again = make_record(session=growing.session, namespace="elsewhere")
    assert store.create(again) == growing.record
    assert store.session(growing.session) == growing.record
    assert len(all_frames(store, growing.session)) == 1


def test_a_session_begins_without_frames(store: Store) -> None:
    with pytest.raises(StoreError, match="frames"):
        store.create(make_record(next_sequence=1))


def test_frames_come_back_byte_for_byte(store: Store) -> None:
    growing = started(store)
    payloads = [
        b"",
        b"\0",
        bytes(range(256)) * 4,
        b"a" * 300_000,
        b"\xff\xfe" * 1000,
        data_payload(b"x" * 70_000),
    ]
    store.append(*growing.grow(*payloads), [])
    kept = all_frames(store, growing.session)
    assert kept == growing.made
    assert [frame.payload for frame in kept[1:]] == payloads


def test_frames_are_given_from_a_number_and_up_to_a_limit(store: Store) -> None:
    growing = started(store)
    store.append(*growing.grow(*(b"%d" % number for number in range(1, 40))), [])
    assert store.frames(growing.session, start=10, limit=5) == growing.made[10:15]
    assert store.frames(growing.session, start=38, limit=5) == growing.made[38:]
    assert store.frames(growing.session, start=40, limit=5) == []
    assert store.frames(growing.session, start=0, limit=0) == []


def test_sending_again_keeps_one_of_each(store: Store) -> None:
    growing = started(store)
    record, frames = growing.grow(b"one", b"two")
    passage = growing.says("needle in one place")
    for _ in range(3):
        store.append(record, frames, [passage, passage])
    assert all_frames(store, growing.session) == growing.made
    assert len(store.search(Query(text="needle"))) == 1


def test_an_append_may_overlap_what_is_kept(store: Store) -> None:
    growing = started(store)
    store.append(*growing.grow(b"one", b"two"), [])
    record, _ = growing.grow(b"three")
    store.append(record, growing.made[1:], [])
    assert all_frames(store, growing.session) == growing.made


def test_an_older_record_is_not_written_back(store: Store) -> None:
    growing = started(store)
    older, frames = growing.grow(b"one")
    newer, more = growing.grow(b"two", stdout_bytes=6)
    store.append(newer, [*frames, *more], [])
    store.append(older, frames, [])
    assert store.session(growing.session) == newer


def test_a_record_of_the_same_frames_goes_by_its_time(store: Store) -> None:
    growing = started(store)
    before = growing.record
    closed, _ = growing.grow(phase=Phase.INTERRUPTED, how=Ending.INTERRUPTED, ended_at=T0 + 9)
    store.append(closed, [], [])
    store.append(before, [], [])
    assert store.session(growing.session) == closed


def test_passages_may_come_after_their_frames(store: Store) -> None:
    growing = started(store)
    store.append(growing.record, [], [growing.says("late words")])
    assert [hit.passage for hit in store.search(Query(text="late"))] == [growing.says("late words")]


def test_nothing_is_kept_of_an_append_to_an_unknown_session(store: Store) -> None:
    growing = Growing(make_record())
    with pytest.raises(StoreError, match="not known"):
        store.append(*growing.grow(b"one"), [])
    assert store.session(growing.session) is None
    assert all_frames(store, growing.session) == []


def test_a_gap_is_refused(store: Store) -> None:
    growing = started(store)
    growing.grow(b"lost")
    record, frames = growing.grow(b"two")
    with pytest.raises(StoreError, match="frames 1 to 1 are missing"):
        store.append(record, frames, [growing.says("never")])
    with pytest.raises(StoreError, match="missing"):
        store.append(record, [], [])
    assert len(all_frames(store, growing.session)) == 1
    assert store.search(Query(text="never")) == []


def test_another_chain_is_refused(store: Store) -> None:
    growing = started(store)
    forked = Growing(growing.record)
    store.append(*growing.grow(b"one"), [])
    with pytest.raises(StoreError, match="another digest"):
        store.append(*forked.grow(b"other"), [])
    record, _ = forked.grow(b"and more")
    with pytest.raises(StoreError, match="another digest"):
        store.append(record, forked.made, [])
    assert all_frames(store, growing.session) == growing.made


@pytest.mark.parametrize("fault", ["order", "digest", "passage"])
def test_an_append_that_does_not_hang_together_is_refused(store: Store, fault: str) -> None:
    growing = started(store)
    record, frames = growing.grow(b"one", b"two")
    passages = [growing.says("words")]
    if fault == "order":
        frames.reverse()
    elif fault == "digest":
        record = msgspec.structs.replace(record, digest=b"?" * 32)
    else:
        passages = [msgspec.structs.replace(passages[0], session=make_session_id())]
    with pytest.raises(StoreError):
        store.append(record, frames, passages)
    assert all_frames(store, growing.session) == growing.made[:1]


def test_a_number_too_large_is_an_error_and_leaves_nothing(store: Store) -> None:
    growing = started(store)
    record, frames = growing.grow(b"one")
    with pytest.raises(StoreError):
        store.append(record, frames, [growing.says("huge", at=2**63)])
    assert store.session(growing.session) != record
    assert all_frames(store, growing.session) == growing.made[:1]
    store.append(record, frames, [growing.says("small")])
    assert store.session(growing.session) == record


def test_what_was_kept_is_there_after_opening_again(opened: Callable[[], Store]) -> None:
    first = opened()
    growing = started(first)
    store_record, frames = growing.grow(b"one", phase=Phase.COMPLETED, exit_code=0)
    first.append(store_record, frames, [growing.says("remember me")])
    first.note(make_notice())
    first.close()
    again = opened()
    assert again.session(growing.session) == store_record
    assert all_frames(again, growing.session) == growing.made
    assert len(again.search(Query(text="remember"))) == 1
    assert len(again.notices(namespace=None, since=None, limit=10)) == 1


def test_preparing_and_closing_twice_is_harmless(opened: Callable[[], Store]) -> None:
    store = opened()
    growing = started(store)
    store.prepare()
    assert store.session(growing.session) == growing.record
    store.close()
    store.close()


def test_a_closed_store_says_so(opened: Callable[[], Store]) -> None:
    store = opened()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.session(make_session_id())


def test_a_notice_is_kept_once(store: Store) -> None:
    notice = make_notice()
    store.note(notice)
    store.note(notice)
    store.note(msgspec.structs.replace(notice, received_at=notice.received_at + 1))
    assert store.notices(namespace=None, since=None, limit=10) == [notice]


def test_two_pods_may_use_one_notice_id(store: Store) -> None:
    notice = make_notice()
    other = msgspec.structs.replace(notice, pod_uid="uid-2", received_at=notice.received_at + 1)
    store.note(notice)
    store.note(other)
    assert store.notices(namespace=None, since=None, limit=10) == [other, notice]


def test_notices_come_newest_first_and_filtered(store: Store) -> None:
    kept = [make_notice(number, namespace="payments" if number % 2 else "shop") for number in range(6)]
    for notice in kept:
        store.note(notice)
    assert store.notices(namespace=None, since=None, limit=3) == kept[:2:-1]
    assert store.notices(namespace="shop", since=None, limit=9) == kept[4::-2]
    assert store.notices(namespace=None, since=kept[4].received_at, limit=9) == kept[:3:-1]


def test_one_session_written_by_many_threads_is_kept_once(store: Store) -> None:
    """Two collectors, or two connections of one recorder, may bring the same frames at once."""
    growing = started(store)
    steps = [growing.grow(b"%d" % number, stdout_bytes=number) for number in range(1, 13)]
    barrier = threading.Barrier(4)

    def write() -> None:
        barrier.wait()
        for record, frames in steps:
            store.append(record, frames, [])

    with ThreadPoolExecutor() as threads:
        writers = [threads.submit(write) for _ in range(4)]
    assert [writer.result() for writer in writers] == [None] * 4
    assert all_frames(store, growing.session) == growing.made
    assert store.session(growing.session) == growing.record


def test_readers_see_whole_appends_while_others_write(store: Store) -> None:
    growing = started(store)
    written = threading.Event()

    def read() -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        while not written.is_set() or not seen:
            record = store.session(growing.session)
            assert record is not None
            frames = store.frames(growing.session, start=0, limit=1000)
            assert frames == growing.made[: len(frames)]
            seen.append((record.next_sequence, len(frames)))
            store.sessions(Query(namespace="payments"))
            store.search(Query(text="line"))
        return seen

    with ThreadPoolExecutor() as threads:
        readers = [threads.submit(read) for _ in range(3)]
        for number in range(30):
            record, frames = growing.grow(b"a%d" % number, b"b%d" % number)
            store.append(record, frames, [growing.says(f"line {number}", channel=Channel.STDOUT)])
        written.set()
    seen = [pair for reader in readers for pair in reader.result()]
    assert all(known <= counted and counted % 2 for known, counted in seen)
    assert len(all_frames(store, growing.session)) == 61
