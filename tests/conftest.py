"""How the tests share two cores: those of one cluster stay in one process, the rest goes to who is free."""

from pathlib import Path

import pytest

_MAKES_CLUSTERS = Path(__file__).parent / "scripts/devcluster/test_local_cluster.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of the cluster, and those that make clusters, in order and in one process."""
    for item in items:
        if item.path == _MAKES_CLUSTERS or item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.xdist_group("cluster"))
