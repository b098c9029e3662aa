"""Keeps all trust material made, renewed and announced. Runs in every admission replica; any may win.

Level-triggered: one round looks at everything and mends what is not as it should be.
"""

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from sidecar.contract.environment import write_roots
from sidecar.contract.grants import GrantSigner
from sidecar.contract.sealing import KEY_BYTES
from webhook.kube.api import KubeApi
from webhook.trust import material as made
from webhook.trust.announce import announce_to_aggregator, announce_to_webhooks
from webhook.trust.secrets import Data, Vault

ROOT_SECRET: Final = "chaperone-root"  # noqa: S105  the name of a Secret
GRANT_SECRET: Final = "chaperone-grant-key"  # noqa: S105  the name of a Secret
LEDGER_SECRET: Final = "chaperone-ledger-key"  # noqa: S105  the name of a Secret
SEAL_SECRET: Final = "chaperone-seal-keys"  # noqa: S105  the name of a Secret
ADMISSION_TLS: Final = "chaperone-admission-tls"
COLLECTOR_TLS: Final = "chaperone-collector-tls"
TRUST_CONFIG: Final = "chaperone-trust"
LEDGER_CONFIG: Final = "chaperone-ledger"
"""Where the collector puts the newest checkpoint; it may change this ConfigMap and make none."""
ADMISSION_SERVICE: Final = "chaperone-admission"
COLLECTOR_SERVICE: Final = "chaperone-collector"
ROOTS_KEY: Final = "roots"
CA_KEY: Final = "ca.crt"
_TLS_TYPE: Final = "kubernetes.io/tls"


class AdmissionMaterial(msgspec.Struct, frozen=True):
    """What an admission replica works with."""

    tls: Data
    """``tls.crt`` and ``tls.key`` of its serving certificate."""
    signer: GrantSigner
    seal_key: bytes
    roots: tuple[bytes, ...]
    bundle: str
    """PEM of the certificate authorities trusted now."""
    collector_address: str
    """Cluster address of the collector's Service; empty when it has none."""

    def __repr__(self) -> str:
        return "AdmissionMaterial(…)"


class _ServiceSpec(msgspec.Struct, frozen=True):
    cluster_ip: str = msgspec.field(name="clusterIP", default="")


class _Service(msgspec.Struct, frozen=True):
    spec: _ServiceSpec


class Keeper:
    """Makes and renews the material of one installation. Methods block and raise ChaperoneError."""

    def __init__(
        self,
        api: KubeApi,
        namespace: str,
        *,
        webhook_configurations: tuple[str, ...],
        validating_configurations: tuple[str, ...] = (),
        api_services: tuple[str, ...],
        clock: Callable[[], dt.datetime],
    ) -> None:
        self._api = api
        self._vault = Vault(api, namespace)
        self._namespace = namespace
        self._webhook_configurations = webhook_configurations
        self._validating_configurations = validating_configurations
        self._api_services = api_services
        self._clock = clock

    def material(self) -> AdmissionMaterial:
        """Make and renew what is due, and give what is in force."""
        now = self._clock()
        root = self._root(now)
        self._vault.ensure_config(TRUST_CONFIG, {ROOTS_KEY: write_roots(root.roots), CA_KEY: root.bundle})
        self._serving(COLLECTOR_TLS, COLLECTOR_SERVICE, root, now)
        grant_key = self._vault.ensure_secret(
            GRANT_SECRET,
            make=lambda _: made.new_grant_key(root, now),
            due=lambda data: made.grant_key_due(data, root, now),
        )
        self._vault.ensure_secret(
            LEDGER_SECRET,
            make=lambda _: made.new_ledger_key(root, now),
            due=lambda data: made.ledger_key_due(data, root, now),
        )
        self._vault.change_config(LEDGER_CONFIG, lambda data: data)
        return AdmissionMaterial(
            self._serving(ADMISSION_TLS, ADMISSION_SERVICE, root, now),
            made.read_grant_key(grant_key),
            made.read_seal_keys(self._seal_keys(now))[0],
            root.roots,
            root.bundle,
            self._collector_address(),
        )

    def announce(self, bundle: str) -> None:
        """Write the CA bundle where the API server looks for it."""
        for name in self._webhook_configurations:
            announce_to_webhooks(self._api, name, bundle.encode())
        for name in self._validating_configurations:
            announce_to_webhooks(self._api, name, bundle.encode(), validating=True)
        for name in self._api_services:
            announce_to_aggregator(self._api, name, bundle.encode())

    def _root(self, now: dt.datetime) -> made.Root:
        data = self._vault.ensure_secret(
            ROOT_SECRET,
            make=lambda _: made.write_root(made.new_root(now)),
            due=lambda _: False,
        )
        return made.read_root(data)

    def _collector_address(self) -> str:
        path = f"/api/v1/namespaces/{self._namespace}/services/{COLLECTOR_SERVICE}"
        found = self._api.get(path, _Service)
        address = "" if found is None else found.spec.cluster_ip
        return "" if address == "None" else address

    def _seal_keys(self, now: dt.datetime) -> Data:
        return self._vault.ensure_secret(
            SEAL_SECRET,
            make=lambda kept: made.new_seal_keys(kept, secrets.token_bytes(KEY_BYTES), now),
            due=lambda data: made.seal_keys_due(data, now),
        )

    def _serving(self, secret: str, service: str, root: made.Root, now: dt.datetime) -> Data:
        names = (f"{service}.{self._namespace}.svc", f"{service}.{self._namespace}.svc.cluster.local")
        return self._vault.ensure_secret(
            secret,
            make=lambda _: made.new_serving(root, names, now),
            due=lambda data: made.serving_due(data, root, names, now),
            kind=_TLS_TYPE,
        )
