"""Exports of evidence: announced before they are put together, and signed when they are.

The collector does not see what is in a bundle. It writes down who made which, as an audit event, and signs
its digest, so that no byte of it can be changed afterwards. What is proven is in it (docs/evidence.md).
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from msgspec import UNSET, UnsetType

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import ClusterError
from webhook.audit_api.access import EXPORTS, Action, Read, ReadHook
from webhook.audit_api.bodies import body_of
from webhook.audit_api.errors import ApiError, Reason
from webhook.audit_api.gate import identity_of, json_response
from webhook.audit_api.objects import API_VERSION, Part
from webhook.audit_api.threads import Threads
from webhook.replay.safety import printable
from webhook.store.contract import StoreError

Vouch = Callable[[str], tuple[str, str]]
"""Gives the signature over a digest, and the certificate of the key. Blocks; raises ClusterError."""
_MOST_BYTES: Final = 16 * 1024
_MOST_ASKED: Final = 1024
_DIGEST: Final = re.compile("[0-9a-f]{64}", re.ASCII)


class ExportSpec(Part, frozen=True):
    """What is exported."""

    asked: str
    """In one line."""
    digest: str = ""
    """SHA-256 of the bundle's SHA256SUMS, in hexadecimal, once it is put together."""


class ExportStatus(Part, frozen=True):
    """The collector's signature."""

    signature: str
    """A signed note (https://c2sp.org/signed-note)."""
    certificate: str
    """The root's certificate for the key that signed."""


class Export(Part, frozen=True, omit_defaults=False):
    """An export; it is an audit event and not kept as an object."""

    spec: ExportSpec
    api_version: str = API_VERSION
    kind: str = "Export"
    metadata: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict[str, msgspec.Raw])
    status: ExportStatus | UnsetType = UNSET
    """Present when there is a digest."""


class Exports:
    """Answers the requests about exports."""

    def __init__(self, on_read: ReadHook, threads: Threads, vouch: Vouch | None) -> None:
        self._on_read = on_read
        self._threads = threads
        self._vouch = vouch

    def mount(self, app: FastAPI) -> None:
        """Add the route."""
        app.add_route(f"/apis/{API_VERSION}/{EXPORTS}", self.create, ["POST"])

    async def create(self, request: Request) -> Response:
        """Note an export, and sign it when it is put together."""
        export = _parse(await body_of(request, "an Export", most=_MOST_BYTES))
        digest = export.spec.digest
        details = {"digest": digest} if digest else {}
        asked = printable(export.spec.asked)
        read = Read(identity_of(request), Action.EXPORT, None, "", EXPORTS, asked, details)
        await self._on_read(read)
        if not digest:
            return json_response(Export(ExportSpec(asked)), code=201)
        if self._vouch is None:
            raise ApiError(Reason.METHOD_NOT_ALLOWED, "this server does not sign evidence")
        try:
            signature, certificate = await self._threads.run(self._vouch, digest)
        except StoreError:
            raise
        except ClusterError as error:
            raise ApiError(Reason.INTERNAL, str(error)) from None
        signed = Export(ExportSpec(asked, digest), status=ExportStatus(signature, certificate))
        return json_response(signed, code=201)


def _parse(body: bytes) -> Export:
    try:
        export = msgspec.json.decode(body, type=Export)
    except UNREADABLE as error:
        raise ApiError(Reason.BAD_REQUEST, f"the Export cannot be read: {error}") from None
    if not 0 < len(export.spec.asked) <= _MOST_ASKED:
        raise ApiError(Reason.BAD_REQUEST, f"spec.asked says what is exported, in {_MOST_ASKED} characters")
    if export.spec.digest and not _DIGEST.fullmatch(export.spec.digest):
        raise ApiError(Reason.BAD_REQUEST, "spec.digest is a SHA-256 in hexadecimal, small letters")
    return export
