"""The installed collector with OpenSearch as its store."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from cuttable import Relay
from installation import changed
from kube import NAMESPACE, Kubectl, chaperone, until
from opensearch_server import call, opensearch_url, remove_all
from sessions import Audit, marker

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


def test_a_session_is_kept_found_and_read_in_opensearch(
    admin: Kubectl, agent: Kubectl, app: str, audit: Audit
) -> None:
    word = marker()
    script = f"echo {word} card 4111111111111111; exit 7"
    with opensearch_url() as url, reachable_from_pods(admin, url) as store:
        remove_all(url, PREFIX)
        with changed(admin, "collector", "CHAPERONE_STORE", store):
            assert agent.try_("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script).code == 7
            until(
                lambda: audit.kubectl.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API"
            )
            session = audit.recorded(word, seconds=90)
            assert session.data("stdout") == f"{word} card 411111******1111\n".encode()
            assert session.status["exitCode"] == 7
            assert session.object["spec"]["user"]["username"] == "agent"
            count = call(url, "GET", f"/{PREFIX}-*/_count?q=4111111111111111")
            assert count["count"] == 0, "the card number reached the store"
            assert session.name in chaperone(audit.kubectl, "search", word, "-n", NAMESPACE)
        remove_all(url, PREFIX)
