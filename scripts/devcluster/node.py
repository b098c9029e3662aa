"""A local node as a set of namespaces: making it, finding it, running things in it, ending it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import ClusterToolError, NotReadyError
from devcluster.processes import Process, environment_of, everything, look, signal_process
from devcluster.settings import Settings
from devcluster.shell import run

TITLE = "chaperone-node"
"""First word of the node's first process; the second is the cluster's state folder."""
MARK = "CHAPERONE_COMPONENT"
SPECIFICATION = "CHAPERONE_SPECIFICATION"
PROGRAM = "CHAPERONE_PROGRAM"
"""The component's own first word: what it starts inherits the marks, but is another program."""
STARTING = (("setsid",), ())
"""First words of a component in the moment before it becomes its own program."""


@dataclass(frozen=True)
class Running:
    """A component that lives."""

    process: Process
    specification: str
    """What it was started from; see `components.Component.specification`."""


@dataclass(frozen=True)
class Node:
    """A running local node."""

    init: Process

    def inside(self, argv: Sequence[str | Path]) -> list[str]:
        """A command line that runs `argv` within the node's namespaces."""
        return ["nsenter", "-t", str(self.init.pid), "-m", "-u", "-i", "-n", "-p", *map(str, argv)]

    def run(self, argv: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
        """As `shell.run`, within the node."""
        return run(self.inside(argv), **options)  # pyright: ignore[reportArgumentType]

    def on_network(self, argv: Sequence[str | Path]) -> list[str]:
        """A command line that runs `argv` with the host's files on the node's network."""
        return ["nsenter", "-t", str(self.init.pid), "-n", *map(str, argv)]

    def processes(self) -> list[Process]:
        """All processes of the node but its first."""
        here = self.init
        return [
            found for found in everything() if found.namespace == here.namespace and found.pid != here.pid
        ]

    def components(self) -> dict[str, Running]:
        """The components that `start` started and that live, by name."""
        found: dict[str, Running] = {}
        for process in self.processes():
            environment = environment_of(process.pid) if process.parent == self.init.pid else {}
            if MARK in environment and process.argv[:1] in ((environment[PROGRAM],), *STARTING):
                found[environment[MARK]] = Running(process, environment[SPECIFICATION])
        return found

    def component(self, name: str) -> Running | None:
        """A component that `start` started, if it lives."""
        return self.components().get(name)

    def start(self, name: str, argv: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Start a long-running component: in a session of its own, a child of the node's first process."""
        log.parent.mkdir(parents=True, exist_ok=True)
        inherited = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        with log.open("ab") as stream:
            subprocess.run(
                self.inside(["setsid", "--fork", *argv]),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**inherited, **environment, MARK: name, PROGRAM: argv[0]},
                check=True,
            )


def find_node(settings: Settings) -> Node | None:
    """The node of this cluster, if it runs."""
    expected = (TITLE, str(settings.state))
    for process in everything():
        if process.argv == expected and environment_of(process.pid) == {}:
            return Node(process)
    return None


def create_node(settings: Settings, init: Path, binaries: Path) -> Node:
    """Start the node's first process in new namespaces.

    Raises ClusterToolError when the kernel refuses.
    """
    folders = {"var_lib": settings.state / "node/lib", "var_log": settings.state / "node/log"}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    plan = {
        "title": TITLE,
        "init": str(init),
        "hostname": settings.name,
        "state": str(settings.state),
        "binaries": str(binaries),
        **{name: str(folder) for name, folder in folders.items()},
    }
    run([sys.executable, "-I", Path(__file__).with_name("nodeboot.py"), json.dumps(plan)])
    node = find_node(settings)
    if node is None:
        raise ClusterToolError("the node's first process ended at once")
    return node


def end_process(process: Process, timeout: float, *, gently: bool = True) -> None:
    """End a process: SIGTERM first where asked, then SIGKILL.

    Raises NotReadyError when it is still there after that.
    """
    for number in (signal.SIGTERM, signal.SIGKILL) if gently else (signal.SIGKILL,):
        signal_process(process, number)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            now = look(process.pid)
            if now is None or now.started != process.started:
                return
            time.sleep(0.02)
    raise NotReadyError(f"process {process.pid} ({process.argv[0]}) does not end")


def end_node(node: Node) -> None:
    """End the node's first process, and with it all others and every namespace of the node."""
    rest = node.processes()
    end_process(node.init, 20, gently=False)
    for process in rest:
        end_process(process, 20, gently=False)
