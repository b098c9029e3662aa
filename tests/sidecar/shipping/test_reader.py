"""The shipper reads whole frames in order while they are written, and deletes only what is durable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import LIMIT, Authority

from sidecar.contract.frames import Chain, Frame
from sidecar.shipping.layout import SESSIONS, mark_refused
from sidecar.shipping.reader import MissingFramesError, SessionReader, sessions
from sidecar.shipping.records import SEGMENT_BYTES
from sidecar.shipping.spool import SpoolWriter

SESSION = "01hzzzzzzzzzzzzzzzzzzzzzzz"


class Spooled:
    """One session, its writer and a reader."""

    def __init__(self, root: Path) -> None:
        self.chain = Chain(SESSION)
        self.writer = SpoolWriter.create(root, SESSION, "grant", LIMIT)
        [self.reader] = sessions(root, known=())
        self.reader.seek(0)
        self.directory = root / SESSIONS / SESSION

    def write(self, count: int, size: int) -> list[Frame]:
        frames = [self.chain.append(bytes(size)) for _ in range(count)]
        for frame in frames:
            self.writer.append(frame)
        return frames

    def segments(self) -> int:
        return len(list(self.directory.glob("*.frames")))


def read_all(reader: SessionReader) -> list[Frame]:
    frames: list[Frame] = []
    while more := reader.read():
        frames += more
    return frames


def test_what_is_written_is_read_once(tmp_path: Path) -> None:
    spooled = Spooled(tmp_path)
    assert spooled.reader.read() == ()
    for count, size in ((1, 10), (3, 100_000), (20, 70_000), (1, 0)):
        assert read_all(spooled.reader) == []
        frames = spooled.write(count, size)
        assert read_all(spooled.reader) == frames


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from([1, 1000, 90_000, 262_144])), min_size=1, max_size=8
    ),
    st.data(),
)
def test_reading_continues_anywhere(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int]], draw: st.DataObject
) -> None:
    spooled = Spooled(tmp_path_factory.mktemp("spool"))
    frames = [frame for count, size in writes for frame in spooled.write(count, size)]
    forgotten = 0
    for _ in range(4):
        start = draw.draw(st.integers(0, len(frames)))
        first = int(min(path.stem for path in spooled.directory.glob("*.frames")))
        if start < first:
            with pytest.raises(MissingFramesError):
                spooled.reader.seek(start)
            continue
        spooled.reader.seek(start)
        assert read_all(spooled.reader) == frames[start:]
        forgotten = max(forgotten, draw.draw(st.integers(start, len(frames))))
        spooled.reader.forget(forgotten)
        assert int(min(path.stem for path in spooled.directory.glob("*.frames"))) <= forgotten


def test_acknowledged_segments_are_deleted_and_the_last_one_stays(tmp_path: Path) -> None:
    spooled = Spooled(tmp_path)
    frames = spooled.write(20, SEGMENT_BYTES // 2)
    read_all(spooled.reader)
    assert spooled.segments() == 10
    spooled.reader.forget(2)
    assert spooled.segments() == 10
    spooled.reader.forget(3)
    assert spooled.segments() == 9
    spooled.reader.forget(len(frames))
    assert spooled.segments() == 1
    more = spooled.write(3, SEGMENT_BYTES)
    assert read_all(spooled.reader) == more


def test_a_record_being_written_waits(tmp_path: Path) -> None:
    spooled = Spooled(tmp_path)
    [first] = spooled.write(1, 100)
    [segment] = spooled.directory.glob("*.frames")
    whole = segment.read_bytes()
    spooled.write(1, 100)
    both = segment.read_bytes()
    for cut in range(len(whole), len(both)):
        segment.write_bytes(both[:cut])
        spooled.reader.seek(0)
        assert read_all(spooled.reader) == [first]
    segment.write_bytes(both)
    assert len(read_all(spooled.reader)) == 1


def test_a_session_is_complete_once_its_end_is_marked(tmp_path: Path) -> None:
    spooled = Spooled(tmp_path)
    spooled.write(3, 10)
    assert not spooled.reader.complete(3)
    spooled.writer.close(ended=True)
    assert not spooled.reader.complete(2)
    assert spooled.reader.complete(3)
    spooled.reader.remove()
    assert list((tmp_path / SESSIONS).iterdir()) == []


def test_sessions_are_found_once_they_are_made_and_not_refused(tmp_path: Path) -> None:
    assert list(sessions(tmp_path, known=())) == []
    made = [Authority().session() for _ in range(3)]
    for session in made:
        session.spool(tmp_path)
    (tmp_path / SESSIONS / "01half").mkdir()
    mark_refused(tmp_path / SESSIONS / made[2].session, "why")
    [found] = sessions(tmp_path, known={made[1].session})
    assert (found.session, found.grant) == (made[0].session, made[0].token)
