"""Run inside a session: reach the recorder's socket without the shim, and say what it answered."""

import json
import os
import socket
import struct
from pathlib import Path

OTHER = [b"sh", b"-c", b"cat"]
_, grant, _, *argv = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(b"\0")[:-1]
"""The command line of a process is everybody's to read (proc(5)): the shim's holds its grant."""


def hello(grant: bytes, argv: list[bytes]) -> bytes:
    body = grant + b"".join(argument + b"\0" for argument in argv)
    return struct.pack("<4sIHHHHIIII", b"CSH1", 0, 0, 0, 0, 0, len(grant), len(argv), len(body), 0) + body


def answer(packet: bytes, descriptors: int) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(30)
        connection.connect("/.chaperone/sock")
        assert connection.recv(65536) == b"L"
        pipes = [end for _ in range((descriptors + 1) // 2) for end in os.pipe()]
        socket.send_fds(connection, [packet], pipes[:descriptors])
        said = connection.recv(65536).decode()
        for end in pipes:
            os.close(end)
        return said


answers = {
    "noise": answer(os.urandom(500), 4),
    "no descriptors": answer(hello(b"grant", OTHER), 0),
    "no grant": answer(hello(b"", OTHER), 4),
    "forged grant": answer(hello(b"x" * 300, OTHER), 4),
    "stolen grant": answer(hello(grant, OTHER), 4),
    "replayed grant": answer(hello(grant, argv), 4),
}
strangers = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(200)]
for stranger in strangers:
    stranger.connect("/.chaperone/sock")
first_words = [stranger.recv(65536)[:1] for stranger in strangers]
print(json.dumps(answers | {"heard": first_words.count(b"L"), "refused": first_words.count(b"R")}))
