"""Bulk requests are cut by size, and each item of an answer counts."""

import msgspec
import pytest

from webhook.store.contract import StoreError
from webhook.store.opensearch.bulk import CHUNK_BYTES, BulkAnswer, Item, Kept, chunks, create_item, judge


def item(name: str, size: int = 10) -> Item:
    return Item("index", name, b"x" * size)


def answer(*statuses: int) -> BulkAnswer:
    items = [{"create": {"status": status, "error": {"type": f"error_{status}"}}} for status in statuses]
    return msgspec.convert({"items": items}, BulkAnswer)


def test_an_item_is_two_lines_whatever_it_holds() -> None:
    document: dict[str, object] = {"message": "two\nlines\0", "chaperone": {"payload": b"\n\xff"}}
    lines = create_item("index", "id\n", document).lines
    assert lines.count(b"\n") == 2
    assert lines.endswith(b"\n")


def test_requests_are_cut_by_size() -> None:
    items = [item("a"), item("b", CHUNK_BYTES), item("c"), item("d")]
    assert [[part.id for part in chunk] for chunk in chunks(items)] == [["a", "b"], ["c", "d"]]
    assert list(chunks([])) == []


def test_each_item_is_judged() -> None:
    items = [item("new"), item("before"), item("busy"), item("gone")]
    kept, again = judge(items, answer(201, 409, 429, 503))
    assert kept == {"new": Kept.NEW, "before": Kept.BEFORE}
    assert again == items[2:]


def test_a_refusal_names_the_kind_alone() -> None:
    with pytest.raises(StoreError, match=r"document for index: error_400 \(400\)"):
        judge([item("a"), item("b")], answer(201, 400))


def test_an_answer_for_other_documents_is_an_error() -> None:
    with pytest.raises(StoreError, match="another number"):
        judge([item("a"), item("b")], answer(201))
