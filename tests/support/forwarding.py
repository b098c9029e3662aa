"""A port of the cluster on this machine, by ``kubectl port-forward``."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from kube import Kubectl


@contextmanager
def forwarded(kubectl: Kubectl, namespace: str, target: str, port: int) -> Generator[int]:
    """Give the local port that leads to a port of a target such as ``service/NAME``."""
    process = kubectl.start("port-forward", "-n", namespace, target, f":{port}")
    try:
        assert process.stdout
        line = process.stdout.readline().decode()
        found = re.search(r"127\.0\.0\.1:(\d+) ", line)
        assert found, line or process.communicate(timeout=30)[1].decode()
        yield int(found[1])
    finally:
        process.kill()
        process.communicate()
