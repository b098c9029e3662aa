"""A small recorder: what the tests of the shim put at the other end of its socket.

It speaks the packets of ``sidecar.contract.handshake`` and copies bytes as they come: nothing is masked
or stored, and every program may run.
"""

import array
import contextlib
import fcntl
import os
import queue
import select
import socket
import struct
import termios
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Self

from sidecar.contract import handshake
from sidecar.contract.handshake import Executed, Exited, Hello, Resized, ShimMessage, Untraced, WindowSize

PATIENCE_S = 60.0
"""Longer than a healthy shim takes for anything, so that a hang fails one test and not the suite."""
DRAIN_S = 3.0
"""How long output is awaited after the program ended, when something keeps the descriptors open."""
MOST_DESCRIPTORS = 16
GO = handshake.go()
TICK_S = 0.05


class GoneError(EOFError):
    """The shim closed its end of the socket."""


class Session:
    """One shim that dialled in: what it asked, what it handed over, and how to answer it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(PATIENCE_S)
        connection.send(handshake.listening())
        rights = array.array("i")
        space = socket.CMSG_SPACE(rights.itemsize * MOST_DESCRIPTORS)
        self.first, ancillary, _, _ = connection.recvmsg(handshake.MAX_PACKET_BYTES + 1, space)
        for _, _, data in ancillary:
            rights.frombytes(data)
        self.descriptors = rights.tolist()
        self.packet_sizes = [len(self.first)]
        self.messages: list[ShimMessage] = []
        self.programs: list[Executed | Untraced] = []
        """What ran, as far as it was told."""
        self.answers = True
        """Whether programs may run without further ado; set it before go."""
        self._heard: queue.SimpleQueue[ShimMessage | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """What the end of the recorder's process does: every descriptor is gone."""
        self.close_descriptors()
        with contextlib.suppress(OSError):  # the shim is gone
            self.connection.shutdown(socket.SHUT_RDWR)  # ends the listener's wait, which keeps it open
        self.connection.close()

    def hello(self) -> Hello:
        """The whole hello, from as many packets as it took."""
        header = handshake.parse_header(self.first)
        body = self.first[handshake.HEADER.size :]
        while len(body) < header.total:
            packet = self.connection.recv(handshake.MAX_PACKET_BYTES + 1)
            self.packet_sizes.append(len(packet))
            body += packet
        return handshake.parse_body(header, body)

    def say(self, packet: bytes) -> None:
        self.connection.send(packet)
        if packet in (handshake.go(), handshake.go_untraced()) and self.answers:
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):  # either side hung up
            while (message := self.receive()) is not None:
                if isinstance(message, Executed | Untraced):
                    self.programs.append(message)
                    self.connection.send(handshake.proceed())
                else:
                    self._heard.put(message)
        self._heard.put(None)

    def receive(self) -> ShimMessage | None:
        """The next packet, None at the end of the connection; only for sessions that answer nothing."""
        packet = self.connection.recv(handshake.MAX_PACKET_BYTES)
        return handshake.parse_message(packet) if packet else None

    def hear(self) -> ShimMessage:
        """The next message that is not about a program. Raises GoneError at the end of the connection."""
        message = self._heard.get(timeout=PATIENCE_S)
        if message is None:
            self._heard.put(None)
            raise GoneError
        self.messages.append(message)
        return message

    def hear_end(self) -> Exited:
        """The end of the program; sizes heard on the way are set on the inner terminal."""
        while not isinstance(message := self.hear(), Exited):
            if isinstance(message, Resized):
                self.resize(message.size)
        return message

    def resize(self, size: WindowSize) -> None:
        packed = struct.pack("HHHH", size.rows, size.cols, size.xpixel, size.ypixel)
        fcntl.ioctl(self.descriptors[1], termios.TIOCSWINSZ, packed)

    def close_descriptors(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []

    def serve(self, go: bytes = GO) -> Exited:
        """A whole session after its hello, from go to the end, with the streams copied both ways."""
        with self.copying():
            self.say(go)
            end = self.hear_end()
        self.close_descriptors()
        self.say(handshake.finished())
        return end

    @contextlib.contextmanager
    def copying(self) -> Generator[None]:
        """Copy between outer and inner descriptors; at the end await what the program still wrote."""
        inputs, outputs = routes(self.descriptors)
        ended = threading.Event()
        readers = [Copy(*route, ended) for route in inputs]
        writers = [Copy(*route, ended) for route in outputs]
        if len(self.descriptors) == 6:
            os.close(
                self.descriptors.pop(3)
            )  # the copy's own is the last: its end is the program's end of input
        for copy in readers + writers:
            copy.start()
        try:
            yield
        finally:
            for copy in writers:
                copy.join(DRAIN_S)
            ended.set()
            for copy in readers + writers:
                copy.join()


def routes(descriptors: list[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(from, to) of the inputs and of the outputs, by how many descriptors came."""
    match descriptors:
        case [outer, master]:
            return [(outer, master)], [(master, outer)]
        case [out, err, inner_out, inner_err]:
            return [], [(inner_out, out), (inner_err, err)]
        case [source, out, err, sink, inner_out, inner_err]:
            return [(source, sink)], [(inner_out, out), (inner_err, err)]
        case _:
            raise AssertionError(f"a hello never comes with {len(descriptors)} descriptors")


class Copy(threading.Thread):
    """Copies one direction until its source ends, its target is gone, or the session ended."""

    def __init__(self, source: int, target: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._target = os.dup(target)
        self._ended = ended

    def run(self) -> None:
        with contextlib.suppress(OSError):  # EIO: no program holds the terminal; EPIPE: nobody reads
            while chunk := self._next():
                while chunk:
                    chunk = chunk[os.write(self._target, chunk) :]
        os.close(self._target)

    def _next(self) -> bytes:
        while not select.select([self._source], [], [], TICK_S)[0]:
            if self._ended.is_set():
                return b""
        return os.read(self._source, 65536)


class Recorder:
    """Listens where the shim dials."""

    def __init__(self, path: Path, *, backlog: int = 16) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen(backlog)
        self._listener.settimeout(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop listening; the socket stays where it is, as after a crash."""
        self._listener.close()

    def is_dialled(self) -> bool:
        """Whether a shim waits to be accepted, looked at for a moment."""
        return bool(select.select([self._listener], [], [], TICK_S)[0])

    def accept(self) -> Session:
        """The next shim, its first packet read. Raises ConnectionError when it has gone."""
        connection, _ = self._listener.accept()
        try:
            return Session(connection)
        except ConnectionError:
            connection.close()
            raise
