"""One WebSocket connection to the collector, without threads and without an event loop.

The protocol is websockets' own (RFC 6455); only the TLS socket is driven here. Sending blocks while the
collector takes nothing, which is the back-pressure wanted; receiving never blocks.
"""

import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

from sidecar.contract.errors import ClusterError
from sidecar.contract.wire import MAX_MESSAGE_BYTES
from sidecar.shipping.lookup import addresses

_READ_BYTES: Final = 64 * 1024


class ConnectionFailedError(ClusterError):
    """The collector cannot be reached, or the connection broke; the text says how."""


@dataclass(frozen=True)
class Limits:
    """Times in seconds after which a connection is given up."""

    opening: float
    """To look the name up, to connect to each of its addresses, check certificates and authenticate, each."""
    stall: float
    """Without any headway while there is something to send."""


class Connection:
    """An open connection. Every method may raise ConnectionFailedError; then it is of no more use."""

    def __init__(self, sock: ssl.SSLSocket, protocol: ClientProtocol, limits: Limits) -> None:
        self._sock = sock
        self._protocol = protocol
        self._limits = limits

    @classmethod
    def open(cls, url: str, *, address: str = "", ca: str, token: str, limits: Limits) -> "Connection":
        """Connect, check the certificate and the host's name, and authenticate.

        ``address`` is tried before it is asked what the host's name means: every container of a pod may write
        ``/etc/hosts`` and ``/etc/resolv.conf`` for all of them. An address can change, so the name is not
        forgotten. The certificate must be for the name either way.
        """
        uri = parse_uri(url)
        protocol = ClientProtocol(uri, max_size=MAX_MESSAGE_BYTES)
        connection = cls(_reach(uri, address, ca, limits), protocol, limits)
        try:
            connection._shake_hands(token)
        except ConnectionFailedError:
            connection.close()
            raise
        return connection

    def fileno(self) -> int:
        """Give the socket's descriptor, to be polled for reading."""
        return self._sock.fileno()

    def send(self, message: bytes) -> None:
        """Send a binary message; returns once the kernel has it."""
        self._protocol.send_binary(message)
        self._flush()

    def receive(self) -> list[bytes]:
        """Give the messages that have arrived; answers pings by the way."""
        messages: list[bytes] = []
        while (data := self._arrived()) is not None:
            messages += self._take(data)
            if not data:
                raise ConnectionFailedError("the collector is gone")
        return messages

    def close(self) -> None:
        """Say goodbye if that is possible at once, and let go."""
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._flush()
        except ConnectionFailedError:
            return
        finally:
            self._sock.close()

    def _shake_hands(self, token: str) -> None:
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {token}"
        self._protocol.send_request(request)
        self._flush()
        deadline = time.monotonic() + self._limits.opening
        while self._protocol.state is State.CONNECTING:
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._sock.recv(_READ_BYTES)
            except OSError as error:
                raise ConnectionFailedError(f"the collector does not answer: {_why(error)}") from None
            self._take(data)
            if not data or self._protocol.handshake_exc is not None:
                raise ConnectionFailedError(f"the collector refuses: {_why(self._protocol.handshake_exc)}")

    def _arrived(self) -> bytes | None:
        """Give bytes that are there, none at the connection's end; None when nothing is there."""
        self._sock.settimeout(0)
        try:
            return self._sock.recv(_READ_BYTES)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except OSError as error:
            raise ConnectionFailedError(f"the connection broke: {_why(error)}") from None

    def _take(self, data: bytes) -> list[bytes]:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        messages = [self._content(event) for event in self._protocol.events_received()]
        if self._protocol.handshake_exc is None:
            self._flush()
            if self._protocol.state in {State.CLOSING, State.CLOSED}:
                raise ConnectionFailedError(f"the collector closed the connection{self._closing()}")
        return [message for message in messages if message is not None]

    def _content(self, event: Frame | Request | Response) -> bytes | None:
        """Give a message's bytes; the collector never fragments its short messages."""
        if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
            return bytes(event.data)
        return None

    def _closing(self) -> str:
        close = self._protocol.close_rcvd
        return "" if close is None else f" ({close.code})"

    def _flush(self) -> None:
        self._sock.settimeout(self._limits.stall)
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._sock.sendall(data)
        except OSError as error:
            raise ConnectionFailedError(f"the connection broke: {_why(error)}") from None


def _reach(uri: WebSocketURI, address: str, ca: str, limits: Limits) -> ssl.SSLSocket:
    """Give a connection to the first place where the collector is found."""
    failures: list[str] = []
    for place in (address, uri.host) if address else (uri.host,):
        try:
            return _dial(uri, place, ca, limits)
        except (OSError, ValueError) as error:
            failures.append(f"no connection to {place}: {_why(error)}")
    raise ConnectionFailedError("; ".join(failures))


def _dial(uri: WebSocketURI, place: str, ca: str, limits: Limits) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=ca)
    raw = _connected(place, uri.port, limits)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            raw.setsockopt(socket.IPPROTO_TCP, option, value)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.stall * 1000))
        return context.wrap_socket(raw, server_hostname=uri.host)
    except OSError:
        raw.close()
        raise


def _connected(place: str, port: int, limits: Limits) -> socket.socket:
    """Give a connection to the first address of a place that takes one."""
    *others, last = addresses(place, seconds=limits.opening)
    for address in others:
        with suppress(OSError):
            return socket.create_connection((address, port), timeout=limits.opening)
    return socket.create_connection((last, port), timeout=limits.opening)


def _why(error: BaseException | None) -> str:
    """Say what went wrong in few words, without anything the other side chose."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if isinstance(error, (OSError, ValueError, WebSocketException)) else "closed"
