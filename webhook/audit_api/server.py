"""The audit API's listener: TLS whose certificate and trust are renewed while it serves."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from sidecar.contract.errors import ChaperoneError
from webhook.audit_api.connection import ClientCertificateProtocol, RenewedContext, server_context
from webhook.audit_api.identity import FrontProxyTrust, parse_trust

PORT: Final = 9443
_REFRESH_SECONDS: Final = 30.0
_MAX_HEADER_BYTES: Final = 256 * 1024
"""A user may be in hundreds of groups, each a header."""
_GRACE_SECONDS: Final = 5


class ClusterFrontProxy:
    """The trust that the API server publishes, as last read; a failed read keeps it."""

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        """``read`` gives the data of ConfigMap kube-system/extension-apiserver-authentication."""
        self._read = read
        self._trust: FrontProxyTrust | None = None

    def trust(self) -> FrontProxyTrust | None:
        """Give the trust, None while it was never read."""
        return self._trust

    def refresh(self) -> bool:
        """Read it again; tell whether it changed. Blocks. Raises ClusterError and ConfigurationError."""
        trust = parse_trust(self._read())
        changed, self._trust = trust != self._trust, trust
        return changed


class AuditListener:
    """TLS for the audit API. ``load_serving`` puts the serving certificate of now into a context."""

    def __init__(
        self, front_proxy: ClusterFrontProxy, load_serving: Callable[[ssl.SSLContext], None]
    ) -> None:
        self._front_proxy = front_proxy
        self._load_serving = load_serving
        self._contexts = RenewedContext(self._context())

    def renew(self) -> None:
        """Serve connections from now on with the certificate and trust of now."""
        self._contexts.renew(self._context())

    def config(self, app: ASGIApp, *, host: str = "", port: int = PORT) -> uvicorn.Config:
        """Give the server's configuration."""
        return uvicorn.Config(
            app,
            host=host,
            port=port,
            http=ClientCertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_context_factory=self._listener_context,
        )

    async def keep_trust(self) -> None:
        """Follow the front proxy's trust until cancelled."""
        while True:
            try:
                if await asyncio.to_thread(self._front_proxy.refresh):
                    self.renew()
            except ChaperoneError as error:
                logging.getLogger(__name__).warning("front-proxy trust not read: %s", error)
            await asyncio.sleep(_REFRESH_SECONDS)

    def _listener_context(self, _: uvicorn.Config, __: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        return self._contexts.listener

    def _context(self) -> ssl.SSLContext:
        trust = self._front_proxy.trust()
        return server_context(self._load_serving, trust.ca if trust else None)
