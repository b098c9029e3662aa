"""The command line of `scripts/cluster`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from devcluster import local
from devcluster.errors import ClusterToolError, UsageError
from devcluster.files import locked
from devcluster.progress import Progress
from devcluster.record import Backend, Record, read_record
from devcluster.settings import DEFAULT_NAME, DEFAULT_VERSION, Settings, load_settings, parse_version
from devcluster.users import NAMES

DESCRIPTION = """\
A Kubernetes cluster to develop and test against, from one of three back ends:
  --existing   the cluster of the current kubeconfig
  --kind       kind, the default where a Docker engine and kind are there
  --local      otherwise: a control plane and one node on this machine, built from source (Debian, root)
"""
EPILOG = """\
environment:
  CHAPERONE_STATE  folder of the clusters' files   (default ~/.local/state/chaperone)
  CHAPERONE_CACHE  folder of builds and images     (default ~/.cache/chaperone)
"""


def main(argv: list[str], repository: Path) -> int:
    """Run one command and give the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        settings = load_settings(arguments.name, os.environ, repository)
        command: Callable[[Settings, argparse.Namespace], int] = arguments.command
        return command(settings, arguments)
    except ClusterToolError as error:
        print(f"scripts/cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nscripts/cluster: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser; `command` in its result is the function to call."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--name", default=DEFAULT_NAME, help="which cluster (default: %(default)s)")
    parser = argparse.ArgumentParser(
        prog="scripts/cluster",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, help_text: str, command: Callable[[Settings, argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text, parents=[shared])
        added.set_defaults(command=command)
        return added

    _add_up_options(add("up", "bring the cluster up; does only what is not done yet", command_up))
    add("down", "remove the cluster; builds stay cached", command_down)
    add("env", "print exports for a shell: eval \"$(scripts/cluster env)\"", command_env)
    user = add("kubeconfig", "print the path of a user's kubeconfig", command_kubeconfig)
    user.add_argument("user", choices=NAMES)
    return parser


def _add_up_options(parser: argparse.ArgumentParser) -> None:
    backend = parser.add_mutually_exclusive_group()
    for kind in Backend:
        text = f"use the {kind.value} back end"
        backend.add_argument(f"--{kind.value}", dest="backend", action="store_const", const=kind, help=text)
    parser.add_argument("--version", type=parse_version, help=f"Kubernetes version (default: {DEFAULT_VERSION})")


def command_up(settings: Settings, arguments: argparse.Namespace) -> int:
    progress = Progress()
    with locked(settings.state_root / f".{settings.name}.lock"):
        record = read_record(settings.state)
        version = _version(record, arguments.version)
        local.up(settings, record, version, progress)
    print(f'cluster {settings.name} is up; use it with: eval "$(scripts/cluster env --name {settings.name})"')
    return 0


def _version(record: Record | None, asked: str | None) -> str:
    if record is None:
        return asked or DEFAULT_VERSION
    if asked not in {None, record.version}:
        raise UsageError(f"this cluster is of version {record.version}; take it down first, or give another --name")
    return record.version


def command_down(settings: Settings, _: argparse.Namespace) -> int:
    with locked(settings.state_root / f".{settings.name}.lock"):
        local.down(settings, Progress())
    return 0


def command_env(settings: Settings, _: argparse.Namespace) -> int:
    record = _existing(settings)
    path = [settings.kubernetes_bin(record.version), settings.helm_bin]
    print(f"export CHAPERONE_CLUSTER={shlex.quote(settings.name)}")
    print(f"export KUBECONFIG={shlex.quote(str(settings.kubeconfig('admin')))}")
    print(f'export PATH={":".join(shlex.quote(str(folder)) for folder in path)}:"$PATH"')
    return 0


def command_kubeconfig(settings: Settings, arguments: argparse.Namespace) -> int:
    _existing(settings)
    print(settings.kubeconfig(arguments.user))
    return 0


def _existing(settings: Settings) -> Record:
    record = read_record(settings.state)
    if record is None:
        raise UsageError(f"there is no cluster {settings.name}; run: scripts/cluster up --name {settings.name}")
    return record
