"""Real HTTPS servers in one process."""

import asyncio
import datetime as dt
import os
import signal
import socket
import ssl

import pytest
from fastapi import FastAPI
from reviews import ROOT

from webhook.server.runner import Servers, https
from webhook.server.tls import serving_context
from webhook.trust import material

pytestmark = pytest.mark.anyio
NAME = "chaperone-admission.chaperone-system.svc"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]


def slow_app(started: asyncio.Event, go_on: asyncio.Event) -> FastAPI:
    app = FastAPI()

    async def slow() -> str:
        started.set()
        await go_on.wait()
        return "done"

    app.add_api_route("/slow", slow)
    return app


async def request(port: int) -> bytes:
    context = ssl.create_default_context(cadata=ROOT.bundle)
    for _ in range(200):
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=NAME
            )
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    else:
        raise AssertionError("nobody listens")
    writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_signal_ends_all_servers_after_what_they_are_doing() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    context = serving_context(material.new_serving(ROOT, (NAME,), dt.datetime.now(dt.UTC)))
    ports = free_port(), free_port()
    app = slow_app(started, go_on)
    servers = Servers(*(https(app, port=port, context=context, drain_seconds=30) for port in ports))
    running = asyncio.create_task(servers.run())
    asking = asyncio.create_task(request(ports[1]))
    await started.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert not running.done()
    go_on.set()
    assert (await asking).endswith(b'"done"')
    await running
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ports[0])) != 0
