"""Every read of the record, as it is about to be answered: the one place where reads become known."""

import logging
from collections.abc import Awaitable, Callable
from enum import Enum

import msgspec

from sidecar.contract.sealing import Identity


class Action(Enum):
    """What is read."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    EVENTS = "events"
    CAST = "cast"
    SEARCH = "search"
    NOTICES = "notices"
    LEDGER = "ledger"


class Read(msgspec.Struct, frozen=True):
    """Who reads what. The text of a search is not in it: it may be what must not be written down."""

    reader: Identity
    action: Action
    namespace: str | None
    """None for all."""
    session: str = ""


ReadHook = Callable[[Read], Awaitable[None]]
"""Awaited before anything is given; when it raises, nothing is."""


async def log_read(read: Read) -> None:
    """Write a read to the log."""
    logging.getLogger(__name__).info(
        "read action=%s reader=%r namespace=%r session=%r",
        read.action.value,
        read.reader.username,
        read.namespace or "*",
        read.session,
    )
