"""Connections of strangers to a real server: heads without end, silence, and two requests at once."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import ASGIApp

from webhook.server.connections import MAX_BESIDE_BYTES, BoundedConnection
from webhook.server.doors import doors_app

pytestmark = pytest.mark.anyio
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(app: ASGIApp, keep_alive: int = 75) -> AsyncGenerator[Streams]:
    """Give a connection to a server of this application."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=BoundedConnection,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=keep_alive,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await serving


APP = doors_app({}, lambda: None)
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /healthz HTTP/1.1\r\nHost: x\r\n"
BODY = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"


@pytest.mark.parametrize(
    "beginning", [HEAD, BODY, b"GET /", HEAD + b"A: "], ids=["head", "trailer", "path", "value"]
)
async def test_what_has_no_end_is_cut_off(beginning: bytes) -> None:
    line = b"x" * 8192 if beginning.endswith((b"/", b" ")) else b"A: " + b"x" * 8000 + b"\r\n"
    async with connected(APP) as (reader, writer):
        writer.write(beginning)
        try:
            for _ in range(MAX_BESIDE_BYTES // 4096):
                writer.write(line)
                await writer.drain()
                await asyncio.sleep(0.001)
            assert await asyncio.wait_for(reader.read(), 10) == b""
        except ConnectionError:
            return


async def test_a_large_body_is_none_of_it() -> None:
    async with connected(APP) as (reader, writer):
        for _ in range(2):
            writer.write(POST + b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 405")
            await reader.readexactly(len('{"detail":"Method Not Allowed"}'))


async def test_silence_is_let_go() -> None:
    async with connected(APP, keep_alive=1) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 10) == b""


async def test_requests_at_once_are_answered_in_turn() -> None:
    async with connected(APP) as (reader, writer):
        writer.write((HEAD + b"\r\n") * 3)
        for _ in range(3):
            assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200")
