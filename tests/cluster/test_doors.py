"""Ways around the doors of objects, under the default pack on the real cluster: each of them is asked for."""

import json
from collections.abc import Callable, Iterator

import pytest
from changes import apply, pack_in_force, secret, ticket_of
from installation import without_webhooks
from kube import NAMESPACE, SYSTEM, Kubectl, Object, Result, until
from people import As
from pods import container, pod
from tickets import say

CARD = "4111111111111111"
KUBE = "kube-system"
RULES = ("--verb=get,list,delete,deletecollection", "--resource=approvalrequests.chaperone.dev")


@pytest.fixture(scope="module", autouse=True)
def _pack(machinery: As, tester: As) -> Iterator[None]:
    with pack_in_force(machinery, tester):
        yield


def create(who: As, manifest: Object, *options: str) -> Result:
    return who.try_("create", "-f", "-", *options, stdin=json.dumps(manifest).encode())


@pytest.fixture
def stranger(admin: Kubectl, machinery: As, name: str) -> Iterator[As]:
    """Somebody who may delete approval requests, as far as RBAC is concerned, and may approve none."""
    at = ("-n", NAMESPACE)
    machinery.run("create", "role", name, *RULES, *at)
    machinery.run("create", "rolebinding", name, f"--role={name}", "--user=stranger", *at)
    yield As(admin, "stranger", "system:authenticated")
    machinery.run("delete", "role,rolebinding", name, *at)


def test_a_denial_is_not_forgotten_by_deleting_it(
    admin: Kubectl, tester: As, approver: Kubectl, stranger: As, name: str
) -> None:
    ask = ("create", "secret", "generic", name, "-n", NAMESPACE, "--from-literal=a=b")
    ticket = ticket_of(tester.try_(*ask))
    remove = ("delete", "approvalrequest", ticket, "-n", NAMESPACE)
    assert "while they are open" in tester.try_(*remove).error
    assert say(approver, ticket, "deny", "use the vault").code == 0
    assert (
        "tester asked for it, and what became of it is not theirs to take away" in tester.try_(*remove).error
    )
    labels = admin.get("approvalrequest", ticket, "-n", NAMESPACE)["metadata"]["labels"]
    path = f"/apis/chaperone.dev/v1alpha1/namespaces/{NAMESPACE}/approvalrequests"
    selector = f"labelSelector=chaperone.dev%2Fask%3D{labels['chaperone.dev/ask']}"
    at_once = tester.try_("delete", "--raw", f"{path}?{selector}")
    assert f"removal of approval request {NAMESPACE}/{ticket}: tester asked for it" in at_once.error
    assert "stranger has no right to approve" in stranger.try_(*remove).error
    assert "was denied by approver: use the vault" in tester.try_(*ask).error
    with without_webhooks(admin):
        refused = until(lambda: _by_policy(tester.try_(*remove)), what="the second guard's refusal")
        assert "removed by somebody else than who asked" in refused
        assert "removed by somebody else than who asked" in stranger.try_(*remove).error
    until(lambda: "not theirs to take away" in tester.try_(*remove).error, what="the webhook again")
    assert As(admin, "somebody-else", "system:masters").try_(*remove).code == 0
    assert ticket_of(tester.try_(*ask))


def _by_policy(tried: Result) -> str:
    assert tried.code, "it was removed"
    return tried.error if "ValidatingAdmissionPolicy" in tried.error else ""


def test_card_data_beside_the_values_is_asked_for_and_told_nowhere(
    admin: Kubectl, tester: As, machinery: As, name: str
) -> None:
    at = ("-n", NAMESPACE)
    machinery.run("create", "configmap", name, *at)
    target = ("configmap", name, *at)
    refused = [
        tester.try_("create", "configmap", f"{name}-{CARD}", *at),
        tester.try_("label", *target, f"card={CARD}"),
        tester.try_("label", *target, f"{CARD}=x"),
        tester.try_("annotate", *target, f"note=pay with {CARD}"),
        apply(tester, secret(name, **{CARD: CARD})),
        tester.try_("create", "configmap", f"{name}-more", *at, f"--from-literal={CARD}={CARD}"),
    ]
    for result in refused:
        written = admin.get("approvalrequest", ticket_of(result), *at)
        assert "cardData" in written["spec"]["shown"], result.error
        assert CARD not in json.dumps(written)
    assert tester.try_("annotate", *target, "note=nothing").code == 0
    logs = admin.run("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/component=admission", "--tail=-1")
    events = admin.run("get", "events", "-A", "-o", "json")
    assert name in logs
    assert CARD not in logs + events


