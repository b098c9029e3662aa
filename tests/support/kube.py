"""Real kubectl against the real cluster, as one of its users."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pexpect

REPOSITORY = Path(__file__).parents[2]
NAMESPACE = "payments"
SYSTEM = "chaperone-system"
TIMEOUT = 200.0

Object = dict[str, Any]
_T = TypeVar("_T")
EARLY = re.compile(rb"(?m)^E[0-9. :]+ websocket\.go:[0-9]+\] Unknown stream id \d, discarding message\r?\n")
"""What kubectl says when the kubelet's empty first message comes before it has its streams.

Nothing is lost with that message; where output is, a test finds that without these words.
"""


@dataclass(frozen=True)
class Result:
    """What a command gave."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    @property
    def error(self) -> str:
        return self.stderr.decode(errors="replace")


@dataclass(frozen=True)
class Kubectl:
    """kubectl as one user; ``protocol`` forces how exec streams travel."""

    kubeconfig: Path
    binary: str = "kubectl"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def using(self, protocol: str) -> "Kubectl":
        """The same user, with exec over ``websocket`` or ``spdy``."""
        value = {"websocket": "true", "spdy": "false"}[protocol]
        return Kubectl(self.kubeconfig, self.binary, {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": value})

    def command(self, *arguments: str) -> list[str]:
        return [self.binary, f"--kubeconfig={self.kubeconfig}", *arguments]

    def env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def try_(self, *arguments: str, stdin: bytes | None = None, timeout: float = TIMEOUT) -> Result:
        """Run and give whatever came of it."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
            env=self.env(),
        )
        return Result(done.returncode, done.stdout, EARLY.sub(b"", done.stderr))

    def run(self, *arguments: str, stdin: bytes | None = None, timeout: float = TIMEOUT) -> str:
        """Run and give stdout; a failure fails the test with stderr."""
        result = self.try_(*arguments, stdin=stdin, timeout=timeout)
        assert result.code == 0, f"kubectl {' '.join(arguments)}: {result.error}"
        return result.text

    def start(self, *arguments: str, stdin: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """Start and hand over the process."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.env(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def terminal(self, *arguments: str, rows: int = 24, cols: int = 80) -> "pexpect.spawn[bytes]":
        """Run on a real pseudo-terminal."""
        command = self.command(*arguments)
        return pexpect.spawn(command[0], command[1:], env=self.env(), dimensions=(rows, cols), timeout=90)

    def get(self, *arguments: str) -> Object:
        """``kubectl get -o json``."""
        return json.loads(self.run("get", *arguments, "-o", "json"))

    def raw(self, path: str) -> Any:
        """``kubectl get --raw`` of a JSON document."""
        return json.loads(self.run("get", "--raw", path))

    def apply(self, *objects: Object) -> None:
        """Apply objects; a refusal fails the test."""
        result = self.try_apply(*objects)
        assert result.code == 0, result.error

    def try_apply(self, *objects: Object) -> Result:
        """Apply objects and give whatever came of it."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.try_("apply", "-f", "-", stdin=json.dumps(document).encode())

    def delete_now(self, *arguments: str) -> None:
        """Delete without grace, whether or not it is there."""
        self.run("delete", "--ignore-not-found", "--grace-period=0", "--force", "--wait=true", *arguments)


def rest_of(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """Give what a process says until it ends, on both outputs, after lines of it were read.

    ``communicate`` loses what was read with the last of these lines and waits in the buffer.
    """
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        return process.stdout.read(), process.stderr.read()


def chaperone(user: Kubectl, *arguments: str) -> str:
    """Run ``chaperone`` as a user and give stdout; a failure fails the test with stderr."""
    done = try_chaperone(user, *arguments)
    assert done.code == 0, done.error
    return done.text


def try_chaperone(user: Kubectl, *arguments: str) -> Result:
    """Run ``chaperone`` as a user and give whatever came of it."""
    command, environment = _chaperone(user, arguments)
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr)


def chaperone_terminal(user: Kubectl, *arguments: str) -> "pexpect.spawn[bytes]":
    """Run ``chaperone`` as a user on a real pseudo-terminal."""
    (program, *words), environment = _chaperone(user, arguments)
    return pexpect.spawn(program, words, env=environment, dimensions=(40, 120), timeout=120)


def _chaperone(user: Kubectl, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    command = [str(REPOSITORY / ".venv/bin/chaperone"), *arguments]
    return command, user.env() | {"KUBECONFIG": str(user.kubeconfig), "COLUMNS": "120"}


def prompted(shell: Any) -> None:
    """Wait until the shell has shown its prompt, and nothing for a second."""
    shell.expect_exact("ready> ")
    while shell.expect([pexpect.TIMEOUT, "(?s).+"], timeout=1):
        pass


def until(probe: Callable[[], _T | None], *, seconds: float = 60.0, what: str) -> _T:
    """Give the first true answer of a probe, or fail the test after a bounded time."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:.0f} s"
        time.sleep(pause)
        pause = min(1.5 * pause, 0.5)
