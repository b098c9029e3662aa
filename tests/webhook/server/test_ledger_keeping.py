"""The ledger's tasks in the collector role: an alarm when the ledger does not continue what was signed."""

import asyncio
from pathlib import Path

import pytest
from ledger_desk import ROOTS, Desk

from webhook.collector.book import LedgerShrunkError
from webhook.server.ledger_keeping import LedgerKeeping


def test_an_alarm_is_given_once_while_the_ledger_is_broken(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store.db")
    alarms: list[str] = []
    keeping = LedgerKeeping(
        desk.store, desk, seconds=60, key=lambda: desk.keys[-1], roots=lambda: ROOTS, alarm=alarms.append
    )
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
