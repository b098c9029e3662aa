"""Fills stores quickly: what the contract would write one session at a time, in large writes."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from benchmarks.search_corpus import Corpus
from webhook.store.opensearch import documents
from webhook.store.opensearch.audit_documents import audit_document
from webhook.store.opensearch.bulk import Item, chunks, create_item
from webhook.store.opensearch.client import Client
from webhook.store.opensearch.names import Names, passage_id
from webhook.store.opensearch.store import OpenSearchStore
from webhook.store.settings import OpenSearchSettings
from webhook.store.sqlite import writing
from webhook.store.sqlite.audit import insert_audit_events
from webhook.store.sqlite.store import SqliteStore

_T = TypeVar("_T")


def load_sqlite(store: SqliteStore, corpus: Corpus) -> None:
    """Fill an embedded store."""
    with _timed("sqlite: sessions"):
        for batch in _batches(corpus.recorded(), 1000):
            with store._connections.writing() as connection:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                for began, ended, frames, passages in batch:
                    writing.insert_session(connection, began)
                    known = writing.kept_session(connection, began.session)
                    number = known[0] if known else 0
                    writing.insert_frames(connection, number, frames)
                    writing.insert_passages(connection, number, passages, next_sequence=0)
                    writing.update_session(connection, number, ended)
    with _timed("sqlite: audit events"):
        for batch in _batches(corpus.told(), 20_000):
            with store._connections.writing() as connection:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
                insert_audit_events(connection, batch, received_at=batch[-1].at)


def load_opensearch(store: OpenSearchStore, settings: OpenSearchSettings, corpus: Corpus) -> None:
    """Fill an OpenSearch; without frames, which no list and no search looks at."""
    client, names = Client(settings), Names(settings.prefix)
    with _timed("opensearch: sessions"):
        _send(client, _session_items(store, names, corpus))
    with _timed("opensearch: audit events"):
        _send(
            client,
            (create_item(names.audit, event.id, audit_document(event, event.at)) for event in corpus.told()),
        )
    client.close()


def _session_items(store: OpenSearchStore, names: Names, corpus: Corpus) -> Iterator[Item]:
    for _, ended, _, passages in corpus.recorded():
        session = ended.session
        sessions, texts = names.sessions(session), names.passages(session)
        store._ensure([sessions, texts])  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        yield create_item(sessions, session, documents.session_document(ended))
        yield create_item(texts, f"{session}-command", documents.command_document(ended))
        for passage in passages:
            yield create_item(texts, passage_id(passage), documents.passage_document(ended, passage))


def _send(client: Client, items: Iterable[Item]) -> None:
    for chunk in chunks(items):
        client.ask(object, "POST", "/_bulk", b"".join(item.lines for item in chunk), filter_path="errors")


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
