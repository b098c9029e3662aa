"""The keeper of the trust material against a real API server."""

import base64
import datetime as dt
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sidecar.contract.errors import ClusterError, ConfigurationError
from sidecar.contract.signing import Purpose, certified_key
from webhook.kube.api import KubeApi
from webhook.trust.keeper import GRANT_SECRET, LEDGER_CONFIG, ROOT_SECRET, Keeper
from webhook.trust.reader import Reader
from webhook.trust.secrets import Vault

pytestmark = pytest.mark.cluster
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def namespace(api: KubeApi) -> Iterator[str]:
    name = f"trust-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.request("POST", "/api/v1/namespaces", body=body).status == 201
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def configuration(api: KubeApi, namespace: str) -> Iterator[str]:
    """A configuration of two webhooks that match nothing."""
    service = {"name": "nobody", "namespace": namespace}
    webhooks = [
        {
            "name": f"{word}.trust.test",
            "clientConfig": {"service": service},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "namespaceSelector": {"matchLabels": {"never": "matched"}},
        }
        for word in ("one", "two")
    ]
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": webhooks,
    }
    assert api.request("POST", WEBHOOKS, body=body).status == 201
    yield namespace
    api.request("DELETE", f"{WEBHOOKS}/{namespace}")


def keeper(api: KubeApi, namespace: str, *, days: int = 0, configurations: tuple[str, ...] = ()) -> Keeper:
    return Keeper(
        api,
        namespace,
        webhook_configurations=configurations,
        api_services=("v1.nobody.test",),
        clock=lambda: NOW + dt.timedelta(days=days),
    )


def read(api: KubeApi, path: str) -> Any:
    return json.loads(api.request("GET", path).body)


def test_replicas_that_start_together_agree(api: KubeApi, namespace: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        starting = [threads.submit(keeper(api, namespace).material) for _ in range(6)]
        made = [start.result() for start in starting]
    assert len({material.roots for material in made}) == 1
    assert len({material.seal_key for material in made}) == 1
    assert len({material.signer.certificate.body for material in made}) == 1
    assert len({material.tls["tls.crt"] for material in made}) == 1


def test_the_collector_reads_its_share(api: KubeApi, namespace: str) -> None:
    with pytest.raises(ClusterError, match="not there yet"):
        Reader(api, namespace).material()
    made = keeper(api, namespace).material()
    share = Reader(api, namespace).material()
    assert (share.roots, share.seal_keys[0], share.bundle) == (made.roots, made.seal_key, made.bundle)
    assert share.tls["tls.crt"] != made.tls["tls.crt"]
    now = int(NOW.timestamp())
    public = certified_key(share.ledger_key.certificate, roots=share.roots, purpose=Purpose.LEDGER, now=now)
    assert public == share.ledger_key.public
    assert Reader(api, namespace).material() == share


def test_the_place_of_checkpoints_is_made_and_left_as_it_is(api: KubeApi, namespace: str) -> None:
    vault = Vault(api, namespace)
    keeper(api, namespace).material()
    assert vault.config(LEDGER_CONFIG) == {}
    vault.change_config(LEDGER_CONFIG, lambda data: {**data, "checkpoint": "one"})
    keeper(api, namespace).material()
    assert vault.config(LEDGER_CONFIG) == {"checkpoint": "one"}


def test_what_is_old_is_renewed_below_the_same_root(api: KubeApi, namespace: str) -> None:
    first = keeper(api, namespace).material()
    later = keeper(api, namespace, days=61).material()
    assert later.roots == first.roots
    assert later.bundle == first.bundle
    assert later.tls["tls.crt"] != first.tls["tls.crt"]
    assert later.seal_key != first.seal_key
    assert first.seal_key in Reader(api, namespace).material().seal_keys
    moment = int((NOW + dt.timedelta(days=61)).timestamp())
    certified_key(later.signer.certificate, roots=first.roots, purpose=Purpose.GRANT, now=moment)


def test_what_somebody_deleted_or_damaged_is_made_again(api: KubeApi, namespace: str) -> None:
    first = keeper(api, namespace).material()
    path = f"/api/v1/namespaces/{namespace}/secrets/{GRANT_SECRET}"
    assert api.request("DELETE", path).status == 200
    second = keeper(api, namespace).material()
    assert second.roots == first.roots
    assert second.signer.certificate != first.signer.certificate
    assert keeper(api, namespace).material().signer.certificate == second.signer.certificate


def test_a_damaged_root_stops_everything_rather_than_being_replaced(api: KubeApi, namespace: str) -> None:
    keeper(api, namespace).material()
    path = f"/api/v1/namespaces/{namespace}/secrets/{ROOT_SECRET}"
    damage = {"data": {"root.key": base64.b64encode(b"x").decode()}}
    reply = api.request("PATCH", path, body=damage, content_type="application/merge-patch+json")
    assert reply.status == 200
    with pytest.raises(ConfigurationError):
        keeper(api, namespace).material()


def test_the_ca_is_announced_to_every_webhook_and_mended(
    api: KubeApi, namespace: str, configuration: str
) -> None:
    one = keeper(api, namespace, configurations=(configuration, "absent"))
    bundle = one.material().bundle

    def announced() -> list[str]:
        found = read(api, f"{WEBHOOKS}/{configuration}")
        return [
            base64.b64decode(hook["clientConfig"].get("caBundle", "")).decode() for hook in found["webhooks"]
        ]

    one.announce(bundle)
    assert announced() == [bundle, bundle]
    version = read(api, f"{WEBHOOKS}/{configuration}")["metadata"]["resourceVersion"]
    one.announce(bundle)
    assert read(api, f"{WEBHOOKS}/{configuration}")["metadata"]["resourceVersion"] == version
    damage = [{"op": "remove", "path": "/webhooks/1/clientConfig/caBundle"}]
    path, kind = f"{WEBHOOKS}/{configuration}", "application/json-patch+json"
    assert api.request("PATCH", path, body=damage, content_type=kind).status == 200
    one.announce(bundle)
    assert announced() == [bundle, bundle]


def test_nothing_secret_is_shown(api: KubeApi, namespace: str) -> None:
    made = keeper(api, namespace).material()
    shown = repr(made) + repr(Reader(api, namespace).material())
    assert "PRIVATE" not in shown
    assert repr(made.seal_key) not in shown
