"""Every read of the record, as it is about to be answered: the one place where reads become known."""

import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

import msgspec

from sidecar.contract.names import AUDIT_GROUP
from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Stamp

SESSIONS: Final = "sessions"
EVENTS: Final = "auditevents"
LEDGERS: Final = "ledgers"
EXPORTS: Final = "exports"
_OWN_RESOURCES: Final = {"notices": "notices", "search": "searches", "search-events": "eventsearches"}


class Action(Enum):
    """What is read."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    EVENTS = "events"
    CAST = "cast"
    SEARCH = "search"
    SEARCH_EVENTS = "search-events"
    NOTICES = "notices"
    SIGN = "sign"
    """A checkpoint of the ledger was asked to be signed."""
    EXPORT = "export"
    """Evidence is being put together, or was, and is asked to be signed."""


class Read(msgspec.Struct, frozen=True):
    """Who reads what. The text of a search is not in it: it may be what must not be written down."""

    reader: Identity
    action: Action
    namespace: str | None
    """None for all."""
    name: str = ""
    resource: str = SESSIONS
    asked: str = ""
    """What of, in one line, where the resource does not say it."""
    details: dict[str, str] = {}


def read_event(stamp: Stamp, read: Read) -> AuditEvent:
    """Give the audit event of a read (PCI DSS 10.2.1.3). It is known before anything is given."""
    action = read.action.value
    resource = _OWN_RESOURCES.get(action, read.resource)
    if read.action in {Action.EVENTS, Action.CAST}:
        resource = f"{resource}/{action}"
    return AuditEvent(
        id=stamp.id,
        at=stamp.at,
        origin=stamp.origin,
        kind=Kind.RECORD_READ,
        outcome=Outcome.SUCCESS,
        actor=read.reader,
        where=Where(namespace=read.namespace or "", resource=f"{resource}.{AUDIT_GROUP}", name=read.name),
        operation=_OPERATIONS.get(read.action, action),
        asked=read.asked,
        details=read.details,
        session=read.name if read.resource == SESSIONS else "",
    )


_OPERATIONS: Final = {
    Action.EVENTS: "get",
    Action.CAST: "get",
    Action.NOTICES: "list",
    Action.SEARCH_EVENTS: "search",
}
"""What is done to the resource, where the action says which resource it is."""

ReadHook = Callable[[Read], Awaitable[None]]
"""Awaited before anything is given; when it raises, nothing is."""


async def log_read(read: Read) -> None:
    """Write a read to the log."""
    logging.getLogger(__name__).info(
        "read %s action=%s reader=%r namespace=%r name=%r",
        read.resource,
        read.action.value,
        read.reader.username,
        read.namespace or "*",
        read.name,
    )
