"""A cluster as its administrator's kubectl sees it: the same for every back end."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.errors import CommandError, NotReadyError
from devcluster.shell import run


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl with one kubeconfig."""

    binary: Path
    kubeconfig: Path
    options: tuple[str, ...] = ()

    def run(
        self, *words: str, stdin: str | None = None, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Raises CommandError on a failure."""
        argv = [self.binary, "--kubeconfig", self.kubeconfig, *self.options, *words]
        return run(argv, stdin=stdin, timeout=timeout, check=check)

    def json(self, *words: str) -> dict[str, Any]:
        """The answer of a `get` as JSON."""
        return json.loads(self.run(*words, "-o", "json").stdout)

    def apply(self, manifest: str) -> None:
        self.run("apply", "-f", "-", stdin=manifest)

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        return self.run("get", "--raw", "/readyz", timeout=10, check=False).returncode == 0


def wait_until(what: str, condition: Callable[[], bool], timeout: float, pause: float = 0.25) -> None:
    """Ask again and again.

    Raises NotReadyError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            if condition():
                return
        except CommandError as error:
            if time.monotonic() > deadline:
                raise NotReadyError(f"{what} is not ready after {timeout:g} s: {error}") from error
        if time.monotonic() > deadline:
            raise NotReadyError(f"{what} is not ready after {timeout:g} s")
        time.sleep(pause)
