"""Following approval requests by the API's watch, for ever: lost connections are opened again.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import urllib3

from webhook.approvals.objects import PLURAL, ApprovalRequest
from webhook.cli.answers import decoded_object
from webhook.cli.approval_access import ApprovalAccess
from webhook.cli.failures import CliError, ExitCode

_WATCH_SECONDS: Final = 600
_LONGEST_PAUSE: Final = 30.0
_GONE: Final = 410


class Change(msgspec.Struct, frozen=True):
    """A request that is there, has changed, or is gone."""

    ticket: ApprovalRequest
    is_gone: bool = False


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: tuple[ApprovalRequest, ...] | None = ()


class _Event(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Metadata(msgspec.Struct, frozen=True):
    metadata: _ListMetadata


class _GoneError(Exception):
    """What changed since then is not known any more, so that all must be listed again."""


class Follower:
    """Follows; ``lost`` is told once for each connection that is lost, ``pause`` waits so many seconds."""

    def __init__(
        self,
        access: ApprovalAccess,
        *,
        lost: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._access = access
        self._lost = lost
        self._pause = pause
        self._version = ""
        self._known: dict[str, ApprovalRequest] = {}
        self._failures = 0

    def follow(self) -> Iterator[Change]:
        """Give each request that is there, and each that comes, changes or goes. Raises CliError.

        An API server that cannot be reached is an error at the beginning and asked again later on.
        """
        yield from self._list()
        while True:
            try:
                if not self._version:
                    yield from self._list()
                yield from self._watch()
                self._failures = 0
            except _GoneError:
                self._version = ""
            except CliError as error:
                if error.code is not ExitCode.UNAVAILABLE:
                    raise
                self._again(str(error))

    def _again(self, why: str) -> None:
        if not self._failures:
            self._lost(why)
        self._pause(min(_LONGEST_PAUSE, 2.0**self._failures))
        self._failures = min(self._failures + 1, 10)

    def _list(self) -> Iterator[Change]:
        found = decoded_object(self._access.get(PLURAL), _List)
        self._version = found.metadata.resource_version
        now = {ticket.metadata.uid: ticket for ticket in found.items or ()}
        gone = [Change(ticket, is_gone=True) for uid, ticket in self._known.items() if uid not in now]
        new = [Change(ticket) for uid, ticket in now.items() if self._known.get(uid) != ticket]
        self._known = now
        yield from sorted((*gone, *new), key=lambda change: change.ticket.spec.expires_at)

    def _watch(self) -> Iterator[Change]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        with self._access.cluster.request(self._access.path(PLURAL), query) as answer:
            if answer.status == _GONE:
                raise _GoneError
            if not 200 <= answer.status < 300:
                self._access.content(answer.status, answer.read(), PLURAL, "")
            for line in _lines(answer):
                self._failures = 0
                yield from self._take(decoded_object(line, _Event))

    def _take(self, event: _Event) -> Iterator[Change]:
        if event.type == "BOOKMARK":
            self._version = decoded_object(bytes(event.object), _Metadata).metadata.resource_version
            return
        if event.type not in {"ADDED", "MODIFIED", "DELETED"}:
            raise _GoneError
        ticket = decoded_object(bytes(event.object), ApprovalRequest)
        self._version = ticket.metadata.resource_version
        if event.type == "DELETED":
            self._known.pop(ticket.metadata.uid, None)
        else:
            self._known[ticket.metadata.uid] = ticket
        yield Change(ticket, is_gone=event.type == "DELETED")


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Give complete lines as they come; a line that the connection's end cut off is none."""
    rest = b""
    for piece in answer.stream(64 * 1024):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line for line in lines if line.strip())
