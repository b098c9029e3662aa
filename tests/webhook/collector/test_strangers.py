"""Who comes without a good token: one event for each reason, however often and from wherever they came."""

import pytest
from audit_event_samples import make_maker

from webhook.collector.strangers import Strangers
from webhook.journal.events import AuditEvent, Kind, Outcome

pytestmark = pytest.mark.anyio
NO_POD, INVALID = "the token is not bound to a pod", "the token is not valid for the collector"


class Desk:
    """Strangers, and what is told of them."""

    def __init__(self) -> None:
        self._told: list[AuditEvent] = []
        self.strangers = Strangers(self._told.extend, make_maker())

    async def told(self) -> list[AuditEvent]:
        self._told.clear()
        await self.strangers.tell()
        return list(self._told)


async def test_nobody_is_told_of_when_nobody_came() -> None:
    assert await Desk().told() == []


async def test_each_reason_is_told_of_once_with_how_often_and_from_where() -> None:
    desk = Desk()
    for reason, address in ((INVALID, "10.0.0.7"), (NO_POD, "10.0.0.7"), (INVALID, "10.0.0.9")):
        desk.strangers.refuse(reason, address)
    first, second = await desk.told()
    assert (first.kind, first.outcome) == (Kind.DECISION, Outcome.FAILURE)
    assert first.where.namespace == "chaperone-system"
    assert first.reason.endswith(INVALID)
    assert first.details == {"times": "2", "from": "10.0.0.7 10.0.0.9"}
    assert second.reason.endswith(NO_POD)
    assert second.details == {"times": "1", "from": "10.0.0.7"}
    assert await desk.told() == []


async def test_a_flood_from_everywhere_is_one_short_event() -> None:
    desk = Desk()
    for number in range(5000):
        desk.strangers.refuse(INVALID, f"10.0.{number // 256}.{number % 256}")
    [event] = await desk.told()
    assert event.details["times"] == "5000"
    assert len(event.details["from"].split()) == 8
