"""Whoever comes without a token that proves a pod: refused at the door, counted, and told of now and then.

One event tells of all that were refused for the same reason: whoever can reach the port can come as often as
they like.
"""

from dataclasses import dataclass, field
from typing import Final

from webhook.collector.finding_alerts import Tell
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.making import Maker

TELL_SECONDS: Final = 30.0
"""Between two events about the same."""
_MOST_ADDRESSES: Final = 8


@dataclass
class _Refused:
    times: int = 0
    addresses: list[str] = field(default_factory=list[str])
    """The first few, each once."""


class Strangers:
    """Counts those that were refused since they were last told of. Used on one event loop."""

    def __init__(self, tell: Tell, maker: Maker) -> None:
        self._tell = tell
        self._maker = maker
        self._refused: dict[str, _Refused] = {}

    def refuse(self, reason: str, address: str) -> None:
        """Count one; ``reason`` is one of a few texts, and holds no token."""
        refused = self._refused.setdefault(reason, _Refused())
        refused.times += 1
        if address not in refused.addresses and len(refused.addresses) < _MOST_ADDRESSES:
            refused.addresses.append(address)

    async def tell(self) -> None:
        """Tell of each reason with an event, and count anew (PCI DSS 10.2.1.4)."""
        taken, self._refused = self._refused, {}
        self._tell([self._event(reason, refused) for reason, refused in taken.items()])

    def _event(self, reason: str, refused: _Refused) -> AuditEvent:
        return self._maker.own(
            Kind.DECISION,
            Outcome.FAILURE,
            f"who came to the collector was refused: {reason}",
            details={"times": str(refused.times), "from": " ".join(refused.addresses)},
        )
