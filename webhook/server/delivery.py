"""Ways of audit events from a journal to the store: over HTTPS, or to the store of the same process."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import urllib3

from sidecar.contract.errors import ClusterError
from webhook.collector.audit_route import Taken
from webhook.collector.recording import Recording
from webhook.journal.events import AuditEvent

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 40.0
"""The store may be slow."""
_LINES: Final = "application/x-ndjson"


class HttpsDelivery:
    """Sends events to the collector. ``bundle`` gives the PEM of the authorities trusted now."""

    def __init__(self, url: str, *, bundle: Callable[[], str], token_file: Path) -> None:
        """``token_file`` holds the pod's projected token, read anew each time: the kubelet renews it."""
        self._url = url
        self._bundle = bundle
        self._token_file = token_file
        self._trusted = ""
        self._pool: urllib3.PoolManager | None = None

    async def deliver(self, events: Sequence[bytes]) -> Mapping[int, str]:
        """Have events stored. Raises ClusterError."""
        return await asyncio.to_thread(self._send, b"\n".join(events))

    def close(self) -> None:
        """Close the connection."""
        if self._pool is not None:
            self._pool.clear()

    def _send(self, body: bytes) -> Mapping[int, str]:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": _LINES}
        try:
            answer = self._connections().request(
                "POST",
                self._url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(f"the collector cannot be reached ({type(error).__name__})") from None
        if answer.status != 200:
            raise ClusterError(f"the collector answered {answer.status}")
        try:
            refused = msgspec.json.decode(answer.data, type=Taken).refused
            return {int(place): reason for place, reason in refused.items()}
        except (msgspec.MsgspecError, ValueError):
            raise ClusterError("the collector's answer cannot be read") from None

    def _token(self) -> str:
        try:
            return self._token_file.read_text().strip()
        except OSError as error:
            raise ClusterError(f"no token to authenticate with: {error.strerror}") from None

    def _connections(self) -> urllib3.PoolManager:
        """Give the connections, new ones once other authorities are trusted."""
        bundle = self._bundle()
        if self._pool is None or bundle != self._trusted:
            self.close()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_verify_locations(cadata=bundle)
            self._pool, self._trusted = urllib3.PoolManager(ssl_context=context), bundle
        return self._pool


class OwnDelivery:
    """Puts events into the store of this process, on its event loop."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._decoder = msgspec.json.Decoder(AuditEvent)

    async def deliver(self, events: Sequence[bytes]) -> Mapping[int, str]:
        """Have events stored. Raises StoreError."""
        read: list[AuditEvent] = []
        refused: dict[int, str] = {}
        for place, event in enumerate(events):
            try:
                read.append(self._decoder.decode(event))
            except msgspec.MsgspecError:
                refused[place] = "it does not follow the schema: another version wrote it"
        if read:
            await self._recording.keep(read)
        return refused
