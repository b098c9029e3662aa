"""All approval requests as a watch tells of them: who waits for one is woken, and what is due is found.

One watch serves any number of requests that are held back; none of them costs a thread.
"""

import asyncio
import logging
import threading
from typing import Final

import msgspec
from msgspec.structs import replace

from webhook.approvals.objects import ASK_LABEL, ApprovalRequest, Phase, generation_of

_log = logging.getLogger(__name__)
_Key = tuple[str, str]
_requests: Final = msgspec.json.Decoder(ApprovalRequest)


class ApprovalBoard:
    """Takes what a follower tells from its thread; :meth:`wait` is called on one event loop."""

    def __init__(self, *, most_waiting: int) -> None:
        """``most_waiting`` is how many may wait at a time."""
        self._most = most_waiting
        self._lock = threading.Lock()
        self._tickets: dict[_Key, ApprovalRequest] = {}
        self._last: dict[_Key, int] | None = None
        """By namespace and name of the action; what is removed stays in it until the next list."""
        self._waiting: dict[_Key, set[asyncio.Future[None]]] = {}
        self._count = 0

    def tickets(self) -> list[ApprovalRequest]:
        """Give all, without what was shown of their objects."""
        with self._lock:
            return list(self._tickets.values())

    @property
    def is_known(self) -> bool:
        """Whether all requests have been told of."""
        return self._last is not None

    def generation(self, namespace: str, base: str) -> int | None:
        """Give which was the last request for one action, from 1; 0 for none, None while nothing is known."""
        with self._lock:
            return None if self._last is None else self._last.get((namespace, base), 0)

    async def wait(self, ticket: ApprovalRequest, seconds: float) -> bool:
        """Wait until a request is decided, at most so long; False when it is not, or too many wait."""
        key = (ticket.metadata.namespace, ticket.metadata.name)
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._is_decided(key):
                return True
            if self._count >= self._most:
                return False
            self._count += 1
            self._waiting.setdefault(key, set()).add(told)
        try:
            async with asyncio.timeout(seconds):
                await told
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._count -= 1
                others = self._waiting.get(key, set())
                others.discard(told)
                if not others:
                    self._waiting.pop(key, None)
        return True

    def listed(self, objects: list[msgspec.Raw]) -> None:
        """Take all objects there are."""
        found = {_key(ticket): ticket for obj in objects if (ticket := _read(obj)) is not None}
        with self._lock:
            self._tickets, self._last = found, {}
            for ticket in found.values():
                self._count_in(ticket)
            for key in list(self._waiting):
                self._wake(key)

    def changed(self, obj: msgspec.Raw) -> None:
        """Take one that was added or changed."""
        ticket = _read(obj)
        if ticket is None:
            return
        with self._lock:
            self._tickets[_key(ticket)] = ticket
            self._count_in(ticket)
            self._wake(_key(ticket))

    def deleted(self, obj: msgspec.Raw) -> None:
        """Take the last state of one that is gone."""
        ticket = _read(obj)
        if ticket is None:
            return
        with self._lock:
            self._tickets.pop(_key(ticket), None)

    def _count_in(self, ticket: ApprovalRequest) -> None:
        """Know of the action of a request; with the lock held."""
        if self._last is None:
            return
        metadata = ticket.metadata
        key = (metadata.namespace, metadata.labels.get(ASK_LABEL, ""))
        self._last[key] = max(self._last.get(key, 0), generation_of(ticket))

    def _is_decided(self, key: _Key) -> bool:
        known = self._tickets.get(key)
        return known is not None and known.status.phase is not Phase.PENDING

    def _wake(self, key: _Key) -> None:
        """Wake who waits for a request, if it is decided; with the lock held."""
        if not self._is_decided(key):
            return
        for told in self._waiting.get(key, ()):
            told.get_loop().call_soon_threadsafe(_resolve, told)


def _resolve(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)


def _read(obj: msgspec.Raw) -> ApprovalRequest | None:
    """Give a request without what is large; one that cannot be read is none of ours, and stops nothing."""
    try:
        ticket = _requests.decode(obj)
    except msgspec.MsgspecError:
        _log.warning("an approval request cannot be read; is it of another version?")
        return None
    return replace(ticket, spec=replace(ticket.spec, shown=""))


def _key(ticket: ApprovalRequest) -> _Key:
    return ticket.metadata.namespace, ticket.metadata.name
