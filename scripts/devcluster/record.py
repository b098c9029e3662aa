"""What a cluster's state folder says about it."""

import enum
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from devcluster.errors import ClusterToolError
from devcluster.files import write_atomically


class Backend(enum.Enum):
    """Where the cluster comes from."""

    LOCAL = "local"
    KIND = "kind"
    EXISTING = "existing"


@dataclass(frozen=True)
class Record:
    """Decisions of the first `up` that later commands keep to."""

    backend: Backend
    version: str
    """Kubernetes version, without `v`; empty where the cluster is not ours."""
    subnet: int
    """Index of the /30 between host and cluster; 0 where there is none."""

    def dump(self) -> str:
        fields: dict[str, Any] = asdict(self)
        fields["backend"] = self.backend.value
        return json.dumps(fields, indent=1) + "\n"


def parse_record(text: str) -> Record:
    """The inverse of `Record.dump`.

    Raises ClusterToolError when the text is not a record.
    """
    try:
        fields = cast("dict[str, Any]", json.loads(text))
        return Record(Backend(fields["backend"]), str(fields["version"]), int(fields["subnet"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterToolError(
            f"the cluster's record is damaged ({error}); run `scripts/cluster down`"
        ) from error


def read_record(state: Path) -> Record | None:
    """The record of a cluster, or None when there is no such cluster."""
    try:
        return parse_record((state / "cluster.json").read_text())
    except FileNotFoundError:
        return None


def write_record(state: Path, record: Record) -> None:
    write_atomically(state / "cluster.json", record.dump())
