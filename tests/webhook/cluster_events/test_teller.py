"""Events reach a real HTTP server as the API wants them, and nothing that goes wrong there matters."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import yaml
from told import event
from web_hook import Hook, hook

from sidecar.contract.errors import ClusterError
from sidecar.masking import Engine, Profile
from webhook.cluster_events.teller import Teller
from webhook.journal.events import Kind
from webhook.kube.api import KubeApi, Reply

ENGINE = Engine.load(Profile.STRICT)
PAN = "4111111111111111"


class Counted:
    def __init__(self) -> None:
        self.wrote = self.gone = 0

    def written(self) -> None:
        self.wrote += 1

    def lost(self) -> None:
        self.gone += 1


@pytest.fixture
def server() -> Iterator[Hook]:
    with hook() as found:
        yield found


@contextmanager
def telling(server: Hook, folder: Path) -> Generator[tuple[Teller, Counted]]:
    kubeconfig = folder / "kubeconfig"
    cluster = {"server": f"http://127.0.0.1:{server.port}"}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "a",
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "clusters": [{"name": "a", "cluster": cluster}],
                "users": [{"name": "a", "user": {}}],
            }
        )
    )
    api, counted = KubeApi(kubeconfig=kubeconfig), Counted()
    teller = Teller(api, instance="chaperone-admission-1", mask=ENGINE.masks, counts=counted)
    teller.start()
    try:
        yield teller, counted
    finally:
        teller.stop()
        api.close()


def until(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not probe():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_event_is_made_and_repeated_as_a_series(server: Hook, tmp_path: Path) -> None:
    with telling(server, tmp_path) as (teller, counted):
        teller.offer([event(), event(), event()])
        until(lambda: counted.wrote == 1)
    assert server.methods == ["POST", "PATCH"]
    assert server.paths[0] == "/apis/events.k8s.io/v1/namespaces/payments/events"
    made, repeated = server.json(0), server.json(1)
    assert made.pop("eventTime").endswith("Z")
    name = made["metadata"]["name"]
    assert made == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "payments"},
        "reportingController": "chaperone.dev/chaperone",
        "reportingInstance": "chaperone-admission-1",
        "action": "exec",
        "reason": "ApprovalRequested",
        "type": "Normal",
        "note": made["note"],
        "regarding": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": "payments",
            "name": "shop",
            "uid": "5b1f",
        },
        "related": {
            "apiVersion": "chaperone.dev/v1alpha1",
            "kind": "ApprovalRequest",
            "namespace": "payments",
            "name": "exec-ramncgkk2drdtai4-1",
            "uid": "77aa",
        },
    }
    assert server.paths[1] == f"/apis/events.k8s.io/v1/namespaces/payments/events/{name}"
    assert repeated["series"]["count"] == 3
    assert list(repeated) == ["series"]


def test_card_data_is_masked_here_too(server: Hook, tmp_path: Path) -> None:
    with telling(server, tmp_path) as (teller, _):
        teller.offer([event(asked=f"exec {PAN}")])
    assert PAN not in server.bodies[0].decode()
    assert "411111******1111" in server.bodies[0].decode()


def test_what_is_not_told_takes_no_place(tmp_path: Path) -> None:
    counted = Counted()
    teller = Teller(Stuck(), instance="x", mask=ENGINE.masks, counts=counted)
    teller.offer([event(Kind.DECISION) for _ in range(5000)])
    assert counted.gone == 0


def test_an_event_that_cannot_be_told_silences_nobody(server: Hook, tmp_path: Path) -> None:
    with telling(server, tmp_path) as (teller, counted):
        teller.offer([event(reason=cast("str", None)), event()])
        until(lambda: counted.wrote == 1)
    assert counted.gone == 1


def test_refusals_are_counted_and_no_more(server: Hook, tmp_path: Path) -> None:
    server.answers = [403, 500]
    with telling(server, tmp_path) as (teller, counted):
        teller.offer([event(requester=who) for who in "abc"])
        until(lambda: counted.gone + counted.wrote == 3)
    assert (counted.gone, counted.wrote) == (2, 1)


class Stuck:
    """An API server that does not answer."""

    def request(self, *_: object, **__: object) -> Reply:
        time.sleep(0.3)
        raise ClusterError("the API server cannot be reached")


def test_nobody_waits_and_what_is_too_much_is_lost() -> None:
    counted = Counted()
    teller = Teller(Stuck(), instance="x", mask=ENGINE.masks, counts=counted)
    teller.start()
    began = time.perf_counter()
    teller.offer([event(requester=str(number)) for number in range(3000)])
    assert time.perf_counter() - began < 2
    assert counted.gone >= 1900
    teller.stop()
