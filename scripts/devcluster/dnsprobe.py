"""Asks a name server for one A record; run as a program inside a node: dnsprobe.py SERVER NAME."""

import socket
import sys

ANSWER_HEADER = 12


def query(name: str, identifier: int) -> bytes:
    """A DNS query for an A record (RFC 1035, 4.1), recursion desired."""
    header = identifier.to_bytes(2, "big") + bytes((1, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return header + labels + bytes((0, 0, 1, 0, 1))


def has_answer(packet: bytes, identifier: int) -> bool:
    """Whether a packet answers the query, without an error and with a record at least."""
    if len(packet) < ANSWER_HEADER or packet[:2] != identifier.to_bytes(2, "big"):
        return False
    return packet[3] & 0x0F == 0 and int.from_bytes(packet[6:8], "big") > 0


def main(server: str, name: str, port: int = 53) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(1)
        probe.connect((server, port))
        try:
            probe.send(query(name, 1))
            return 0 if has_answer(probe.recv(512), 1) else 1
        except OSError:
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
