"""Searches and their answers, typed."""

from typing import Any, Generic, TypeVar

import msgspec

from webhook.store.opensearch.client import Client
from webhook.store.opensearch.queries import Json

_S = TypeVar("_S")
_F = TypeVar("_F")


class Hit(msgspec.Struct, Generic[_S]):
    """One document found."""

    source: _S = msgspec.field(name="_source")
    sort: list[Any] = []


class Hits(msgspec.Struct, Generic[_S]):
    """Documents found."""

    hits: list[Hit[_S]]


class Found(msgspec.Struct, Generic[_S]):
    """The answer to a search."""

    hits: Hits[_S]


class Sorted(msgspec.Struct):
    """A document of which only the values that it is sorted by are asked."""

    sort: list[Any]


class SortedHits(msgspec.Struct):
    """Documents of which only their places are asked."""

    hits: list[Sorted]


class Total(msgspec.Struct):
    """How many documents are found, or at least so many."""

    value: int = 0


class CountedHits(msgspec.Struct):
    """Documents of which only the number is asked."""

    total: Total


class Counted(msgspec.Struct):
    """The answer to a search that counts."""

    hits: CountedHits


class Places(msgspec.Struct):
    """The answer to a search that asks for places alone."""

    hits: SortedHits


def search(client: Client, answer: type[_F], indices: str, body: Json) -> _F:
    """Ask; indices that are not there hold nothing. Raises StoreError."""
    return client.ask(
        answer, "POST", f"/{indices}/_search", body, ignore_unavailable="true", allow_no_indices="true"
    )
