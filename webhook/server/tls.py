"""TLS contexts whose certificate is renewed while connections stay up."""

import os
import ssl

from sidecar.contract.errors import ConfigurationError
from webhook.trust.secrets import Data


def serving_context(data: Data) -> ssl.SSLContext:
    """Give a server's context for the data of a TLS Secret: TLS 1.2 or newer (PCI DSS 4.2.1)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
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
