"""A TCP relay whose connections can be cut, or left hanging, at will."""

import contextlib
import socket
import threading
from collections.abc import Sequence


class Relay:
    """Relays to a port on loopback. One thread for each direction of each connection.

    ``address``: where it listens. ``breaks``: after how many bytes from its client the first connection
    breaks, the second, and so on; those that follow last.
    """

    def __init__(self, target: int, *, address: str = "127.0.0.1", breaks: Sequence[int] = ()) -> None:
        self._target = target
        self._breaks = breaks
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.accepted = 0
        self.down = False
        """Whether whoever connects is cut off at once."""
        threading.Thread(target=self._accept, daemon=True).start()

    def _reach(self) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            return None

    def cut(self) -> None:
        """Break every connection there is."""
        for pair in self._pairs:
            for side in pair:
                _shut(side)
        self._pairs.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            far = None if self.down else self._reach()
            if far is None:
                _shut(near)
                continue
            limit = self._breaks[self.accepted] if self.accepted < len(self._breaks) else None
            self.accepted += 1
            self._pairs.append((near, far))
            for source, sink, most in ((near, far, limit), (far, near, None)):
                threading.Thread(target=_pump, args=(source, sink, most), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, most: int | None) -> None:
    passed = 0
    with contextlib.suppress(OSError):
        while (most is None or passed < most) and (data := source.recv(65536)):
            passed += len(data)
            sink.sendall(data if most is None else data[: len(data) + min(0, most - passed)])
    _shut(source)
    _shut(sink)


def _shut(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
