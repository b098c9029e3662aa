"""The command line, in this process or in one of its own."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from webhook.cli.main import main

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

    def process(self, *arguments: str, **environment: str) -> Done:
        """Run as a process of its own, to the end, whatever that is."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, *arguments: str, **environment: str) -> Done:
        """Run the same in this process, where all is imported already: a twentieth of the time."""
        chosen = () if "--kubeconfig" in arguments else ("--kubeconfig", str(self.kubeconfig))
        return self._run(*arguments, *chosen, **environment)

    def offline(self, *arguments: str, **environment: str) -> Done:
        """Run a command that needs no cluster."""
        return self._run(*arguments, **environment)

    def _run(self, *arguments: str, **environment: str) -> Done:
        out, error = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment(**environment), clear=True),
            mock.patch.object(sys, "argv", ["chaperone", *arguments]),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(error),
        ):
            time.tzset()
            code = _exit_code(main)
        time.tzset()
        return Done(code, out.getvalue(), error.getvalue())

    def out(self, *arguments: str, **environment: str) -> str:
        """Give the output of a command that must succeed."""
        done = self.run(*arguments, **environment)
        assert done.code == 0, done.error
        return done.out


def _exit_code(run: Callable[[], None]) -> int:
    before = signal.getsignal(signal.SIGTERM)
    try:
        run()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0
