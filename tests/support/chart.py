"""The chart, rendered by the real Helm."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts/chaperone"
Object = dict[str, Any]
OPENSEARCH = (
    'store.kind="opensearch"',
    'store.opensearch.url="https://search:9200"',
    'store.opensearch.username="chaperone"',
    'store.opensearch.passwordSecret={"name":"search","key":"word"}',
    'store.opensearch.caSecret={"name":"search-ca","key":"ca.crt"}',
)
"""Values that keep the record in OpenSearch."""


class Chart:
    """Renders; what was rendered once with the same values is not rendered again."""

    def __init__(self, helm_path: Path) -> None:
        self._helm = helm_path
        self._rendered: dict[tuple[str, ...], str] = {}

    def run(self, *values: str, release: str = "chaperone", namespace: str = "chaperone-system") -> str:
        asked = (release, namespace, *values)
        if asked not in self._rendered:
            self._rendered[asked] = self._render(*asked)
        return self._rendered[asked]

    def _render(self, release: str, namespace: str, *values: str) -> str:
        sets = [word for value in values for word in ("--set-json", value)]
        argv = [self._helm, "template", release, CHART, "--namespace", namespace, *sets]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ChartError(done.stderr)
        return done.stdout

    def objects(self, *values: str, **where: str) -> dict[tuple[str, str], Object]:
        """Everything that would be installed, by kind and name."""
        parsed: list[Object | None] = list(yaml.load_all(self.run(*values, **where), yaml.CSafeLoader))
        documents = [doc for doc in parsed if doc]
        keys = [(doc["kind"], doc["metadata"]["name"]) for doc in documents]
        namespaced = [
            (*key, doc["metadata"].get("namespace")) for key, doc in zip(keys, documents, strict=True)
        ]
        assert len(set(namespaced)) == len(documents)
        return dict(zip(keys, documents, strict=True))


class ChartError(Exception):
    """Helm refused."""


def environment(container: Object) -> dict[str, str]:
    """The variables of a container that the chart itself sets."""
    return {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
