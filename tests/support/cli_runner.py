"""The installed ``chaperone`` as a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("chaperone")


@dataclass(frozen=True)
class Done:
    """What a command gave."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Chaperone:
    """The command line of one user."""

    kubeconfig: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = str(self.kubeconfig.parent)
        return {**kept, "HOME": home, "KUBECONFIG": str(self.kubeconfig), "TZ": "Europe/Berlin", **more}

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run to the end, whatever that is."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def out(self, *arguments: str, **environment: str) -> str:
        """Give the output of a command that must succeed."""
        done = self.run(*arguments, **environment)
        assert done.code == 0, done.error
        return done.out
