from itertools import pairwise
from pathlib import Path

from devcluster.install import helm_arguments
from devcluster.supply import Reference


def test_the_callers_values_come_last_and_win() -> None:
    images = {"webhook": Reference("localhost/chaperone-webhook", "dev-1", "Never")}
    argv = helm_arguments(Path("charts/chaperone"), images, ("images.webhook.tag=mine",))
    assert argv[:4] == ["upgrade", "--install", "chaperone", "charts/chaperone"]
    sets = [value for option, value in pairwise(argv) if option == "--set"]
    assert sets == [
        "images.webhook.repository=localhost/chaperone-webhook",
        "images.webhook.tag=dev-1",
        "images.webhook.pullPolicy=Never",
        "approvals.readSecretsIn={payments}",
        "images.webhook.tag=mine",
    ]
