"""Notices are kept until they are durable elsewhere, and never fill the disk."""

from pathlib import Path

from sidecar.contract.wire import Notice, NoticeKind
from sidecar.shipping.notices import MAX_NOTICES, NoticeSpool


def notice(number: int) -> Notice:
    return Notice(f"{number:026d}", 1, NoticeKind.GRANT_REFUSED, reason="the grant has expired")


def test_what_is_added_waits_in_order_until_removed(tmp_path: Path) -> None:
    spool = NoticeSpool(tmp_path)
    assert spool.names() == []
    assert all(spool.add(notice(n)) for n in (2, 1))
    assert [spool.load(name) for name in NoticeSpool(tmp_path).names()] == [notice(1), notice(2)]
    spool.remove(notice(1).id)
    spool.remove(notice(1).id)
    assert spool.names() == [notice(2).id]


def test_the_number_kept_is_bounded(tmp_path: Path) -> None:
    spool = NoticeSpool(tmp_path)
    assert all(spool.add(notice(n)) for n in range(MAX_NOTICES))
    assert not spool.add(notice(MAX_NOTICES))
    assert len(spool.names()) == MAX_NOTICES


def test_a_very_long_command_line_is_left_out(tmp_path: Path) -> None:
    spool = NoticeSpool(tmp_path)
    long = Notice("01", 1, NoticeKind.GRANT_REFUSED, reason="why", argv=("x" * 100_000,))
    assert spool.add(long)
    kept = spool.load("01")
    assert (kept.kind, kept.reason) == (long.kind, "why")
    assert len(kept.argv[0]) < 100
