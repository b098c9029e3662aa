"""How the tests share two cores: those of one cluster stay in one process, the rest goes to who is free."""

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
_ALONE = ("cluster/", "scripts/devcluster/test_local_cluster.py")
"""Tests of the cluster, and those that make clusters."""


class OneClusterScheduling(LoadScopeScheduling):
    """Deals tests out one by one, those of the cluster in order to one process."""

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if _needs_cluster(nodeid.partition("::")[0]) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneClusterScheduling:
    """Give the scheduler for ``pytest -n``."""
    return OneClusterScheduling(config, log)


@cache
def _needs_cluster(file: str) -> bool:
    name = file.removeprefix("tests/")
    return name.startswith(_ALONE) or "pytest.mark.cluster" in (_HERE / name).read_text()
