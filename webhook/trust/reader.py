"""What the collector reads of the trust material; it makes none of it."""

import msgspec

from sidecar.contract.environment import read_roots
from sidecar.contract.errors import ClusterError
from webhook.kube.api import KubeApi
from webhook.ledger.keys import LedgerKey
from webhook.trust.keeper import (
    CA_KEY,
    COLLECTOR_TLS,
    LEDGER_SECRET,
    ROOTS_KEY,
    SEAL_SECRET,
    TRUST_CONFIG,
)
from webhook.trust.material import read_ledger_key, read_seal_keys
from webhook.trust.secrets import Data, Vault


class CollectorMaterial(msgspec.Struct, frozen=True):
    """What a collector replica works with."""

    tls: Data
    seal_keys: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    bundle: str
    ledger: Data
    """``ledger.key`` and ``ledger.certificate``; see :attr:`ledger_key`."""

    def __repr__(self) -> str:
        return "CollectorMaterial(…)"

    @property
    def ledger_key(self) -> LedgerKey:
        """What signs checkpoints and manifests. Raises ConfigurationError."""
        return read_ledger_key(self.ledger)


class Reader:
    """Reads the collector's share. Methods block."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self._vault = Vault(api, namespace)

    def material(self) -> CollectorMaterial:
        """Give what is in force. Raises ClusterError as long as an admission replica has not made it."""
        tls, seal = self._vault.secret(COLLECTOR_TLS), self._vault.secret(SEAL_SECRET)
        ledger, trust = self._vault.secret(LEDGER_SECRET), self._vault.config(TRUST_CONFIG)
        if tls is None or seal is None or ledger is None or trust is None:
            raise ClusterError("the trust material is not there yet; an admission replica makes it")
        return CollectorMaterial(
            tls, read_seal_keys(seal), read_roots(trust[ROOTS_KEY]), trust[CA_KEY], ledger
        )