def test_tokens_of_the_systems_accounts_are_asked_for_and_its_own_are_not(
    admin: Kubectl, tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    token = ("create", "token", "default", "-n", KUBE)
    refused = tester.try_(*token)
    assert "says rule tokens" in refused.error
    approve(refused)
    assert tester.run(*token).strip()
    assert ticket_of(tester.try_(*token), KUBE)
    manifest: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": name,
            "namespace": KUBE,
            "annotations": {"kubernetes.io/service-account.name": "default"},
        },
    }
    assert ticket_of(create(tester, manifest), KUBE)
    plain = {**manifest, "type": "Opaque", "metadata": {"name": name, "namespace": KUBE}}
    assert create(tester, plain, "--dry-run=server").code == 0
    own = pod(name, container(), namespace=KUBE)
    machinery.run("create", "-f", "-", stdin=json.dumps(own).encode())
    try:
        place = (f"pod/{name}", "-n", KUBE)
        machinery.run("wait", *place, "--for=condition=Ready", "--timeout=120s")
    finally:
        machinery.run("delete", "pod", name, "-n", KUBE, "--grace-period=0", "--force")


def test_a_volume_of_a_path_on_a_node_is_asked_for(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    def volume(source: Object) -> Object:
        capacity = {"storage": "1Mi"}
        spec = {"capacity": capacity, "accessModes": ["ReadWriteOnce"], "storageClassName": name, **source}
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}

    host = volume({"hostPath": {"path": "/etc"}})
    terms = [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}]
    affinity: Object = {"required": {"nodeSelectorTerms": terms}}
    local = volume({"local": {"path": "/mnt"}, "nodeAffinity": affinity})
    elsewhere = volume({"nfs": {"server": "nowhere.example", "path": "/"}})
    assert create(tester, elsewhere, "--dry-run=server").code == 0
    assert "needs a human's approval" in create(tester, local, "--dry-run=server").error
    refused = create(tester, host)
    assert "a pod that claims this volume gets a path of its node" in refused.error
    approve(refused)
    assert create(tester, host).code == 0
    try:
        patch = ("patch", "persistentvolume", name, "--type=merge", "-p")
        keep = json.dumps({"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
        assert tester.try_(*patch, keep).code == 0
        claim = json.dumps({"spec": {"claimRef": {"namespace": NAMESPACE, "name": name}}})
        assert "needs a human's approval" in tester.try_(*patch, claim, "--dry-run=server").error
    finally:
        machinery.run("delete", "persistentvolume", name)


def service(name: str, **spec: object) -> Object:
    ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SYSTEM},
        "spec": {"ports": ports, "selector": {"app": name}, **spec},
    }


KINDS: dict[str, Object] = {
    "address": {},
    "ports": {"type": "NodePort"},
    "balancer": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"},
    "headless": {"clusterIP": "None"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_approved_service_of_ours_is_made_whatever_is_allocated(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str, kind: str
) -> None:
    manifest = service(name, **KINDS[kind])
    approve(create(tester, manifest))
    assert create(tester, manifest).code == 0
    machinery.run("delete", "service", name, "-n", SYSTEM)


def test_a_service_of_ours_is_opened_as_approved(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    machinery.run("create", "-f", "-", stdin=json.dumps(service(name)).encode())
    try:
        opened = ("patch", "service", name, "-n", SYSTEM, "-p", '{"spec":{"type":"NodePort"}}')
        approve(tester.try_(*opened))
        assert tester.try_(*opened).code == 0
    finally:
        machinery.run("delete", "service", name, "-n", SYSTEM)


def test_an_approved_pod_of_ours_is_made_and_debugged(
    tester: As, machinery: As, approve: Callable[[Result], str], name: str
) -> None:
    manifest = pod(name, container(), namespace=SYSTEM)
    approve(create(tester, manifest))
    assert create(tester, manifest).code == 0
    try:
        image = manifest["spec"]["containers"][0]["image"]
        debug = ("debug", name, "-n", SYSTEM, f"--image={image}", "--attach=false", "--", "id")
        approve(tester.try_(*debug))
        # What the kubelet writes at the same moment would have the API server ask again, and use it up twice.
        machinery.run("wait", f"pod/{name}", "-n", SYSTEM, "--for=condition=Ready", "--timeout=120s")
        assert tester.try_(*debug).code == 0
    finally:
        machinery.run("delete", "pod", name, "-n", SYSTEM, "--grace-period=0", "--force")
