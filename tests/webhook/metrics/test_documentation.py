"""docs/metrics.md names every metric that is shown, and no other."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing.admission_cluster import MemoryCluster
from prometheus_client import CollectorRegistry
from told import Kept, maker

from webhook.server.observing import AdmissionObservers, CollectorObservers
from webhook.settings import read_settings

GUIDE = (Path(__file__).parents[3] / "docs/metrics.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GUIDE.splitlines()
    if line.startswith("| `chaperone_")
]


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CollectorRegistry]:
    """What each role shows."""
    folder = tmp_path_factory.mktemp("receivers")
    kept = Kept()
    admission = AdmissionObservers(MemoryCluster(), kept, depth=lambda: 0, pod="pod")
    admission.reviews.counted({"exec": None})  # pyright: ignore[reportArgumentType]  nobody asks it
    collector = CollectorObservers(
        read_settings({"CHAPERONE_RECEIVERS": str(folder)}), kept, maker(), depth=lambda: 0
    )
    return {"admission": admission.registry, "collector": collector.registry}


def shown(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    """Names as they are scraped, with the labels of those that have samples."""
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith("chaperone_"):
            labels = [set(sample.labels) - {"le"} for sample in family.samples]
            yield name, set().union(*labels)


def documented(role: str) -> dict[str, set[str]]:
    """Names and labels of a role's metrics in the table."""
    found: dict[str, set[str]] = {}
    where = ""
    for names, labels, of in ROWS:
        where = where if of.startswith("same") else of
        if where.startswith((role, "both")):
            words = set(re.findall(r"`([a-z]+)`", labels.split(":")[0]))
            found |= dict.fromkeys(re.findall(r"`(\w+)`", names), words)
    return found


@pytest.mark.parametrize("role", ["admission", "collector"])
def test_the_table_is_true(registries: dict[str, CollectorRegistry], role: str) -> None:
    table, found = documented(role), dict(shown(registries[role]))
    assert found.keys() == table.keys()
    assert {name: labels for name, labels in found.items() if labels} == {
        name: labels for name, labels in table.items() if found[name]
    }


def test_every_name_in_the_text_is_one(registries: dict[str, CollectorRegistry]) -> None:
    names = {name for registry in registries.values() for name, _ in shown(registry)}
    assert set(re.findall(r"chaperone_\w+", GUIDE)) <= names
