"""How the tests share two cores: those of one cluster stay in one process, the rest goes to who is free."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_CLUSTER = _HERE / "cluster"
_MAKES_CLUSTERS = _HERE / "scripts/devcluster/test_local_cluster.py"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of the cluster, and those that make clusters, in order and in one process."""
    for item in items:
        on_cluster = _CLUSTER in item.path.parents or item.get_closest_marker("cluster") is not None
        if on_cluster or item.path == _MAKES_CLUSTERS:
            item.add_marker(pytest.mark.xdist_group("cluster"))
