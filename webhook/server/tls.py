"""TLS contexts whose certificate is renewed while connections stay up."""

import asyncio.sslproto
import os
import ssl
from typing import Final

from sidecar.contract.errors import ConfigurationError
from webhook.trust.secrets import Data

_BUFFER_BYTES: Final = 4 * 1024
"""A quarter of a TLS record (RFC 8446, 5.2): what is read at a time, and kept for each connection."""


def use_small_buffers() -> None:
    """Have asyncio read little at a time from a TLS connection.

    Otherwise it keeps, and fills with zeros, 256 KiB for each connection, and thousands of recorders are
    connected though nothing happens in their sessions.
    """
    asyncio.sslproto.SSLProtocol.max_size = _BUFFER_BYTES


def serving_context(data: Data) -> ssl.SSLContext:
    """Give a server's context for the data of a TLS Secret: TLS 1.2 or newer (PCI DSS 4.2.1).

    Nobody who connects here resumes a session, so none is kept for that.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    load_certificate(context, data)
    return context


def load_certificate(context: ssl.SSLContext, data: Data) -> None:
    """Serve new connections of a context with this certificate; the ones there are go on.

    The key passes through memory only. Raises ConfigurationError.
    """
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data["tls.crt"] + b"\n" + data["tls.key"])
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (KeyError, ssl.SSLError):
        raise ConfigurationError("the serving certificate's Secret cannot be read") from None
    finally:
        os.close(descriptor)
