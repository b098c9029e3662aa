"""A whole installation as it comes, and in audit mode, on the real path; afterwards as the tests have it."""

import base64
import json
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest
from audited_doors import tries
from checkpoint_places import VALUES, Places, checkpoint_places
from installation import without
from kube import NAMESPACE, REPOSITORY, SYSTEM, Kubectl, Object, Result, chaperone, until
from people import As
from pods import APP_IMAGE, container, pod
from sessions import API, Audit, marker

from webhook.ledger.checkpoints import read_checkpoint
from webhook.ledger.entries import read_certificate
from webhook.ledger.keys import KeyRing
from webhook.ledger.notes import read_note
from webhook.policy.decision import Door

KEPT = ("--set", "canary.enabled=true")
"""What of the tests' installation would have to be approved to come back."""
TICKING = ["sh", "-c", "while true; do echo tick; sleep 0.2; done"]


def install(cluster: str, *options: str) -> None:
    command = [REPOSITORY / "scripts/cluster", "install", "--name", cluster, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def places(admin: Kubectl) -> Iterator[Places]:
    with checkpoint_places(admin) as places:
        yield places


@pytest.fixture(scope="module")
def default(cluster_name: str, places: Places) -> Iterator[None]:
    """The chart with the values it comes with; one controller has Secrets of its own, checkpoints places."""
    assert places
    manager = "policies.secretManagers[0]"
    named = (
        f"{manager}.serviceAccount={NAMESPACE}/manager",
        f"{manager}.names[0]=modes-managed-*",
        f"guard.configuration.managers[0].serviceAccount={NAMESPACE}/manager",
        "guard.configuration.managers[0].names[0]=modes-managed-*",
        *VALUES,
    )
    install(cluster_name, *KEPT, *(word for value in named for word in ("--set", value)))
    yield
    install(cluster_name, "--for-tests")


@pytest.fixture(scope="module")
def audit_mode(default: None, cluster_name: str) -> None:
    """The same in audit mode, which ``default`` takes away again."""
    install(cluster_name, *KEPT, "--set", "policies.mode=audit")


@pytest.fixture
def name(admin: Kubectl) -> Iterator[str]:
    """A name for a pod and a Secret, which are taken away afterwards by who is never held up."""
    word = f"modes-{uuid.uuid4().hex[:6]}"
    yield word
    machinery = ("--as=system:apiserver", "--as-group=system:masters", "delete", "--ignore-not-found")
    admin.run(*machinery, "pods,secrets", "-n", NAMESPACE, word, "--grace-period=0", "--force")


def run(user: Kubectl, pod_name: str, *command: str) -> Result:
    return user.try_("exec", "-n", NAMESPACE, pod_name, "--", *command)


def create(user: Kubectl, manifest: Object) -> Result:
    return user.try_("create", "-f", "-", stdin=json.dumps(manifest).encode())


def would(auditor: Kubectl, door: str, name: str) -> Object:
    """Give the one event about an object that says what would have happened."""
    path = f"{API}/namespaces/{NAMESPACE}/auditevents?limit=300&fieldSelector=type%3Ddecision"

    def probe() -> list[Object]:
        found = [one for one in auditor.raw(path)["items"] if one["door"] == door]
        return [one for one in found if one["about"].get("name") == name and one["decision"].get("would")]

    [event] = until(probe, what=f"what would have been said at door {door} of {name}")
    assert event["outcome"] == "success"
    return event


def test_the_default_pack_is_in_force(default: None, admin: Kubectl, agent: Kubectl, app: str) -> None:
    assert "hello" not in run(agent, app, "sh", "-c", "echo hello").text
    refused = run(agent, app, "sh", "-c", "echo hello")
    assert "needs a human's approval, says rule beyond-reading of policy pci-dss" in refused.error
    assert run(agent, app, "ls", "/").code == 0
    attached = agent.try_("attach", "-n", NAMESPACE, app)
    assert "says rule unrecorded-session of policy pci-dss" in attached.error
    operator = ("--as=tester", "--as-group=system:masters", "--as-group=chaperone-operators")
    upgrade = ("set", "env", "-n", SYSTEM, "deployment/chaperone-admission", "A=b", "--dry-run=server")
    assert "says rule the-guard-itself of policy pci-dss" in admin.try_(*upgrade).error
    assert admin.try_(*operator, *upgrade).code == 0


def test_checkpoints_leave_the_cluster_for_the_places_that_the_chart_names(
    default: None, auditor: Kubectl, places: Places
) -> None:
    signed = chaperone(auditor, "ledger", "checkpoint", "--now")
    checkpoint = read_checkpoint(read_note(signed).text)

    def newer() -> list[tuple[str, str]]:
        """What is not older, of each place."""
        posted = [(one["body"], one["chaperone-certificate"]) for one in places.posted()]
        files = places.written()
        written = [(text, files.get(f"{name[:-4]}.certificate", "")) for name, text in files.items()]
        found = [
            [one for one in place if one[0].startswith("chaperone.dev/") and size(one[0]) >= checkpoint.size]
            for place in (posted, written)
        ]
        return [place[0] for place in found] if all(found) else []

    until(newer, seconds=120, what="a checkpoint in both places")
    roots = [base64.b64decode(root) for root in auditor.raw(f"{API}/ledgers/main")["spec"]["roots"]]
    for note, certificate in newer():
        ring = KeyRing(checkpoint.origin, tuple(roots))
        ring.add(read_certificate(certificate.strip()))
        assert ring.open_checkpoint(note).size >= checkpoint.size


def size(note: str) -> int:
    return int(note.splitlines()[1])


def test_a_controller_manages_its_own_secrets_and_no_others(default: None, admin: Kubectl) -> None:
    as_manager = (f"--as=system:serviceaccount:{NAMESPACE}:manager", "--as-group=system:masters")
    own, other = f"modes-managed-{marker()}", f"modes-other-{marker()}"
    create = ("create", "secret", "generic")
    assert admin.try_(*as_manager, *create, own, "-n", NAMESPACE, "--from-literal=a=b").code == 0
    refused = admin.try_(*as_manager, *create, other, "-n", NAMESPACE, "--from-literal=a=b")
    assert "says rule secret-values of policy pci-dss" in refused.error
    assert "secret-values" in admin.try_("delete", "secret", own, "-n", NAMESPACE).error
    assert admin.try_(*as_manager, "delete", "secret", own, "-n", NAMESPACE).code == 0


def webhook_configuration(user: Kubectl, name: str, *who: str) -> Result:
    """Try to make a webhook configuration of other software."""
    manifest: Object = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
    }
    return user.try_(*who, "create", "-f", "-", "--dry-run=server", stdin=json.dumps(manifest).encode())


