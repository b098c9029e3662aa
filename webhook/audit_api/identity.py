"""The API server's word about who asks, and when it is believed.

An aggregated request comes from the API server, which shows a client certificate signed by the
request-header CA and names the user in headers. Both are published in ConfigMap
``kube-system/extension-apiserver-authentication``.
Source: https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
"""

import json
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote

import msgspec

from sidecar.contract.errors import ConfigurationError
from sidecar.contract.sealing import Identity
from webhook.audit_api.errors import ApiError, Reason


class FrontProxyTrust(msgspec.Struct, frozen=True):
    """Who may speak for users, and in which headers (lower case)."""

    ca: str
    """PEM certificates."""
    allowed_names: frozenset[str]
    """Common names; any when empty."""
    username_headers: tuple[str, ...]
    group_headers: tuple[str, ...]
    extra_prefixes: tuple[str, ...]
    uid_headers: tuple[str, ...] = ()


class FrontProxy(Protocol):
    """Gives the trust of now; it is read again when the ConfigMap changes."""

    def trust(self) -> FrontProxyTrust | None:
        """Give the trust, None while it is not known: then nobody is believed."""
        ...


def parse_trust(data: Mapping[str, str]) -> FrontProxyTrust:
    """Read the ConfigMap's data. Raises ConfigurationError when the API server has no aggregation layer."""
    ca = data.get("requestheader-client-ca-file", "")
    if "BEGIN CERTIFICATE" not in ca:
        raise ConfigurationError(
            "ConfigMap kube-system/extension-apiserver-authentication has no requestheader-client-ca-file: "
            "start kube-apiserver with --requestheader-client-ca-file and its companions"
        )
    return FrontProxyTrust(
        ca=ca,
        allowed_names=frozenset(_names(data, "requestheader-allowed-names")),
        username_headers=_headers(data, "requestheader-username-headers"),
        group_headers=_headers(data, "requestheader-group-headers"),
        extra_prefixes=_headers(data, "requestheader-extra-headers-prefix"),
        uid_headers=_headers(data, "requestheader-uid-headers"),
    )


def _headers(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in _names(data, key))


def _names(data: Mapping[str, str], key: str) -> list[str]:
    try:
        return msgspec.convert(json.loads(data.get(key) or "[]"), list[str])
    except (ValueError, msgspec.ValidationError):
        raise ConfigurationError(
            f"ConfigMap kube-system/extension-apiserver-authentication: {key} is not a JSON list of texts"
        ) from None


def identify(
    trust: FrontProxyTrust | None, common_names: Iterable[str] | None, headers: Iterable[tuple[str, str]]
) -> Identity:
    """Give who asks.

    ``common_names`` are those of the client certificate that TLS verified, None without one; header
    names are in lower case. Raises ApiError when the caller is not the API server.
    """
    if trust is None:
        raise ApiError(Reason.UNAVAILABLE, "the API server's front-proxy certificates are not known yet")
    if common_names is None:
        raise ApiError(
            Reason.UNAUTHORIZED,
            "this API is served through the Kubernetes API server only: no front-proxy client certificate",
        )
    if trust.allowed_names and trust.allowed_names.isdisjoint(common_names):
        raise ApiError(Reason.FORBIDDEN, "the client certificate's name may not speak for users")
    return _identity(trust, list(headers))


def _identity(trust: FrontProxyTrust, headers: list[tuple[str, str]]) -> Identity:
    username = _first(trust.username_headers, headers)
    if not username:
        raise ApiError(Reason.UNAUTHORIZED, "the request names no user")
    return Identity(
        username=username,
        uid=_first(trust.uid_headers, headers),
        groups=tuple(value for name, value in headers if name in trust.group_headers),
        extra=_extra(trust.extra_prefixes, headers),
    )


def _first(names: tuple[str, ...], headers: list[tuple[str, str]]) -> str:
    return next((value for wanted in names for name, value in headers if name == wanted and value), "")


def _extra(prefixes: tuple[str, ...], headers: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    extra: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        for prefix in prefixes:
            if name.startswith(prefix):
                key = unquote(name.removeprefix(prefix))
                extra[key] = (*extra.get(key, ()), value)
    return extra
