"""Bulk requests: what is sent, and what the answer says of each item. No I/O."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

import msgspec

from webhook.store.contract import StoreError
from webhook.store.opensearch.documents import Document

CHUNK_BYTES = 4 * 1024 * 1024
"""A request is closed when it is at least this long; OpenSearch takes up to 100 MiB."""

OVERLOADED = frozenset({429, 502, 503, 504})
"""HTTP statuses that pass: too many requests, or a node or shard that is not there for a moment."""
CONFLICT = 409

_encode = msgspec.json.Encoder().encode


class Item(msgspec.Struct, frozen=True):
    """A document to create: one that exists already stays."""

    index: str
    id: str
    lines: bytes
    """Action and document, each ended by a newline."""


class Kept(Enum):
    """What became of an item that is kept."""

    NEW = "new"
    BEFORE = "before"


def create_item(index: str, document_id: str, document: Document) -> Item:
    """Give the item that creates a document."""
    action = _encode({"create": {"_index": index, "_id": document_id}})
    return Item(index, document_id, b"%b\n%b\n" % (action, _encode(document)))


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut items into requests."""
    chunk: list[Item] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += len(item.lines)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class _Cause(msgspec.Struct):
    type: str = "unknown"


class _Outcome(msgspec.Struct):
    status: int
    error: _Cause | None = None


class BulkAnswer(msgspec.Struct):
    """The answer to a bulk request, filtered by :data:`FILTER`."""

    items: list[dict[str, _Outcome]]


FILTER = "items.*.status,items.*.error.type"


def judge(items: Sequence[Item], answer: BulkAnswer) -> tuple[dict[str, Kept], list[Item]]:
    """Give what became of each kept item by its id, and the items to send again.

    Raises StoreError when an item was refused for good. The text names the kind of error alone: reasons
    given by OpenSearch quote values.
    """
    if len(answer.items) != len(items):
        raise StoreError("OpenSearch answered to another number of documents than were sent")
    kept: dict[str, Kept] = {}
    again: list[Item] = []
    for item, result in zip(items, answer.items, strict=True):
        (outcome,) = result.values()
        if 200 <= outcome.status < 300:
            kept[item.id] = Kept.NEW
        elif outcome.status == CONFLICT:
            kept[item.id] = Kept.BEFORE
        elif outcome.status in OVERLOADED:
            again.append(item)
        else:
            cause = outcome.error.type if outcome.error else "unknown"
            raise StoreError(f"OpenSearch refused a document for {item.index}: {cause} ({outcome.status})")
    return kept, again
