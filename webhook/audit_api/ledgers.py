"""The ledger for whoever checks it: its entries as they are kept, checkpoints and proofs.

Entries are of all namespaces, so the resource is of the cluster, and so is the right to read it.
"""

import base64
from collections.abc import Callable
from typing import Final

from fastapi import FastAPI, Request, Response

from sidecar.contract.errors import ClusterError
from webhook.audit_api.access import LEDGERS, Action, Read, ReadHook
from webhook.audit_api.bodies import skip_body
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.ledger_objects import (
    NAME,
    Ledger,
    LedgerEntries,
    LedgerEntry,
    LedgerList,
    LedgerProof,
    LedgerSpec,
    LedgerStatus,
)
from webhook.audit_api.objects import API_VERSION, ListMeta, ObjectMeta, rfc3339
from webhook.audit_api.requests import Form, form_of, include_object, number, parameters
from webhook.audit_api.table import TABLE_CONTENT_TYPE, IncludeObject, ledger_table
from webhook.audit_api.threads import Threads
from webhook.ledger.entries import START_KEY, EntryError, Exported, Start, Value, read_entry
from webhook.ledger.proofs import consistency_proof, inclusion_proof
from webhook.ledger.tree import EMPTY_ROOT, fold, frontier_nodes
from webhook.ledger.verifying import KeptEntry
from webhook.store.contract import Store, StoreError

Sign = Callable[[], str]
"""Signs a checkpoint of now, gives it out, and gives it. Blocks; raises ClusterError."""
MAX_ENTRIES: Final = 1000
_DEFAULT_ENTRIES: Final = 500
_PAGE: Final = 100
_MAX_BYTES: Final = 8 * 1024 * 1024


