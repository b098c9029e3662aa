"""Helm, and the chart that it renders."""

import os
from pathlib import Path

import pytest
from chart import CHART, Chart
from devcluster.gobuild import build
from devcluster.gomod import helm
from devcluster.progress import Progress
from devcluster.settings import load_settings


@pytest.fixture(scope="session")
def helm_path() -> Path:
    """The pinned Helm, built once and cached."""
    return build(helm(), load_settings("charts", os.environ, CHART.parents[1]).cache, Progress()) / "helm"


@pytest.fixture(scope="session")
def chart(helm_path: Path) -> Chart:
    return Chart(helm_path)
