"""Serving certificates over real TLS connections."""

import asyncio
import datetime as dt
import ssl

import pytest
from cryptography import x509
from reviews import ROOT

from sidecar.contract.errors import ConfigurationError
from webhook.server.tls import load_certificate, serving_context
from webhook.trust import material

pytestmark = pytest.mark.anyio
NAME = "chaperone-admission.chaperone-system.svc"


def serving(root: material.Root = ROOT) -> material.Data:
    return material.new_serving(root, (NAME,), dt.datetime.now(dt.UTC))


async def connect(port: int, root: material.Root = ROOT) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cadata=root.bundle)
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=NAME)


def serial(writer: asyncio.StreamWriter) -> int:
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(certificate).serial_number


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


async def test_a_renewed_certificate_is_served_to_new_connections_and_old_ones_go_on() -> None:
    context = serving_context(serving())
    async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await connect(port)
        load_certificate(context, serving())
        second_reader, second = await connect(port)
        assert serial(writer) != serial(second)
        for stream, sink in ((reader, writer), (second_reader, second)):
            sink.write(b"alive")
            assert await stream.readexactly(5) == b"alive"
            sink.close()
            await sink.wait_closed()


async def test_a_stranger_ca_does_not_vouch_for_it() -> None:
    context = serving_context(serving())
    async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=context) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(server.sockets[0].getsockname()[1], material.new_root(dt.datetime.now(dt.UTC)))


def test_old_tls_is_not_spoken() -> None:
    assert serving_context(serving()).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("data", [{}, {"tls.crt": b"x", "tls.key": b"y"}])
def test_a_damaged_secret_is_reported_without_what_it_holds(data: material.Data) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        serving_context(data)
