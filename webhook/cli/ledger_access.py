"""The ledger as the aggregated API gives it."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.audit_api.ledger_objects import NAME, Ledger, LedgerEntries, LedgerEntry
from webhook.audit_api.objects import API_VERSION
from webhook.cli.answers import decoded, unreadable
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.refusals import Asked, refused
from webhook.ledger.verifying import KeptEntry

_PAGE: Final = 500
_T = TypeVar("_T")


class DamagedError(CliError):
    """The store cannot read an entry any more; the text names it."""


class LedgerAccess:
    """The ledger of one cluster. Every method raises CliError."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ledger(self) -> Ledger:
        """Give what the ledger says of itself."""
        return decoded(self._ask((), Asked("get", "ledgers", None)), Ledger)

    def entries(self, first: int = 0) -> Iterator[KeptEntry]:
        """Give all entries from a number on, as they are kept."""
        start: int | None = first
        while start is not None:
            page = self._page({"start": str(start), "limit": str(_PAGE)})
            yield from map(_kept, page.items)
            start = None if isinstance(page.next_start, msgspec.UnsetType) else page.next_start

    def page(self, start: int, limit: int) -> list[KeptEntry]:
        """Give at most ``limit`` entries from number ``start``; one at least where there is one."""
        return list(map(_kept, self._page({"start": str(start), "limit": str(limit)}).items))

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key, None when there is none."""
        found = list(map(_kept, self._page({"key": key}).items))
        return found[0] if found and found[0].key == key else None

    def checkpoint(self, *, sign: bool) -> str:
        """Give the newest checkpoint, signed now or before."""
        asked = Asked("create" if sign else "get", "ledgers/checkpoint", None)
        try:
            return self._ask(("checkpoint",), asked, body=b"{}" if sign else None).decode()
        except UnicodeDecodeError:
            raise unreadable() from None

    def _page(self, parameters: Mapping[str, str]) -> LedgerEntries:
        body = self._ask(("entries",), Asked("get", "ledgers/entries", None), parameters)
        return decoded(body, LedgerEntries)

    def _ask(
        self,
        part: tuple[str, ...],
        asked: Asked,
        parameters: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> bytes:
        path = ("apis", *API_VERSION.split("/"), "ledgers", NAME, *part)
        with self._cluster.request(
            path, parameters or {}, body=body, accept="application/json, */*"
        ) as answer:
            content = answer.read()
        if answer.status == 404 and b"no checkpoint was signed yet" in content:
            raise CliError(
                "no checkpoint was signed yet\nHave one signed: chaperone ledger checkpoint --now",
                ExitCode.NOT_FOUND,
            )
        if answer.status == 500 and (damaged := _damaged(content)):
            raise DamagedError(damaged)
        if answer.status not in (200, 201):
            raise refused(answer.status, content, asked)
        return content


class _Details(msgspec.Struct, frozen=True):
    kind: str = ""


class _Failure(msgspec.Struct, frozen=True):
    """metav1.Status, as far as it tells of a damaged ledger."""

    message: str = ""
    details: _Details = _Details()


def _damaged(content: bytes) -> str:
    """Give what of the ledger is damaged, as an answer says; nothing when it is about something else."""
    try:
        failure = msgspec.json.decode(content, type=_Failure)
    except UNREADABLE:
        return ""
    return failure.message if failure.details.kind == "ledgers" else ""


def _kept(item: LedgerEntry) -> KeptEntry:
    try:
        return KeptEntry(item.index, item.key, item.data, tuple(map(bytes.fromhex, item.nodes)))
    except ValueError:
        raise unreadable() from None