def test_webhooks_of_others_are_made_by_who_operates_and_controllers(default: None, admin: Kubectl) -> None:
    as_manager = (f"--as=system:serviceaccount:{NAMESPACE}:manager", "--as-group=system:masters")
    operator = ("--as=tester", "--as-group=system:masters", "--as-group=chaperone-operators")
    for who, name in (((), "other-software"), (as_manager, "other-software")):
        refused = webhook_configuration(admin, name, *who)
        assert "changed by who operates Chaperone: do it as a member of chaperone-operators" in refused.error
        assert "guard.configuration.managers" in refused.error
    assert webhook_configuration(admin, "other-software", *operator).code == 0
    assert webhook_configuration(admin, "modes-managed-webhook", *as_manager).code == 0
    addon = ("--as=system:serviceaccount:kube-system:addon", "--as-group=system:masters")
    assert webhook_configuration(admin, "other-software", *addon).code == 0


def test_audit_mode_refuses_nothing_and_tells_all(
    audit_mode: None, admin: Kubectl, agent: Kubectl, auditor: Kubectl, audit: Audit, name: str
) -> None:
    tickets = len(admin.get("approvalrequests", "-A")["items"])
    assert webhook_configuration(admin, "other-software").code == 0
    word = marker()
    assert create(agent, pod(name, container(command=TICKING), hostNetwork=True)).code == 0
    made = would(auditor, "pod", name)
    assert made["decision"]["would"] == "approve by pci-dss/privileged-pod"
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=90s")

    assert run(agent, name, "sh", "-c", f"echo {word}").text == f"{word}\n"
    [decided] = {one["spec"]["decision"]["would"] for one in [audit.recorded(word).object]}
    assert decided == "approve by pci-dss/beyond-reading"

    assert agent.try_("create", "secret", "generic", name, "-n", NAMESPACE, "--from-literal=a=b").code == 0
    assert would(auditor, "secret", name)["decision"]["would"] == "approve by pci-dss/secret-values"

    with agent.start("attach", "-n", NAMESPACE, name) as attached:
        assert attached.stdout is not None
        assert attached.stdout.readline() == b"tick\n"
        attached.kill()
    event = would(auditor, "attach", name)
    assert event["decision"]["would"] == "approve by pci-dss/unrecorded-session"
    assert event["details"]["unrecorded"] == "true"

    debug = ("debug", "-n", NAMESPACE, name, "--image", APP_IMAGE, "--image-pull-policy=IfNotPresent")
    assert admin.try_(*debug, "--attach=false", "--", "sleep", "9").code == 0
    event = would(auditor, "ephemeral-container", name)
    assert event["decision"]["would"] == "approve by pci-dss/unrecorded-session"
    assert len(admin.get("approvalrequests", "-A")["items"]) == tickets, "nobody is asked"