class Ledgers:
    """Answers the requests about the ledger."""

    def __init__(self, store: Store, on_read: ReadHook, threads: Threads, sign: Sign | None) -> None:
        self._store = store
        self._on_read = on_read
        self._threads = threads
        self._sign = sign

    def mount(self, app: FastAPI) -> None:
        """Add the routes."""
        base = f"/apis/{API_VERSION}/ledgers"
        app.add_route(base, self.list, ["GET"])
        app.add_route(f"{base}/{{name}}", self.get, ["GET"])
        app.add_route(f"{base}/{{name}}/entries", self.entries, ["GET"])
        app.add_route(f"{base}/{{name}}/proof", self.proof, ["GET"])
        app.add_route(f"{base}/{{name}}/checkpoint", self.checkpoint, ["GET"])
        app.add_route(f"{base}/{{name}}/checkpoint", self.sign, ["POST"])

    async def list(self, request: Request) -> Response:
        """List the one ledger."""
        form, include = _form(request)
        await self._note(request, action=Action.LIST)
        ledger = await self._threads.run(self._ledger)
        version = ListMeta(ledger.metadata.resource_version)
        if form is Form.OBJECT:
            return json_response(LedgerList(version, [ledger]))
        rows = ledger_table(ledger, version, include=include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    async def get(self, request: Request) -> Response:
        """Give the ledger."""
        form, include = _form(request)
        await self._note(request)
        ledger = await self._threads.run(self._ledger)
        if form is Form.OBJECT:
            return json_response(ledger)
        rows = ledger_table(ledger, ListMeta(ledger.metadata.resource_version), include=include)
        return json_response(rows, content_type=TABLE_CONTENT_TYPE)

    async def entries(self, request: Request) -> Response:
        """Give a page of entries, or the one with a ``key``."""
        query = parameters(request.query_params.multi_items())
        start = number(query, "start", 0)
        limit = min(number(query, "limit", 0) or _DEFAULT_ENTRIES, MAX_ENTRIES)
        key = query.get("key", "")
        await self._note(request, "/entries")
        if key:
            return json_response(await self._threads.run(self._named, key))
        return json_response(await self._threads.run(self._page, start, limit))

    async def proof(self, request: Request) -> Response:
        """Give an inclusion proof for ``index`` or a consistency proof from ``first``, at ``size`` or now."""
        query = parameters(request.query_params.multi_items())
        if ("index" in query) == ("first" in query):
            raise ApiError(Reason.BAD_REQUEST, "ask for the proof of an entry (index) or of growth (first)")
        name = "index" if "index" in query else "first"
        asked, size = number(query, name, 0), number(query, "size", 0)
        await self._note(request, "/proof")
        return json_response(await self._threads.run(self._proof, name, asked, size))

    async def checkpoint(self, request: Request) -> Response:
        """Give the newest checkpoint that was signed, as text."""
        await self._note(request, "/checkpoint")
        kept = await self._threads.run(self._store.latest_entry, "checkpoint")
        value = _value(kept)
        if not isinstance(value, Exported):
            raise ApiError(Reason.NOT_FOUND, "no checkpoint was signed yet; create one", kind="ledgers")
        return Response(value.checkpoint, media_type="text/plain")

    async def sign(self, request: Request) -> Response:
        """Sign a checkpoint of now, and give it as text. Whatever is posted says nothing."""
        await skip_body(request, "nothing needs to be posted to have a checkpoint signed")
        await self._note(request, "/checkpoint", Action.SIGN)
        if self._sign is None:
            raise ApiError(Reason.METHOD_NOT_ALLOWED, "this server does not sign checkpoints")
        try:
            signed = await self._threads.run(self._sign)
        except StoreError:
            raise
        except ClusterError as error:
            raise ApiError(Reason.INTERNAL, str(error)) from None
        return Response(signed, 201, media_type="text/plain")

    async def _note(self, request: Request, part: str = "", action: Action = Action.GET) -> None:
        name = request.path_params.get("name", NAME)
        await self._on_read(Read(identity_of(request), action, None, name, f"{LEDGERS}{part}"))
        if name != NAME:
            message = f'ledgers.audit.chaperone.dev "{name}" not found; there is one, "{NAME}"'
            raise ApiError(Reason.NOT_FOUND, message, name=name, kind="ledgers")

    def _ledger(self) -> Ledger:
        frontier = self._store.ledger()
        first, newest = self._store.entry(START_KEY), self._store.latest_entry("checkpoint")
        start, signed = _value(first), _value(newest)
        origin, roots, begun = "", (), 0
        if isinstance(start, Start):
            origin, begun = start.origin, start.at
            roots = tuple(base64.b64encode(bytes.fromhex(root)).decode() for root in start.roots)
        exported = signed if isinstance(signed, Exported) else None
        return Ledger(
            ObjectMeta(
                name=NAME,
                namespace="",
                resource_version=str(frontier.size + 1),
                creation_timestamp=rfc3339(begun, timespec="seconds") if begun else "",
            ),
            LedgerSpec(origin, roots),
            LedgerStatus(
                size=frontier.size,
                root=base64.b64encode(frontier.root).decode(),
                signed_size=exported.size if exported else 0,
                signed_at=rfc3339(exported.at) if exported else "",
            ),
        )

    def _page(self, start: int, limit: int) -> LedgerEntries:
        items: list[LedgerEntry] = []
        size = 0
        while len(items) < limit and size < _MAX_BYTES:
            found = self._store.entries(start=start, limit=min(_PAGE, limit - len(items)))
            if not found:
                return LedgerEntries(items)
            for entry in found:
                items.append(_entry(entry))
                size += len(entry.data)
            start = found[-1].index + 1
        return LedgerEntries(items, start)

    def _named(self, key: str) -> LedgerEntries:
        kept = self._store.entry(key)
        return LedgerEntries([] if kept is None else [_entry(kept)])

    def _proof(self, name: str, asked: int, wanted: int) -> LedgerProof:
        frontier = self._store.ledger()
        size = wanted or frontier.size
        if size > frontier.size:
            raise ApiError(Reason.BAD_REQUEST, f"the ledger has {frontier.size} entries, not {size}")
        make = inclusion_proof if name == "index" else consistency_proof
        hashes = [node.hex() for node in make(asked, size, self._store.ledger_nodes)]
        nodes = self._store.ledger_nodes(frontier_nodes(size))
        root = base64.b64encode(fold(nodes) if nodes else EMPTY_ROOT).decode()
        if name == "index":
            return LedgerProof(size, root, hashes, index=asked)
        return LedgerProof(size, root, hashes, first=asked)


def _entry(kept: KeptEntry) -> LedgerEntry:
    return LedgerEntry(kept.index, kept.key, kept.data, tuple(node.hex() for node in kept.nodes))


def _value(kept: KeptEntry | None) -> Value | None:
    """Give what an entry says, None for one that was changed into none: whoever verifies will find it."""
    try:
        return None if kept is None else read_entry(kept.data)
    except EntryError:
        return None


def _form(request: Request) -> tuple[Form, IncludeObject]:
    query = parameters(request.query_params.multi_items())
    return form_of(request.headers.get("accept", "")), include_object(query)
