"""What a session writes is there after its death, and stays within the limit."""

import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.contract.events import Channel, Data, End, Ending, encode_event
from sidecar.contract.frames import Chain, Frame
from sidecar.shipping.layout import ended_before
from sidecar.shipping.records import SEGMENT_BYTES, RecordDecoder, RecordEncoder
from sidecar.shipping.recovery import recover
from sidecar.shipping.spool import SpoolError, SpoolWriter, used_bytes

SESSION = "01hzzzzzzzzzzzzzzzzzzzzzzz"
LIMIT = 64 * 1024 * 1024


def data(chain: Chain, content: bytes, at: int = 0) -> Frame:
    return chain.append(encode_event(Data(at, Channel.STDOUT, content)))


def stored(root: Path, session: str = SESSION) -> list[Frame]:
    decoder = RecordDecoder()
    segments = sorted((root / "sessions" / session).glob("*.frames"))
    return [frame for segment in segments for frame, _ in decoder.whole(segment.read_bytes())]


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 10_000))
def test_records_are_found_whole_and_a_torn_one_is_not(payloads: list[bytes], cut: int) -> None:
    encoder, decoder, chain = RecordEncoder(), RecordDecoder(), Chain(SESSION)
    frames = [chain.append(payload) for payload in payloads]
    ends, encoded = [0], b""
    for frame in frames:
        encoded += encoder.encode(frame)
        ends.append(len(encoded))
    found = [frame for frame, _ in decoder.whole(encoded[:cut])]
    assert found == frames[: sum(end <= cut for end in ends) - 1]


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_damaged_record_is_not_taken(payload: bytes, draw: st.DataObject) -> None:
    record = bytearray(RecordEncoder().encode(Chain(SESSION).append(payload)))
    position = draw.draw(st.integers(0, len(record) - 1))
    record[position] ^= draw.draw(st.integers(1, 255))
    assert list(RecordDecoder().whole(bytes(record))) == []


def test_frames_lie_in_segments_in_order(tmp_path: Path) -> None:
    writer, chain = SpoolWriter.create(tmp_path, SESSION, "grant", LIMIT), Chain(SESSION)
    frames = [data(chain, bytes(100_000)) for _ in range(20)]
    for frame in frames:
        writer.append(frame)
    assert stored(tmp_path) == frames
    segments = list((tmp_path / "sessions" / SESSION).glob("*.frames"))
    assert len(segments) == 7
    assert all(segment.stat().st_size < 2 * SEGMENT_BYTES for segment in segments)
    writer.close(ended=False)


def test_one_session_is_begun_once(tmp_path: Path) -> None:
    SpoolWriter.create(tmp_path, SESSION, "grant", LIMIT)
    with pytest.raises(SpoolError, match="takes no new session"):
        SpoolWriter.create(tmp_path, SESSION, "grant", LIMIT)


def test_the_limit_is_shared_and_leaves_a_reserve(tmp_path: Path) -> None:
    limit = 2 * 1024 * 1024
    writers = [SpoolWriter.create(tmp_path, f"s{i}", "grant", limit) for i in range(3)]
    chains = [Chain(f"s{i}") for i in range(3)]
    going = True
    while going:
        going = False
        for writer, chain in zip(writers, chains, strict=True):
            if writer.has_room(10_000):
                writer.append(data(chain, bytes(9_000)))
                going = True
    used, count = used_bytes(tmp_path / "sessions")
    assert count == 3
    assert limit * 0.8 < used < limit * 7 / 8
    for writer, chain in zip(writers, chains, strict=True):
        writer.append(chain.append(encode_event(End(0, Ending.SPOOL_FULL))))


def test_room_returns_when_segments_are_shipped(tmp_path: Path) -> None:
    writer, chain = SpoolWriter.create(tmp_path, SESSION, "grant", 1024 * 1024), Chain(SESSION)
    while writer.has_room(100_000):
        writer.append(data(chain, bytes(99_000)))
    min((tmp_path / "sessions" / SESSION).glob("*.frames")).unlink()
    assert writer.has_room(100_000)


