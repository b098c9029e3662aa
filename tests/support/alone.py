"""What forks in a process of its own: a test's has threads (fork(2))."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


def alone(script: str, *arguments: str, before: tuple[str, ...] = (), folder: Path = ROOT) -> str:
    """Run Python text in a folder and give what it prints; a failure fails the test with its error output.

    ``before`` is a command that execs the rest of its arguments.
    """
    done = subprocess.run(
        [*before, sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
