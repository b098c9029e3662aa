"""A real API server takes the events, and those who look at the object find them."""

import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from told import event

from sidecar.masking import Engine, Profile
from webhook.cluster_events.teller import Teller
from webhook.journal.events import Kind, Outcome, Where
from webhook.kube.api import KubeApi

pytestmark = pytest.mark.cluster
Object = dict[str, Any]


class Counted:
    def __init__(self) -> None:
        self.wrote = self.gone = 0

    def written(self) -> None:
        self.wrote += 1

    def lost(self) -> None:
        self.gone += 1


@pytest.fixture
def namespace(api: KubeApi) -> Iterator[str]:
    name = f"events-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.request("POST", "/api/v1/namespaces", body=body).status == 201
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}")


def ask(api: KubeApi, method: str, path: str, body: Object | None = None) -> Object:
    return msgspec.json.decode(api.request(method, path, body=body).body, type=Object)


def test_the_same_again_is_one_event_on_the_object(api: KubeApi, namespace: str) -> None:
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices"}}
    uid = ask(api, "POST", f"/api/v1/namespaces/{namespace}/configmaps", made)["metadata"]["uid"]
    denied = event(
        Kind.DECISION,
        outcome=Outcome.FAILURE,
        action="deny",
        door="configmap",
        operation="UPDATE",
        asked="update of configmap prices",
        approval="",
        where=Where(namespace=namespace, resource="configmaps", name="prices", uid=uid),
    )
    counted, engine = Counted(), Engine.load(Profile.STRICT)
    teller = Teller(api, instance="chaperone-admission-1", mask=engine.masks, counts=counted)
    teller.start()
    teller.offer([denied, denied, denied])
    teller.stop()
    assert (counted.wrote, counted.gone) == (2, 0)
    [told] = ask(api, "GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
    assert (told["reason"], told["type"], told["series"]["count"]) == ("ConfigmapDenied", "Warning", 3)
    found = ask(api, "GET", f"/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.uid={uid}")
    assert [one["message"] for one in found["items"]] == [told["note"]]
