"""Which registries may be asked, and where they may be. Pure.

Whoever creates a pod chooses the image's name, so only registries that the operator names are asked; and none
at an address inside, which a name may be made to lead to, unless the operator says that it is there.
"""

import fnmatch
import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult

import msgspec

from webhook.registry.errors import ImageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class Terms(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the operator chooses about registries. Hosts are written ``name`` or ``name:port``, with ``*``."""

    hosts: tuple[str, ...] = ()
    """Registries that may be asked."""
    plain_http: tuple[str, ...] = ()
    """Of these, and of where they send for tokens and content, who is asked without TLS."""
    internal: tuple[str, ...] = ()
    """Who may be at an address that is not public; asked without the proxy."""
    proxy: str = ""
    """URL of an HTTP proxy for everybody else."""
    read_secrets_in: tuple[str, ...] = ()
    """Namespaces whose ``imagePullSecrets`` may be read."""
    ca: str = ""
    """Path of a file with further authorities, PEM."""
    pull_secret: str = ""
    """Path of a file with Chaperone's own credentials (``.dockerconfigjson``)."""
    seconds: float = 5.0
    """How long a review waits for an answer."""


def is_listed(host: str, hosts: Iterable[str]) -> bool:
    """Tell whether a host is one of those listed. A port that is not given is the usual one."""
    return any(fnmatch.fnmatchcase(host.lower(), one.lower()) for one in hosts)


def check_host(host: str, terms: Terms) -> None:
    """Check that a registry may be asked. Raises ImageError."""
    if not is_listed(host, terms.hosts):
        raise ImageError(
            f"{host} is none of the registries that Chaperone may ask (the chart's"
            " mainProcess.registry.hosts)"
        )


def check_url(url: SplitResult, terms: Terms) -> None:
    """Check where a question goes. Raises ImageError."""
    plain = url.scheme == "http" and is_listed(url.netloc, terms.plain_http)
    if not url.hostname or "@" in url.netloc or not (plain or url.scheme == "https"):
        raise ImageError("the registry sends elsewhere, and not by https")


def check_address(host: str, address: str, terms: Terms) -> None:
    """Check what a name leads to. Raises ImageError; the address is not told."""
    if is_listed(host, terms.internal):
        return
    if not all(one.is_global and not one.is_multicast for one in _meant(ipaddress.ip_address(address))):
        raise ImageError(
            f"{host} is at an address that is not public, and is not listed as such (the chart's"
            " mainProcess.registry.internal)"
        )


def _meant(address: Address) -> tuple[Address, ...]:
    """Give an address and those that it stands for, of IPv4 within IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    inner = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return (address, *(one for one in inner if one is not None))
