"""Posts to the doors from a pod that has nothing to do with Chaperone. Lines of JSON in, lines of JSON out.

In: ``{"id": …, "path": …, "body": …}`` or ``{"id": …, "raw": …}``, the bytes compressed, in base64. Out:
``{"id": …, "status": …, "answer": …}``; status 0 where the connection was cut off without an answer.
Meanwhile many connections are held open that say nothing, little, or a byte at a time.
"""

import base64
import http.client
import json
import socket
import ssl
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

place, authority, silent, slow = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
local, printing = threading.local(), threading.Lock()
HEAD = b"POST /v1/exec HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"


def connected() -> ssl.SSLSocket:
    plain = socket.create_connection((place, 443), timeout=60)
    return context.wrap_socket(plain, server_hostname=place)


def posted(path: str, body: bytes) -> tuple[int, bytes]:
    connection = getattr(local, "connection", None) or http.client.HTTPSConnection(
        place, context=context, timeout=60
    )
    local.connection = connection
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, response.read()


def sent(raw: bytes) -> tuple[int, bytes]:
    with connected() as connection:
        connection.sendall(raw)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.status, response.read()


def answer(line: str) -> None:
    story = json.loads(line)
    status, given = 0, b""
    for _ in range(2):  # a connection that was kept may have been let go meanwhile
        try:
            if "raw" in story:
                status, given = sent(zlib.decompress(base64.b64decode(story["raw"])))
            else:
                status, given = posted(story["path"], zlib.decompress(base64.b64decode(story["body"])))
            break
        except (OSError, http.client.HTTPException):
            local.connection = None
    told = {"id": story["id"], "status": status, "answer": base64.b64encode(given).decode()}
    with printing:
        print(json.dumps(told), flush=True)


def drip(connections: list[ssl.SSLSocket]) -> None:
    while not over.wait(1):
        for connection in connections:
            with suppress(OSError):
                connection.send(b" ")


over = threading.Event()
held = [connected() for _ in range(silent + slow)]
for number, connection in enumerate(held):
    connection.sendall(HEAD if number < slow else HEAD[: number % len(HEAD)])
dripping = threading.Thread(target=drip, args=(held[:slow],))
dripping.start()
print(json.dumps({"held": len(held)}), flush=True)
with ThreadPoolExecutor(4) as pool:
    list(pool.map(answer, sys.stdin))
over.set()
dripping.join()
