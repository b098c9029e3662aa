"""The doors of the admission side behind real HTTPS, in a process of their own."""

import asyncio
import datetime as dt
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NAME: Final = "chaperone-admission.chaperone-system.svc"
_HERE: Final = Path(__file__)


class DoorsServer:
    """The process, and how to talk to it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, ca: str, log: Path) -> None:
        self.process = process
        self.port = port
        self._context = ssl.create_default_context(cadata=ca)
        self._log = log

    def connect(self, *, seconds: float = 30) -> ssl.SSLSocket:
        """Give a connection that waits for at most so long."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=seconds)
        return self._context.wrap_socket(plain, server_hostname=NAME)

    def wait(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(ConnectionRefusedError), self.connect():
                return
            time.sleep(0.05)
        raise AssertionError(f"nobody listens: {self.log()}")

    def send(self, data: bytes, *, seconds: float = 30) -> bytes:
        """Send bytes, and give what is answered until the server or the time ends it; it may cut one off."""
        answer = b""
        with self.connect(seconds=seconds) as connection:
            try:
                connection.sendall(data)
                while part := connection.recv(65536):
                    answer += part
                    if is_whole(answer):
                        break
            except (ConnectionError, ssl.SSLError):
                pass
        return answer

    def most_memory(self) -> int:
        """Give the most memory that it ever had, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def log(self) -> str:
        """Give its log."""
        return self._log.read_text()


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has come to its end."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(end) and length is not None and len(body) >= int(length[1])


@contextmanager
def doors_server() -> Generator[DoorsServer]:
    """Serve until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        log, ca = Path(folder) / "log", Path(folder) / "ca.pem"
        command = [sys.executable, str(_HERE), str(ca)]
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            server = DoorsServer(process, port, ca.read_text(), log)
            server.wait()
            yield server
        finally:
            process.terminate()
            process.communicate(timeout=90)


async def _serve(ca: Path) -> None:
    from fuzzing.admission_cluster import Installation  # noqa: PLC0415  of the process alone
    from reviews import ROOT  # noqa: PLC0415

    from webhook.server import logs  # noqa: PLC0415
    from webhook.server.runner import Servers, https  # noqa: PLC0415
    from webhook.server.tls import serving_context  # noqa: PLC0415
    from webhook.trust import material  # noqa: PLC0415

    logs.configure("INFO")
    app = await asyncio.to_thread(lambda: Installation().app)
    context = serving_context(material.new_serving(ROOT, (NAME,), dt.datetime.now(dt.UTC)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await asyncio.to_thread(ca.write_text, ROOT.bundle)
    print(port, flush=True)
    await Servers(https(app, port=port, context=context, drain_seconds=1)).run()


if __name__ == "__main__":
    sys.path[:0] = [str(_HERE.parents[2]), str(_HERE.parents[2] / "scripts")]
    asyncio.run(_serve(Path(sys.argv[1])))
