"""A store that is filled at once holds what it would hold had it all come bit by bit."""

from typing import cast

from store_samples import Growing, data_payload, make_record, start_payload

from webhook.store.contract import Passage, Phase, Query, Store
from webhook.store.filling import FillableStore, Whole


def test_filling_keeps_what_appending_keeps(store: Store) -> None:
    wholes: list[Whole] = []
    for number in range(3):
        growing = Growing(make_record(number, argv=("psql", f"database{number}")))
        began, passages = growing.record, list[Passage]()
        growing.grow(start_payload(began))
        for piece in range(2):
            growing.grow(data_payload(b"order%d of %d" % (piece, number)))
            passages.append(growing.says(f"order{piece} of {number}", at=piece))
        ended, _ = growing.grow(data_payload(b"end"), phase=Phase.COMPLETED, exit_code=0)
        wholes.append(Whole(began, ended, tuple(growing.made), tuple(passages)))
    first, *rest = wholes
    store.create(first.began)
    store.append(first.ended, first.frames, first.passages)
    cast("FillableStore", store).fill(rest)
    for whole in wholes:
        session = whole.ended.session
        assert store.session(session) == whole.ended
        assert store.frames(session, start=0, limit=9) == list(whole.frames)
    found = store.search(Query(text="order1"))
    assert [(hit.record, hit.passage) for hit in found] == [
        (whole.ended, whole.passages[1]) for whole in reversed(wholes)
    ]
    assert [hit.record.session for hit in store.search(Query(text="database2"))] == [rest[-1].ended.session]
    assert store.sessions(Query()) == [whole.ended for whole in reversed(wholes)]
