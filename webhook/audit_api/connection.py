"""TLS of the audit API: the client certificate of a connection, and trust that changes while serving."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

import msgspec
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_KEY: Final = "front_proxy_common_names"


class _PeerCertificate(msgspec.Struct, frozen=True):
    subject: tuple[tuple[tuple[str, str], ...], ...] = ()


class ClientCertificateProtocol(H11Protocol):
    """Tells the application the common names of the client certificate that TLS verified."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin a connection whose handshake is done."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _KEY: _names(transport.get_extra_info("peercert"))}


def common_names(scope: Scope) -> tuple[str, ...] | None:
    """Give the common names of the connection's client certificate, None without a certificate."""
    return scope.get("state", {}).get(_KEY)


def _names(certificate: object) -> tuple[str, ...] | None:
    """Read what SSLSocket.getpeercert gives: none, or a dictionary with the subject's parts."""
    if not certificate:
        return None
    subject = msgspec.convert(certificate, _PeerCertificate).subject
    return tuple(value for part in subject for name, value in part if name == "commonName")


def server_context(load_serving: Callable[[ssl.SSLContext], None], client_ca: str | None) -> ssl.SSLContext:
    """Give a context that asks for a client certificate signed by ``client_ca`` (PEM) and goes on without.

    Health checks of the kubelet have none; a certificate of anyone else ends the handshake. Sessions are
    never resumed: a certificate is checked again on every connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    load_serving(context)
    if client_ca:
        context.load_verify_locations(cadata=client_ca)
    return context


class RenewedContext:
    """A listener's context that hands every connection to the newest one, at its ClientHello."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._current = context
        self.listener = context
        """What the listener is opened with."""
        self.listener.sni_callback = self._choose

    def renew(self, context: ssl.SSLContext) -> None:
        """Serve connections from now on with another context."""
        self._current = context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _: str | None, __: ssl.SSLContext) -> None:
        connection.context = self._current
