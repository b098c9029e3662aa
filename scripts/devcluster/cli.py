"""The command line of `scripts/cluster`."""

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from devcluster import external, local
from devcluster.errors import ClusterToolError, UsageError
from devcluster.files import locked
from devcluster.install import Choices, install, uninstall
from devcluster.progress import Progress
from devcluster.record import Backend, Record, read_record
from devcluster.settings import DEFAULT_NAME, DEFAULT_VERSION, Settings, load_settings, parse_version
from devcluster.status import render_status
from devcluster.users import ADMIN, NAMES

DESCRIPTION = """\
A Kubernetes cluster to develop and test against, from one of three back ends:
  --existing   the cluster of the current kubeconfig
  --kind       kind; the default where a Docker engine and kind are there
  --local      otherwise: a control plane and one node on this machine, built from source (Debian, root)
"""
EPILOG = """\
environment:
  CHAPERONE_STATE  folder of the clusters' files   (default ~/.local/state/chaperone)
  CHAPERONE_CACHE  folder of builds and images     (default ~/.cache/chaperone)

examples:
  scripts/cluster up && scripts/cluster install
  eval "$(scripts/cluster env)"
  kubectl --kubeconfig "$(scripts/cluster kubeconfig agent)" -n payments get pods
  scripts/cluster up --name old --version 1.34.4
"""
Command = Callable[[Settings, argparse.Namespace], int]


