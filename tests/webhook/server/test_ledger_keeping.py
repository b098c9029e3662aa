"""The ledger's tasks in the collector role: an alarm when nothing can be signed."""

import asyncio
from pathlib import Path

import pytest
from ledger_desk import ROOT, ROOTS, Desk
from ledger_samples import ledger_key

from sidecar.contract.errors import ClusterError
from webhook.collector.book import LedgerShrunkError
from webhook.server.ledger_keeping import LedgerKeeping


def keeping_of(desk: Desk, alarms: list[str]) -> LedgerKeeping:
    """The tasks, by the clock on the wall."""
    return LedgerKeeping(
        desk.store, desk, seconds=60, key=lambda: desk.keys[-1], roots=lambda: ROOTS, alarm=alarms.append
    )


def test_an_alarm_is_given_once_while_the_ledger_is_broken(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store.db")
    desk.keys.append(ledger_key(ROOT, since=0, until=1 << 40))
    alarms: list[str] = []
    keeping = keeping_of(desk, alarms)
    desk.session()
    keeping.sealing.seal()
    asyncio.run(keeping._give_out())
    assert keeping.sign() == desk.data["checkpoint"]
    desk.tamper("DELETE FROM ledger WHERE number >= 2")
    for _ in range(2):
        with pytest.raises(LedgerShrunkError):
            asyncio.run(keeping._give_out())
    assert [alarm.partition(":")[0] for alarm in alarms] == ["the ledger is truncated"]
    desk.store.close()


def test_an_alarm_is_given_once_while_no_key_is_certified(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store.db")
    desk.keys.append(ledger_key(ROOT, since=0, until=1))
    alarms: list[str] = []
    keeping = keeping_of(desk, alarms)
    for _ in range(2):
        with pytest.raises(ClusterError):
            asyncio.run(keeping._give_out())
    assert [alarm.partition(",")[0] for alarm in alarms] == [
        "the ledger's key is not certified for this time"
    ]
    desk.keys.append(ledger_key(ROOT, since=0, until=1 << 40))
    asyncio.run(keeping._give_out())
    assert keeping.sign() == desk.data["checkpoint"]
    desk.store.close()
