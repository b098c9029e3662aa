"""A recorder that sends a gigabyte in one message is refused and recorded, and costs no memory."""

import base64
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from collector_server import TOKEN, CollectorServer, running
from memory import peak_mebibytes
from shipper_process import until

from sidecar.contract.wire import MAX_MESSAGE_BYTES, Hello, NoticeKind, encode
from webhook.store.contract import PodNotice

GIBIBYTE = 1 << 30
PIECE = 1 << 16
BINARY, CONTINUATION, FINAL = 0x2, 0x0, 0x80
"""RFC 6455 5.2."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollectorServer]:
    with running(tmp_path) as server:
        yield server


class Bare:
    """A WebSocket of which every byte is chosen here."""

    def __init__(self, server: CollectorServer) -> None:
        url = urlsplit(server.url)
        context = ssl.create_default_context(cadata=server.ca)
        plain = socket.create_connection(("localhost", server.port), timeout=60)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {url.path} HTTP/1.1",
            f"Host: localhost:{server.port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
            f"Authorization: Bearer {TOKEN}",
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101")

    def begin(self, kind: int, size: int) -> None:
        """Send the head of a frame; the mask is zero, so that its payload goes as it is."""
        self.socket.sendall(struct.pack("!BBQ", kind, 0x80 | 127, size) + bytes(4))

    def stream(self, size: int) -> int:
        """Send so many bytes, piece by piece; give how many the other side let through."""
        sent, piece = 0, bytes(PIECE)
        try:
            while sent < size:
                self.socket.sendall(piece)
                sent += PIECE
        except OSError:
            pass
        return sent

    def close(self) -> None:
        self.socket.close()


def one_frame(peer: Bare) -> int:
    peer.begin(FINAL | BINARY, GIBIBYTE)
    return peer.stream(GIBIBYTE)


def fragments(peer: Bare) -> int:
    sent = 0
    for number in range(GIBIBYTE // MAX_MESSAGE_BYTES * 2):
        try:
            peer.begin(CONTINUATION if number else BINARY, MAX_MESSAGE_BYTES // 2)
        except OSError:
            break
        sent += peer.stream(MAX_MESSAGE_BYTES // 2)
    return sent


@pytest.mark.parametrize("send", [one_frame, fragments])
def test_a_gigabyte_in_one_message_is_refused_and_costs_no_memory(
    server: CollectorServer, send: Callable[[Bare], int]
) -> None:
    assert server.process is not None
    hello = encode(Hello("0.1.0", 1))
    for _ in range(3):  # what a connection costs is not what is measured
        warm = Bare(server)
        warm.begin(FINAL | BINARY, len(hello))
        warm.socket.sendall(hello)
        warm.socket.recv(64)
        warm.close()
    before = peak_mebibytes(server.process.pid)
    peer = Bare(server)
    peer.begin(FINAL | BINARY, len(hello))
    peer.socket.sendall(hello)
    peer.socket.recv(64)
    assert send(peer) < 16 * MAX_MESSAGE_BYTES
    peer.close()
    until(lambda: notices(server))
    [kept] = notices(server)
    assert kept.notice.kind is NoticeKind.RECORD_REFUSED
    assert kept.notice.reason == f"a message is larger than {MAX_MESSAGE_BYTES} bytes"
    assert peak_mebibytes(server.process.pid) - before < 8


def notices(server: CollectorServer) -> list[PodNotice]:
    store = server.store
    found = store.notices(namespace="payments", since=None, limit=9)
    store.close()
    return found
