"""A session's id alone tells where its documents are."""

from datetime import UTC, datetime

import msgspec
import pytest
from store_samples import Growing, make_notice, make_record

from sidecar.contract.identifiers import session_id
from webhook.store.contract import StoreError
from webhook.store.opensearch.names import Names, notice_id, passage_id


def moment(year: int, month: int, day: int, *rest: int) -> int:
    return int(datetime(year, month, day, *rest, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("unix_ms", "month"),
    [
        (0, "1970.01"),
        (moment(2026, 11, 30, 23, 59, 59) + 999, "2026.11"),
        (moment(2026, 12, 1), "2026.12"),
        (moment(2028, 2, 29), "2028.02"),
    ],
)
def test_the_month_is_that_of_the_id(unix_ms: int, month: str) -> None:
    session = session_id(unix_ms, b"\xff" * 10)
    assert Names("audit").sessions(session) == f"audit-sessions-{month}"
    assert Names("audit").passages(session) == f"audit-passages-{month}"


@pytest.mark.parametrize("text", ["", "../_all", "*", "x" * 26, session_id((1 << 48) - 1, b"0" * 10)])
def test_what_is_no_session_id_names_no_index(text: str) -> None:
    with pytest.raises(StoreError):
        Names("audit").sessions(text)


def test_equal_passages_have_one_id_and_others_another() -> None:
    growing = Growing(make_record())
    growing.grow(b"frame")
    passage = growing.says("text")
    others = [
        msgspec.structs.replace(passage, text="text "),
        msgspec.structs.replace(passage, at=1),
        msgspec.structs.replace(passage, sequence=1),
    ]
    assert passage_id(passage) == passage_id(growing.says("text"))
    assert len({passage_id(item) for item in [passage, *others]}) == 4


def test_a_notice_is_of_its_pod() -> None:
    notice = make_notice()
    assert notice_id(notice) == notice_id(msgspec.structs.replace(notice, received_at=1))
    assert notice_id(notice) != notice_id(msgspec.structs.replace(notice, pod_uid="other"))
