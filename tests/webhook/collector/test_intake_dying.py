"""A collector that dies at any write, and recorders that send anything."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_desk import Desk
from recorded import Authority

from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Exit,
    Found,
    Resize,
)
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.wire import (
    Acknowledged,
    Frames,
    Refused,
    encode,
)
from webhook.store.contract import Passage, Query, SessionRecord
from webhook.store.sqlite.store import SqliteStore


class DiedError(Exception):
    """The collector dies."""


class MortalStore(SqliteStore):
    """Dies once, before or after a given write."""

    def __init__(self, path: Path, life: int, *, after: bool) -> None:
        super().__init__(path)
        self.life = life
        self._after = after

    def create(self, record: SessionRecord) -> SessionRecord:
        self._age(not self._after)
        kept = super().create(record)
        self._age(self._after)
        return kept

    def append(self, record: SessionRecord, frames: Sequence[Frame], passages: Sequence[Passage]) -> None:
        self._age(not self._after)
        super().append(record, frames, passages)
        self._age(self._after)

    def _age(self, counts: bool) -> None:
        self.life -= counts
        if counts and self.life == 0:
            raise DiedError


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("life", range(1, 8))
def test_dying_at_any_write_loses_and_doubles_nothing(
    tmp_path: Path, authority: Authority, life: int, after: bool
) -> None:
    store = MortalStore(tmp_path / "store.db", life, after=after)
    store.prepare()
    made = authority.session()
    frames = list(made.whole([b"one wo", b"rd and another\nli", b"ne\n", b"la", b"st"]))
    durable = 0
    while durable < len(frames):
        desk = Desk(store, authority.trust).greet()
        try:
            [answer] = desk.open(made)
            while isinstance(answer, Acknowledged) and answer.next_sequence < len(frames):
                assert answer.next_sequence >= durable
                durable = answer.next_sequence
                [answer] = desk.send(made, *frames[durable : durable + 2])
        except DiedError:
            continue
        assert answer == Acknowledged(made.session, len(frames))
        durable = len(frames)
    assert store.life <= 0 or life > 5
    assert store.frames(made.session, start=0, limit=100) == frames
    for text in ('"one word"', "another", "line", "last"):
        assert len(store.search(Query(text=text))) == 1
    assert store.notices(namespace=None, since=None, limit=10) == []
    store.close()


TEXT = st.text(max_size=20)
NUMBER = st.integers(-(1 << 63), (1 << 64) - 1)
CHANNEL = st.sampled_from(Channel)
EVENT = st.one_of(
    st.builds(Data, NUMBER | st.just(1), CHANNEL, st.binary(max_size=300)),
    st.builds(Resize, NUMBER | st.just(1), NUMBER | st.just(24), NUMBER | st.just(80)),
    st.builds(Found, st.just(1), CHANNEL, TEXT, TEXT, NUMBER | st.just(1), NUMBER | st.just(1)),
    st.builds(Exit, st.just(1), NUMBER | st.just(7), NUMBER | st.just(0)),
    st.builds(End, st.just(1), st.sampled_from(Ending), TEXT, NUMBER, NUMBER, NUMBER),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_recorder_brings_the_intake_down(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("store") / "store.db")
    store.prepare()
    authority = Authority()
    desk = Desk(store, authority.trust).greet()
    sessions = [authority.session() for _ in range(2)]
    for made in sessions:
        desk.open(made)
        desk.send(made, made.start())
    for _ in range(draw.draw(st.integers(1, 8))):
        made = draw.draw(st.sampled_from(sessions))
        honest = made.frame(draw.draw(EVENT))
        odd = Frame(draw.draw(NUMBER), draw.draw(st.binary(max_size=40)), draw.draw(st.binary(max_size=40)))
        frames = draw.draw(st.lists(st.sampled_from([honest, odd]), max_size=3))
        message = bytearray(encode(Frames(made.session, tuple(frames))))
        if draw.draw(st.booleans()):
            message[draw.draw(st.integers(0, len(message) - 1))] ^= draw.draw(st.integers(1, 255))
        for answer in desk.say(bytes(message)):
            assert isinstance(answer, Acknowledged | Refused)
    for made in sessions:
        record = desk.record(made)
        chain = Chain(made.session)
        for frame in store.frames(made.session, start=0, limit=100):
            chain.accept(frame)
        assert (chain.next_sequence, chain.digest) == (record.next_sequence, record.digest)
    store.close()
