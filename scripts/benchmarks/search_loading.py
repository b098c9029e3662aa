"""Fills stores quickly: what the contract would write one session at a time, in large writes."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

import msgspec

from benchmarks.search_corpus import Corpus
from webhook.store.filling import FillableStore

_SESSIONS_EACH = 1000
_EVENTS_EACH = 20_000
_T = TypeVar("_T")


def load(store: FillableStore, corpus: Corpus, *, with_frames: bool) -> None:
    """Fill a store; without frames where they are costly, for no list and no search looks at them."""
    with _timed("sessions"):
        for batch in _batches(corpus.recorded(), _SESSIONS_EACH):
            wholes = batch if with_frames else [msgspec.structs.replace(one, frames=()) for one in batch]
            store.fill(wholes)
    with _timed("audit events"):
        for batch in _batches(corpus.told(), _EVENTS_EACH):
            store.record(batch, received_at=batch[-1].at)


def _batches(items: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while batch := list(islice(items, size)):
        yield batch


class _timed:  # noqa: N801  used as a function
    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        print(f"  loaded {self._what} in {time.monotonic() - self._start:.0f} s", flush=True)