def kill_while_writing(root: Path, ready: int) -> int:
    """Fork a writer that never stops by itself; give its process id."""
    pid = os.fork()
    if pid == 0:
        writer, chain = SpoolWriter.create(root, SESSION, "grant", LIMIT), Chain(SESSION)
        while True:
            frame = data(chain, bytes(chain.next_sequence % 5000), at=chain.next_sequence)
            writer.append(frame)
            os.write(ready, b".")
    return pid


def test_everything_appended_is_there_after_a_kill(tmp_path: Path) -> None:
    delivered, ready = os.pipe()
    pid = kill_while_writing(tmp_path, ready)
    count = 0
    while count < 2000:
        count += len(os.read(delivered, 65536))
    assert recover(tmp_path) == []
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready)
    while more := os.read(delivered, 65536):
        count += len(more)
    [abandoned] = recover(tmp_path)
    frames = stored(tmp_path)
    assert len(frames) >= count
    assert abandoned.chain.next_sequence == len(frames)
    assert abandoned.last_at == len(frames) - 1
    abandoned.writer.append(abandoned.chain.append(encode_event(End(abandoned.last_at, Ending.INTERRUPTED))))
    abandoned.writer.close(ended=True)
    check = Chain(SESSION)
    for frame in stored(tmp_path):
        check.accept(frame)
    assert ended_before(tmp_path / "sessions" / SESSION) == len(frames) + 1
    assert recover(tmp_path) == []


def abandon(root: Path, frames: list[Frame]) -> Path:
    writer = SpoolWriter.create(root, SESSION, "grant", LIMIT)
    for frame in frames:
        writer.append(frame)
    writer.close(ended=False)
    return root / "sessions" / SESSION


@settings(max_examples=40)
@given(st.integers(0, 600_000))
def test_a_record_torn_anywhere_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    root, chain = tmp_path_factory.mktemp("spool"), Chain(SESSION)
    directory = abandon(root, [data(chain, bytes(70_000), at=i) for i in range(8)])
    lengths = {segment: segment.stat().st_size for segment in sorted(directory.glob("*.frames"))}
    for segment, length in lengths.items():
        keep = min(length, cut)
        os.truncate(segment, keep)
        cut -= keep
    whole = stored(root)
    found = recover(root)
    if not whole:
        assert found == []
        assert not directory.exists()
        return
    [abandoned] = found
    assert (abandoned.chain.next_sequence, abandoned.chain.digest) == (len(whole), whole[-1].digest)
    end = abandoned.chain.append(encode_event(End(0, Ending.INTERRUPTED)))
    abandoned.writer.append(end)
    assert stored(root) == [*whole, end]


def test_a_session_whose_end_is_written_only_lacks_its_mark(tmp_path: Path) -> None:
    chain = Chain(SESSION)
    directory = abandon(tmp_path, [chain.append(encode_event(End(5, Ending.EXITED)))])
    assert recover(tmp_path) == []
    assert ended_before(directory) == 1


def test_a_session_that_was_never_begun_is_removed(tmp_path: Path) -> None:
    unborn = tmp_path / "sessions" / SESSION
    unborn.mkdir(parents=True)
    empty = abandon(tmp_path / "other", [])
    assert recover(tmp_path) == recover(tmp_path / "other") == recover(tmp_path / "none") == []
    assert not unborn.exists()
    assert not empty.exists()


def test_a_full_disk_fails_the_frame_and_keeps_the_record_whole(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        writer, chain = SpoolWriter.create(tmp_path, SESSION, "grant", LIMIT), Chain(SESSION)
        writer.append(data(chain, bytes(60_000)))
        try:
            writer.append(data(Chain(SESSION, sequence=1, digest=chain.digest), bytes(60_000)))
        except SpoolError:
            writer.append(chain.append(encode_event(End(0, Ending.SPOOL_FULL))))
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    check = Chain(SESSION)
    frames = stored(tmp_path)
    for frame in frames:
        check.accept(frame)
    assert len(frames) == 2
