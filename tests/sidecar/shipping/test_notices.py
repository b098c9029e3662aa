"""Notices are kept until they are durable elsewhere, and never fill the disk."""

from pathlib import Path

from sidecar.contract.wire import Notice, NoticeKind
from sidecar.shipping.notices import MAX_NOTICES, NoticeSpool


def notice(number: int) -> Notice:
    return Notice(f"{number:026d}", 1, NoticeKind.GRANT_REFUSED, reason="the grant has expired")


def test_what_is_added_waits_in_order_until_removed(tmp_path: Path) -> None:
    spool = NoticeSpool(tmp_path)
    assert spool.waiting() == []
    assert all(spool.add(notice(n)) for n in (2, 1))
    assert NoticeSpool(tmp_path).waiting() == [notice(1), notice(2)]
    spool.remove(notice(1).id)
    spool.remove(notice(1).id)
    assert spool.waiting() == [notice(2)]


def test_the_number_kept_is_bounded(tmp_path: Path) -> None:
    spool = NoticeSpool(tmp_path)
    assert all(spool.add(notice(n)) for n in range(MAX_NOTICES))
    assert not spool.add(notice(MAX_NOTICES))
    assert len(spool.waiting()) == MAX_NOTICES
