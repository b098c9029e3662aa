"""Which record a command reads: the cluster, user and namespace that its options name."""

from pathlib import Path

import msgspec

from webhook.cli.audit import Audit, Item
from webhook.cli.cluster import Cluster
from webhook.cli.object_names import check_namespace


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Options of every command that reads the record."""

    kubeconfig: Path | None
    context: str | None
    namespace: str | None
    all_namespaces: bool = False

    def open(self) -> "Opened":
        """Read the kubeconfig. Raises CliError."""
        if self.namespace:
            check_namespace("--namespace", self.namespace)
        cluster = Cluster(self.kubeconfig, self.context)
        namespace = None if self.all_namespaces else self.namespace or cluster.namespace
        return Opened(Audit(cluster), namespace, is_chosen=bool(self.namespace))


class Opened(msgspec.Struct, frozen=True):
    """A record, and the namespace to look in."""

    audit: Audit
    namespace: str | None
    """None for all."""
    is_chosen: bool
    """Whether the namespace was named on the command line."""

    def find(self, name: str) -> Item:
        """Give the session that an id or a part of one names. Raises CliError."""
        return self.audit.find(name, self.namespace or "default", elsewhere=not self.is_chosen)

    @property
    def place(self) -> str:
        """Where, in words."""
        return f"namespace {self.namespace}" if self.namespace else "any namespace"