def main(argv: list[str], repository: Path) -> int:
    """Run one command and give the exit status."""
    arguments = build_parser(argv).parse_args(argv)
    try:
        settings = load_settings(arguments.name, os.environ, repository)
        command: Command = arguments.command
        return command(settings, arguments)
    except ClusterToolError as error:
        print(f"scripts/cluster: {error}", file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"scripts/cluster: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nscripts/cluster: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def build_parser(argv: list[str]) -> argparse.ArgumentParser:
    """The parser; `command` in its result is the function to call. OpenSearch's part is loaded on demand."""
    parser = argparse.ArgumentParser(
        prog="scripts/cluster",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str, command: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, conflict_handler="resolve")
        added.add_argument("--name", default=DEFAULT_NAME, help="which cluster (default: %(default)s)")
        added.set_defaults(command=command)
        return added

    _add_up_options(add("up", "bring the cluster up; does only what is not done yet", command_up))
    add("down", "remove the cluster and all that belongs to it; builds stay cached", command_down)
    add("status", "show what runs; fails when something is missing", command_status)
    add("env", 'print exports for a shell: eval "$(scripts/cluster env)"', command_env)
    user = add("kubeconfig", "print the path of a user's kubeconfig", command_kubeconfig)
    user.add_argument("user", choices=NAMES, metavar="USER", help=", ".join(NAMES))
    _add_install_options(
        add("install", "build the images and install the chart from this tree", command_install)
    )
    remove = add("uninstall", "take the installation away again; the record stays", command_uninstall)
    remove.add_argument("--purge", action="store_true", help="delete the record and the keys, too")
    opensearch = add(
        "opensearch", "run a real OpenSearch: opensearch up, opensearch down", command_opensearch
    )
    if "opensearch" in argv[:1]:
        importlib.import_module("devcluster.opensearch").add_arguments(opensearch)
    return parser


def _add_up_options(parser: argparse.ArgumentParser) -> None:
    backend = parser.add_mutually_exclusive_group()
    texts = {
        Backend.EXISTING: "take the cluster of the current kubeconfig",
        Backend.KIND: "make a cluster with kind",
        Backend.LOCAL: "run a control plane and a node on this machine",
    }
    for kind, text in texts.items():
        backend.add_argument(f"--{kind.value}", dest="backend", action="store_const", const=kind, help=text)
    parser.add_argument("--version", type=_version, help=f"Kubernetes version (default: {DEFAULT_VERSION})")


def _version(text: str) -> str:
    try:
        return parse_version(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _add_install_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", dest="values", action="append", default=[], metavar="KEY=VALUE", help="a chart value"
    )
    parser.add_argument("--registry", help="push the images here (for --existing clusters)")
    parser.add_argument("--test-images", action="store_true", help="load the images of the tests, too")
    parser.add_argument(
        "--for-tests", action="store_true", help="with these, and without policies, as the tests want it"
    )


def command_up(settings: Settings, arguments: argparse.Namespace) -> int:
    progress = Progress()
    with _exclusive(settings):
        record = read_record(settings.state)
        backend = choose_backend(record, arguments.backend, external.docker_answers)
        version = choose_version(record, arguments.version)
        if backend is Backend.LOCAL:
            local.up(settings, record, version or DEFAULT_VERSION, progress)
        elif backend is Backend.KIND:
            external.up_kind(settings, version, progress)
        else:
            external.up_existing(settings, progress)
    print(f'cluster {settings.name} is up; use it with: eval "$(scripts/cluster env --name {settings.name})"')
    return 0


def choose_backend(record: Record | None, asked: Backend | None, docker: Callable[[], bool]) -> Backend:
    """The back end of the cluster: its own for good, then what was asked for, then what is there.

    Raises UsageError when an existing cluster has another one than asked for.
    """
    if record is None:
        return asked or (Backend.KIND if docker() else Backend.LOCAL)
    if asked not in {None, record.backend}:
        raise UsageError(
            f"this cluster is of back end {record.backend.value}; take it down first, or give a --name"
        )
    return record.backend


def choose_version(record: Record | None, asked: str | None) -> str | None:
    """The cluster's Kubernetes version; None where nobody cares.

    Raises UsageError when an existing cluster has another one than asked for.
    """
    if record is None or not record.version:
        return asked
    if asked not in {None, record.version}:
        raise UsageError(f"this cluster is of version {record.version}; take it down first, or give a --name")
    return record.version


def command_down(settings: Settings, _: argparse.Namespace) -> int:
    progress = Progress()
    with _exclusive(settings):
        record = read_record(settings.state)
        if record is not None and record.backend is Backend.EXISTING:
            external.down_existing(settings, record, progress)
        elif record is not None and record.backend is Backend.KIND:
            external.down_kind(settings, progress)
        else:
            local.end(settings, progress)
        local.remove_state(settings.state)
    return 0


def command_status(settings: Settings, _: argparse.Namespace) -> int:
    text, whole = render_status(settings, _known(settings))
    print(text, end="")
    return 0 if whole else 1


def command_env(settings: Settings, _: argparse.Namespace) -> int:
    record = _known(settings)
    folders = [settings.kubernetes_bin(record.version), settings.helm_bin]
    path = ":".join(shlex.quote(str(folder)) for folder in folders if folder.is_dir())
    print(f"export CHAPERONE_CLUSTER={shlex.quote(settings.name)}")
    print(f"export KUBECONFIG={shlex.quote(str(settings.kubeconfig(ADMIN)))}")
    if path:
        print(f'export PATH={path}:"$PATH"')
    return 0


def command_kubeconfig(settings: Settings, arguments: argparse.Namespace) -> int:
    _known(settings)
    print(settings.kubeconfig(arguments.user))
    return 0


def command_install(settings: Settings, arguments: argparse.Namespace) -> int:
    choices = Choices(tuple(arguments.values), arguments.registry, arguments.test_images, arguments.for_tests)
    with _exclusive(settings):
        install(settings, _known(settings), choices, Progress())
    return 0


def command_uninstall(settings: Settings, arguments: argparse.Namespace) -> int:
    with _exclusive(settings):
        uninstall(settings, _known(settings), Progress(), purge=arguments.purge)
    return 0


def command_opensearch(_: Settings, arguments: argparse.Namespace) -> int:
    return importlib.import_module("devcluster.opensearch").run(arguments)


def _exclusive(settings: Settings) -> AbstractContextManager[None]:
    """One command at a time changes a cluster."""

    def tell() -> None:
        print(f"waiting for another command on cluster {settings.name} to end", file=sys.stderr)

    return locked(settings.state_root / f".{settings.name}.lock", tell)


def _known(settings: Settings) -> Record:
    record = read_record(settings.state)
    if record is None:
        raise UsageError(
            f"there is no cluster {settings.name}; run: scripts/cluster up --name {settings.name}"
        )
    return record
