"""The installed collector with OpenSearch as its store."""

import json
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cuttable import Relay
from installation import another_ledger, on_another_store, scale
from kube import NAMESPACE, SYSTEM, Kubectl, chaperone, rest_of, try_chaperone, until
from node import kill_container
from opensearch_server import call, opensearch_url, remove_all
from places import entries, replicas
from sessions import API, Audit, marker

pytestmark = pytest.mark.opensearch

PREFIX = "chaperone"


@contextmanager
def reachable_from_pods(admin: Kubectl, url: str) -> Generator[str]:
    """Let pods reach a server on the host's loopback, over the host's end of the link to the cluster."""
    server = admin.run("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")
    node = urlsplit(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node.hostname, node.port))
        host = probe.getsockname()[0]
    relay = Relay(urlsplit(url).port or 0, address=host)
    yield f"http://{host}:{relay.port}"
    relay.close()


@pytest.fixture(scope="module")
def server(admin: Kubectl, auditor: Kubectl) -> Iterator[str]:
    """An OpenSearch that is the collector's store, as long as these tests run, with a ledger of its own."""
    with opensearch_url() as url, reachable_from_pods(admin, url) as store:
        remove_all(url, PREFIX)
        with on_another_store(admin, store), another_ledger(admin):
            until(lambda: auditor.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API")
            yield url
        remove_all(url, PREFIX)


def test_a_session_is_kept_found_and_read_in_opensearch(
    agent: Kubectl, app: str, audit: Audit, server: str
) -> None:
    word = marker()
    script = f"echo {word} card 4111111111111111; exit 7"
    assert agent.try_("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script).code == 7
    session = audit.recorded(word, seconds=90)
    assert session.data("stdout") == f"{word} card 411111******1111\n".encode()
    assert session.status["exitCode"] == 7
    assert session.object["spec"]["user"]["username"] == "agent"
    count = call(server, "GET", f"/{PREFIX}-*/_count?q=4111111111111111")
    assert count["count"] == 0, "the card number reached the store"
    assert session.name in chaperone(audit.kubectl, "search", word, "-n", NAMESPACE)


@pytest.mark.timeout(600)
def test_several_collectors_make_one_ledger_though_one_is_killed(
    admin: Kubectl, agent: Kubectl, audit: Audit, app: str, server: str, tmp_path: Path
) -> None:
    """Holds, exports and checkpoints work whichever replica is asked."""
    assert server
    auditor, since = audit.kubectl, datetime.now(UTC).isoformat()
    scale(admin, "chaperone-collector", 2)
    try:
        shown = _streamed(admin, agent, app)
        sessions = {mark: audit.recorded(mark, seconds=120) for mark in shown}
        assert {mark: session.data("stdout") for mark, session in sessions.items()} == shown
        names = [session.name for session in sessions.values()]
        for what in (
            {"session": names[0]},
            {"agent": "agent"},
            {"since": since, "until": "2100-01-01T00:00Z"},
        ):
            _hold(auditor, **what, reason="case 4111111111111111")
        held = auditor.run("get", "legalholds")
        assert (held.count(" yes "), held.count("case 411111******1111")) == (3, 3)

        def kept() -> dict[str, bytes] | None:
            found = entries(auditor)
            started = {data for data in found.values() if b"control-started" in data}
            told = [
                pod for pod in replicas(admin, "collector") if any(pod.encode() in one for one in started)
            ]
            holds = sum(b'"kind":"hold-set"' in data for data in found.values())
            sealed = all(f"manifest/{name}" in found for name in names)
            return found if (len(told), holds, sealed) == (2, 3, True) else None

        until(kept, seconds=120, what="both replicas, all sessions and three holds in the ledger")
        bundle = tmp_path / "bundle.zip"
        exported = try_chaperone(auditor, "evidence", "export", "--since", since, "-o", str(bundle))
        assert exported.code == 0, exported.error
        assert chaperone(auditor, "ledger", "verify").endswith("The record holds.\n")
    finally:
        scale(admin, "chaperone-collector", 1)


def _hold(auditor: Kubectl, **spec: str) -> None:
    kind = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "LegalHold"}
    body = json.dumps({**kind, "spec": spec}).encode()
    auditor.run("create", "--raw", f"{API}/legalholds", "-f", "-", stdin=body)


def _streamed(admin: Kubectl, agent: Kubectl, app: str) -> dict[str, bytes]:
    """Give what sessions showed, by their marks, during which a collector was killed."""
    script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo line $i; sleep 0.05; done"
    marks = [marker() for _ in range(3)]
    begun = [agent.start("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script, mark) for mark in marks]
    first = [process.stdout.readline() for process in begun if process.stdout]
    kill_container(admin, SYSTEM, replicas(admin, "collector")[0], "collector")
    rest = [rest_of(process)[0] for process in begun]
    assert [process.returncode for process in begun] == [0] * len(marks)
    return {mark: head + tail for mark, head, tail in zip(marks, first, rest, strict=True)}