def test_audit_mode_lets_everything_through_at_every_door_and_tells_of_it(
    audit_mode: None, admin: Kubectl, machinery: As, auditor: Kubectl, app: str, name: str
) -> None:
    node = admin.get("nodes")["items"][0]["metadata"]["name"]
    machinery.run("create", "secret", "generic", f"{name}-kept", "-n", NAMESPACE, "--from-literal=a=b")
    somebody, tried = As(admin, name, "system:masters"), tries(name, app, node)
    for one in tried:
        result = somebody.try_(*one.command, stdin=one.stdin)
        assert result.code == 0 or one.may_fail, (one.what, result.error)
        assert "denied the request" not in result.error, one.what
    forward = somebody.command("port-forward", "-n", NAMESPACE, f"pod/{app}", ":9")
    with subprocess.Popen(forward, stdout=subprocess.PIPE) as forwarding:
        assert forwarding.stdout is not None
        assert b"Forwarding from" in forwarding.stdout.readline()
        forwarding.kill()
    expected = Counter((one.door, *one.about, one.would) for one in tried)
    expected["port-forward", "pods/portforward", app, "approve by pci-dss/unrecorded-connection"] = 1

    def missing() -> Counter[tuple[str, str, str, str]]:
        items = auditor.raw(f"{API}/auditevents?limit=500&fieldSelector=type%3Ddecision")["items"]
        mine = [one for one in items if one["actor"]["username"] == name]
        assert {one["outcome"] for one in mine} <= {"success"}
        return expected - Counter(_told(one) for one in mine)

    until(lambda: not missing(), what=f"an event of each try; at first there was none of {missing()}")
    elsewhere = {Door.EXEC, Door.ATTACH, Door.EPHEMERAL_CONTAINER}
    unasked = {Door.NODE, Door.WEBHOOK_CONFIGURATION}  # by the pack, and by any API server
    assert {Door(door) for door, *_ in expected} == set(Door) - elsewhere - unasked


def _told(event: Object) -> tuple[str, str, str, str]:
    about = event["about"]
    return event["door"], about["resource"], about["name"], event["decision"].get("would", "")


def test_audit_mode_lets_pods_be_that_nothing_can_record(
    audit_mode: None, admin: Kubectl, agent: Kubectl, auditor: Kubectl, name: str
) -> None:
    mounts = [{"name": "mine", "mountPath": "/.chaperone"}]
    volume: Object = {"name": "mine", "emptyDir": {}}
    conflicting = pod(name, container(volumeMounts=mounts), volumes=[volume])
    assert create(agent, conflicting).code == 0
    assert would(auditor, "pod", name)["decision"]["would"] == "deny by builtin/ReservedMountPath"
    admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=90s")
    assert "initContainers" not in admin.get("pod", name, "-n", NAMESPACE)["spec"]
    assert run(agent, name, "echo", "hello").text == "hello\n"
    event = would(auditor, "exec", name)
    assert event["decision"]["would"] == "deny by builtin/NoRecorder"
    assert event["details"]["unrecorded"] == "true"
    assert event["command"] == ["echo", "hello"]


def test_audit_mode_needs_no_chaperone(
    audit_mode: None, admin: Kubectl, agent: Kubectl, app: str, name: str
) -> None:
    with without(admin, "chaperone-admission"):
        assert run(agent, app, "echo", "hello").text == "hello\n"
        assert create(agent, pod(name, container())).code == 0
        assert (
            agent.try_("create", "secret", "generic", name, "-n", NAMESPACE, "--from-literal=a=b").code == 0
        )
        label = ("label", "namespace", NAMESPACE, "modes=x", "--overwrite", "--dry-run=server")
        assert admin.try_(*label).code == 0


def test_what_is_chaperones_own_stays_refused_in_audit_mode(
    audit_mode: None, admin: Kubectl, app: str, name: str
) -> None:
    recorder = ("-n", NAMESPACE, app, "-c", "chaperone-recorder")
    until(lambda: "nobody gets into" in admin.try_("exec", *recorder, "--", "id").error, what="an answer")
    assert "nobody gets into" in admin.try_("attach", *recorder).error
    broken = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", "metadata": {"name": name}}
    rules = {"spec": {"rules": [{"name": "r", "action": "deny", "match": {"cel": "("}}]}}
    assert "no CEL" in create(admin, {**broken, **rules}).error
    [ticket] = admin.get("approvalrequests", "-n", NAMESPACE)["items"][:1]
    forged = {**ticket, "metadata": {"name": name, "namespace": NAMESPACE}}
    assert create(admin, forged).code != 0
    edited = ("patch", "approvalrequest", ticket["metadata"]["name"], "-n", NAMESPACE, "--type=merge")
    assert admin.try_(*edited, "-p", '{"status":{"phase":"Approved"}}').code != 0
