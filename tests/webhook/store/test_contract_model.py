"""Any order of appends, cut anywhere, sent again, late or twice, ends as if each had come once in order."""

import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import Growing, make_record

from sidecar.contract.frames import Frame
from webhook.store.contract import Passage, Query, SessionRecord, Store, StoreError


@dataclass
class Model:
    """What the contract says is kept of one session."""

    record: SessionRecord
    frames: list[Frame] = field(default_factory=list[Frame])
    passages: set[Passage] = field(default_factory=set[Passage])

    def append(self, record: SessionRecord, frames: list[Frame], passages: list[Passage]) -> None:
        first = record.next_sequence - len(frames)
        if first > len(self.frames):
            raise StoreError("missing")
        self.frames += frames[len(self.frames) - first :]
        self.passages.update(passages)
        if (record.next_sequence, record.updated_at) > (self.record.next_sequence, self.record.updated_at):
            self.record = record


Payloads = st.lists(st.binary(max_size=600), min_size=1, max_size=12)
Windows = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=10)
"""Each append as the first and last step it brings, whatever was brought before."""


def run(store: Store, payloads: list[bytes], windows: list[tuple[int, int]]) -> None:
    growing = Growing(store.create(make_record()))
    model = Model(growing.record)
    records = [growing.record, *(growing.grow(payload)[0] for payload in payloads)]
    for first, last in windows:
        end = min(last, len(payloads))
        start = min(first, end)
        frames = growing.made[start:end]
        passages = [
            Passage(growing.session, frame.sequence, 0, growing.says("").channel, f"word w{frame.sequence}")
            for frame in frames
        ]
        expected = contextlib.nullcontext()
        try:
            model.append(records[end], frames, passages)
        except StoreError:
            expected = pytest.raises(StoreError)
        with expected:
            store.append(records[end], frames, passages)
        assert store.session(growing.session) == model.record
    assert store.frames(growing.session, start=0, limit=1000) == model.frames
    hits = store.search(Query(text="word", limit=1000))
    kept = [hit.passage for hit in hits if hit.record.session == growing.session]
    assert len(kept) == len(model.passages)
    assert {passage for passage in kept if passage} == model.passages


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=Payloads, windows=Windows)
def test_appends_equal_the_model(store: Store, payloads: list[bytes], windows: list[tuple[int, int]]) -> None:
    run(store, payloads, windows)


@pytest.mark.opensearch
@pytest.mark.parametrize("settings", ["opensearch"], indirect=True)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=Payloads, windows=Windows)
def test_appends_to_a_server_equal_the_model(
    store: Store, payloads: list[bytes], windows: list[tuple[int, int]]
) -> None:
    run(store, payloads, windows)
