"""The same told again is one event with a count. Pure.

As ``events.k8s.io/v1`` wants it: an event is made once, and what repeats it within six minutes only raises
the count of its ``series``, which is written now and then. Source: KEP-383.
"""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec

from webhook.cluster_events.remarks import Reference, Remark

FINISH_SECONDS: Final = 360.0
"""A series without news for so long is over."""
_REFRESH_SECONDS: Final = 30.0
"""Between two writes of one series."""
_MOST_KEPT: Final = 2048
_SUBDOMAIN: Final = re.compile(
    r"(?=.{1,230}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
"""What may be part of an event's name; names of Roles, for one, may be anything."""
_BURST: Final = 25
_REFILL_SECONDS: Final = 60.0
"""An object gets a burst of events, and then one in so long."""


class Make(msgspec.Struct, frozen=True, kw_only=True):
    """Make an event."""

    name: str
    remark: Remark
    at: float
    """Unix seconds."""


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """Write the count of an event's series."""

    namespace: str
    name: str
    count: int
    at: float
    """When it was seen last, Unix seconds."""


@dataclass
class _Kept:
    name: str
    namespace: str
    last: float
    written: float
    count: int = 1
    told: int = 1


@dataclass
class _Allowance:
    left: float
    at: float


class Series:
    """Turns remarks into writes. Times are Unix seconds."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Remark, _Kept] = OrderedDict()
        self._allowances: OrderedDict[Reference, _Allowance] = OrderedDict()

    def take(self, remark: Remark, now: float) -> Make | None:
        """Give the event to make; None when it repeats one, or its object has too many already."""
        kept = self._kept.get(remark)
        if kept is not None and now - kept.last < FINISH_SECONDS:
            kept.count += 1
            kept.last = now
            return None
        if not self._allowed(remark.regarding, now):
            return None
        name = _name(remark, now)
        self._kept[remark] = _Kept(name, remark.regarding.namespace, last=now, written=now)
        self._kept.move_to_end(remark)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return Make(name=name, remark=remark, at=now)

    def due(self, now: float, *, everything: bool = False) -> list[Repeat]:
        """Give the series to write, and forget those that are over."""
        found: list[Repeat] = []
        for remark, kept in list(self._kept.items()):
            over = now - kept.last >= FINISH_SECONDS
            if kept.count > kept.told and (over or everything or now - kept.written >= _REFRESH_SECONDS):
                found.append(Repeat(namespace=kept.namespace, name=kept.name, count=kept.count, at=kept.last))
                kept.told, kept.written = kept.count, now
            if over:
                del self._kept[remark]
        return found

    def forget(self, name: str) -> None:
        """Forget an event that is gone, so that it is made anew."""
        for remark, kept in list(self._kept.items()):
            if kept.name == name:
                del self._kept[remark]

    def _allowed(self, regarding: Reference, now: float) -> bool:
        found = self._allowances.setdefault(regarding, _Allowance(_BURST, now))
        found.left = min(_BURST, found.left + (now - found.at) / _REFILL_SECONDS)
        found.at = now
        self._allowances.move_to_end(regarding)
        if len(self._allowances) > _MOST_KEPT:
            self._allowances.popitem(last=False)
        if found.left < 1:
            return False
        found.left -= 1
        return True


def _name(remark: Remark, now: float) -> str:
    """Give a name that no other event has: the object's, and a digest of what is told and when."""
    about = msgspec.json.encode((msgspec.to_builtins(remark), now))
    name = remark.regarding.name if _SUBDOMAIN.fullmatch(remark.regarding.name) else "chaperone"
    return f"{name}.{hashlib.sha256(about).hexdigest()[:16]}"
