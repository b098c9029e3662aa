"""How the tests share two cores: those of one cluster stay in one process, the rest goes to who is free.

Where there are two clusters (``CHAPERONE_SECOND_CLUSTER``), tests that take Chaperone apart have the second
one: what the others do goes on meanwhile.
"""

import os
from collections.abc import Generator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_HERE = Path(__file__).parent
settings.register_profile("loaded", deadline=None)
settings.load_profile("loaded")
"""On a machine that others load, how long one example takes says nothing of the code."""
_CLUSTER, _ROUGH, _MAKES_CLUSTERS, _OPENSEARCH = "cluster", "rough", "makes clusters", "opensearch"
_SECURED = "opensearch-secured"
"""In the names of tests on the OpenSearch with users and roles, which have one prefix for all."""
_ROUGH_FILES = frozenset(
    f"cluster/test_{name}.py"
    for name in (
        "approvals_beyond",
        "approvals_killed",
        "approvals_times",
        "audit_events",
        "configuration",
        "faults",
        "main_process_images",
        "modes",
        "never_blocked",
        "opensearch",
        "secrecy_everywhere",
        "telling",
    )
)
"""Tests that kill or stop parts of Chaperone, or have it installed with other settings."""


class OneClusterScheduling(LoadScopeScheduling):
    """Deals tests out one by one, those of a cluster in order to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        return _OPENSEARCH if _SECURED in name else _group(file) or nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneClusterScheduling:
    """Give the scheduler for ``pytest -n``."""
    return OneClusterScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test of the second cluster find that one."""
    first, second = os.environ.get("CHAPERONE_CLUSTER"), _second_cluster()
    if first is None or second is None or _group(item.nodeid.partition("::")[0]) != _ROUGH:
        return (yield)
    os.environ["CHAPERONE_CLUSTER"] = second
    try:
        return (yield)
    finally:
        os.environ["CHAPERONE_CLUSTER"] = first


def _second_cluster() -> str | None:
    """Give the second cluster's name, if there is one and a process of its own for its tests."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return os.environ.get("CHAPERONE_SECOND_CLUSTER") if processes > 1 else None


@cache
def _group(file: str) -> str | None:
    """Give which tests a file's must stay together with; None for those that may run anywhere, one by one."""
    name = file.removeprefix("tests/")
    if name == "scripts/devcluster/test_local_cluster.py":
        return _MAKES_CLUSTERS
    text = (_HERE / name).read_text()
    if not name.startswith("cluster/") and "pytest.mark.cluster" not in text:
        return _OPENSEARCH if "pytest.mark.opensearch" in text else None
    return _ROUGH if name in _ROUGH_FILES and "CHAPERONE_SECOND_CLUSTER" in os.environ else _CLUSTER
