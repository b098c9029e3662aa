"""The CA bundle, where the API server looks for it: webhook configurations and the APIService."""

from typing import Final
from urllib.parse import quote

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.kube.api import JSON_PATCH, KubeApi

_WEBHOOKS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_VALIDATING: Final = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
_API_SERVICES: Final = "/apis/apiregistration.k8s.io/v1/apiservices"


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str


class _Client(msgspec.Struct, frozen=True, rename="camel"):
    ca_bundle: bytes = b""


class _Webhook(msgspec.Struct, frozen=True, rename="camel"):
    client_config: _Client


class _Configuration(msgspec.Struct, frozen=True):
    metadata: _Metadata
    webhooks: tuple[_Webhook, ...] = ()


class _ApiService(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Client


class _Step(msgspec.Struct, frozen=True):
    op: str
    path: str
    value: str | bytes


def announce_to_webhooks(api: KubeApi, name: str, bundle: bytes, *, validating: bool = False) -> None:
    """Write the bundle into every webhook of a configuration. Raises ClusterError; absent is not an error.

    A configuration that changed meanwhile is left for the next round.
    """
    path = f"{_VALIDATING if validating else _WEBHOOKS}/{quote(name)}"
    found = api.get(path, _Configuration)
    if found is None:
        return
    stale = [
        f"/webhooks/{index}/clientConfig/caBundle"
        for index, webhook in enumerate(found.webhooks)
        if webhook.client_config.ca_bundle != bundle
    ]
    _patch(api, path, found.metadata, stale, bundle)


def announce_to_aggregator(api: KubeApi, name: str, bundle: bytes) -> None:
    """Write the bundle into an APIService. Raises ClusterError; absent is not an error."""
    path = f"{_API_SERVICES}/{quote(name)}"
    found = api.get(path, _ApiService)
    if found is not None and found.spec.ca_bundle != bundle:
        _patch(api, path, found.metadata, ["/spec/caBundle"], bundle)


def _patch(api: KubeApi, path: str, metadata: _Metadata, stale: list[str], bundle: bytes) -> None:
    if not stale:
        return
    unchanged = _Step("test", "/metadata/resourceVersion", metadata.resource_version)
    steps = [unchanged, *(_Step("add", where, bundle) for where in stale)]
    reply = api.request("PATCH", path, body=steps, content_type=JSON_PATCH)
    if reply.status not in {200, 409, 422}:
        raise ClusterError(f"{path} cannot be given the CA bundle: the API server answered {reply.status}")
