"""What breaks, breaks closed; what was delivered is on record."""

import json
import subprocess
import time
from typing import Any

import pytest
from installation import changed, setting, without, without_webhooks
from kube import NAMESPACE, SYSTEM, Kubectl, Object, rest_of, until
from node import container_id, kill_container
from people import As
from places import sealed
from pods import APP_IMAGE, container, pod
from sessions import Audit, marker
from workshop import Workshop

from webhook.ledger.manifest import Gap

EXEC = ("exec", "-n", NAMESPACE)
SMALL_SPOOL_BYTES = 16 * 1024 * 1024


@pytest.fixture
def word() -> str:
    """A word that is nobody else's."""
    return marker()


def test_without_the_webhook_exec_and_pods_are_refused_and_others_untouched(
    admin: Kubectl, agent_both: Kubectl, app: str
) -> None:
    with without(admin, "chaperone-admission"):
        refused = agent_both.try_(*EXEC, app, "--", "id")
        assert refused.code != 0
        assert "failed calling webhook" in refused.error
        created = admin.try_apply(pod("unguarded"))
        assert created.code != 0
        assert "failed calling webhook" in created.error
        admin.apply(pod("free", container(), namespace="default"))
        admin.run("wait", "-n", "default", "--for=condition=Ready", "pod/free", "--timeout=90s")
        assert "uid=" in admin.run("exec", "-n", "default", "free", "--", "id")
        admin.delete_now("-n", "default", "pod/free")
    assert "uid=" in until(lambda: agent_both.try_(*EXEC, app, "--", "id").text, what="exec again")


def test_without_the_webhook_those_who_repair_go_on_and_others_wait(admin: Kubectl) -> None:
    """What has no namespace, and Chaperone itself: nobody is locked out who could bring it back."""
    group, dry = "faults-testers", "--dry-run=server"
    binding = ("clusterrolebinding", group)
    other = ("--as=tester", f"--as-group={group}")
    give = ("create", "clusterrolebinding", "faults", "--clusterrole=view", "--user=x", dry)
    upgrade = ("set", "env", "-n", SYSTEM, "deployment/chaperone-admission", "A=b", dry)
    secret = ("create", "secret", "generic", "faults", "--from-literal=a=b", dry)
    admin.run("create", *binding, "--clusterrole=cluster-admin", f"--group={group}")
    try:
        with without(admin, "chaperone-admission"):
            for command in (give, upgrade):
                assert admin.try_(*command).code == 0, command
                assert "failed calling webhook" in admin.try_(*other, *command).error, command
            assert "failed calling webhook" in admin.try_(*secret, "-n", NAMESPACE).error
            assert admin.try_(*other, *secret, "-n", "default").code == 0
            garbage = "--as=system:serviceaccount:kube-system:generic-garbage-collector"
            assert admin.try_(garbage, "--as-group=system:masters", *secret, "-n", NAMESPACE).code == 0
    finally:
        admin.run("delete", *binding)


def test_without_the_webhook_configuration_the_policies_still_refuse(
    admin: Kubectl, agent_both: Kubectl, app: str
) -> None:
    debug = ("debug", "-n", NAMESPACE, app, "--image", APP_IMAGE, "--target=app", "--attach=false")
    with without_webhooks(admin):
        entered = agent_both.try_(*EXEC, app, "--", "id")
        assert "uid=" not in entered.text
        for refused, said in (
            (entered, "exec in this namespace must be recorded"),
            (admin.try_("attach", "-n", NAMESPACE, app), "ValidatingAdmissionPolicy 'chaperone-attach'"),
            (admin.try_(*debug, "--", "id"), "ValidatingAdmissionPolicy 'chaperone-debug'"),
            (
                admin.try_apply(pod("bare-of-recorder")),
                "ValidatingAdmissionPolicy 'chaperone-injected'",
            ),
        ):
            assert refused.code != 0
            assert said in refused.error


def test_the_last_good_version_of_a_policy_outlives_a_restart(
    admin: Kubectl, agent: Kubectl, app: str, word: str
) -> None:
    match = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{word}')"}

    def policy(**match: Any) -> Object:
        rules = [{"name": "no", "action": "deny", "match": match}]
        kind = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy"}
        return {**kind, "metadata": {"name": word}, "spec": {"rules": rules}}

    def status() -> Object:
        return admin.get("guardpolicy", word).get("status", {})

    def refuses() -> bool:
        tried = [agent.try_(*EXEC, app, "--", "echo", word) for _ in range(5)]
        return all("denied by rule no of policy" in result.error for result in tried)

    admin.apply(policy(**match))
    try:
        until(refuses, what="the policy decides")
        with without_webhooks(admin):
            admin.apply(policy(cel="argv.exists("))
            kept = until(lambda: status().get("lastGood"), what="the last good version in the status")
        assert json.loads(kept["spec"])["rules"][0]["match"] == match
        with without(admin, "chaperone-admission"):
            pass
        until(refuses, what="the last good version decides again")
        admin.apply(policy(**match))
        until(lambda: "lastGood" not in status(), what="no other version is kept")
    finally:
        admin.run("delete", "guardpolicy", word)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("clientConfig/service/path", "/v1/injection"),
        ("failurePolicy", "Ignore"),
        ("rules/0/scope", "Cluster"),
        ("matchConditions/0/expression", "false"),
        (
            "namespaceSelector/matchExpressions",
            [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [NAMESPACE]}],
        ),
    ],
    ids=["another door", "failing open", "for other objects", "on a condition", "not for this namespace"],
)
def test_a_configuration_that_would_not_ask_who_judges_pods_is_noticed(
    admin: Kubectl, place: str, value: object
) -> None:
    operator = As(admin, "tests", "system:masters", "chaperone-operators")
    target = ("validatingwebhookconfiguration", "chaperone-pods")
    before: Any = admin.get(*target)["webhooks"][0]
    for key in place.split("/"):
        before = before[int(key) if key.isdecimal() else key]

    def put(found: object) -> None:
        step = [{"op": "replace", "path": f"/webhooks/0/{place}", "value": found}]
        operator.run("patch", *target, "--type=json", "-p", json.dumps(step))

    put(value)
    try:
        dry = ("create", "--dry-run=server", "-f", "-")
        manifest = json.dumps(pod("unjudged")).encode()
        said = "pods in this namespace need a recorder, and Chaperone would not be asked"
        until(lambda: said in admin.try_(*dry, stdin=manifest).error, what="the change noticed")
    finally:
        put(before)
    until(lambda: admin.try_(*dry, stdin=manifest).code == 0, what="pods made again")


def test_nobody_changes_the_recorder_of_a_running_pod(admin: Kubectl, app: str) -> None:
    target = ("-n", NAMESPACE, f"pod/{app}")
    changed = admin.try_("set", "image", *target, f"chaperone-recorder={APP_IMAGE}")
    assert changed.code != 0
    assert "recorder of a running pod cannot be changed" in changed.error
    resources = {"requests": {"cpu": "11m"}}
    more = {"spec": {"initContainers": [{"name": "chaperone-recorder", "resources": resources}]}}
    resized = admin.try_("patch", *target, "--subresource", "resize", "-p", json.dumps(more))
    assert resized.code != 0
    assert "recorder of a running pod cannot be resized" in resized.error


def test_a_recorder_that_keeps_dying_lets_nobody_in_and_is_named(
    workshop: Workshop, admin: Kubectl, agent: Kubectl
) -> None:
    name = workshop.pod(pod("doomed", container()))

    def refusal() -> str:
        try:
            kill_container(admin, NAMESPACE, name, "chaperone-recorder")
        except (AssertionError, KeyError, ProcessLookupError):  # it is dead already
            time.sleep(0.5)
        refused = agent.try_(*EXEC, name, "--", "id")
        assert refused.code == 0 or refused.text == ""
        return refused.error if "its recorder does not run" in refused.error else ""

    said = until(refusal, seconds=120, what="a recorder that is down for a while")
    assert "nothing is let through unrecorded" in said
    assert f"kubectl logs {name} -n payments -c chaperone-recorder" in said
    until(lambda: agent.try_(*EXEC, name, "--", "id").code == 0, seconds=120, what="exec works again")


def test_a_lost_certificate_is_made_anew_and_served(admin: Kubectl, agent: Kubectl, app: str) -> None:
    for name in ("chaperone-admission-tls", "chaperone-collector-tls"):
        secret = ("-n", SYSTEM, f"secret/{name}")
        before = admin.get(*secret)["data"]["tls.crt"]
        admin.run("delete", *secret)
        until(
            lambda: admin.try_("get", *secret).code == 0 and admin.get(*secret)["data"]["tls.crt"] != before,  # noqa: B023  asked at once
            what=f"a new {name}",
            seconds=120,
        )
    assert "uid=" in until(lambda: agent.try_(*EXEC, app, "--", "id").text, what="exec", seconds=90)


@pytest.mark.parametrize("terminal", [False, True], ids=["pipes", "tty"])
def test_a_recorder_killed_in_mid_session_ends_it_and_what_was_delivered_is_kept_and_sealed_with_its_gap(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit, terminal: bool
) -> None:
    workshop.pod(pod("victim", container(), shareProcessNamespace=False))
    before = container_id(admin, NAMESPACE, "victim", "chaperone-recorder")
    mark = marker()
    script = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"
    flags = ["-it"] if terminal else []
    process = agent.start(*EXEC, *flags, "victim", "--", "sh", "-c", script, mark)
    assert process.stdout
    delivered = b"".join(process.stdout.readline() for _ in range(20))
    kill_container(admin, NAMESPACE, "victim", "chaperone-recorder")
    rest, error = rest_of(process)
    delivered += rest
    assert process.returncode != 0
    assert error
    recorded = audit.recorded(mark, phase="Interrupted", seconds=120)
    assert recorded.data("stdout").startswith(delivered)
    assert recorded.status["how"] == "interrupted"
    manifest = sealed(audit.kubectl, recorded.name)
    assert (manifest.phase, manifest.how, manifest.exit_code) == ("Interrupted", "interrupted", None)
    assert manifest.gaps == (Gap(len(recorded.events) - 2, recorded.status["reason"]),)
    assert manifest.gaps[0].reason
    until(
        lambda: container_id(admin, NAMESPACE, "victim", "chaperone-recorder") != before,
        what="a new recorder",
        seconds=90,
    )
    until(lambda: agent.try_(*EXEC, "victim", "--", "id").code == 0, what="exec works again", seconds=60)


def test_the_collector_may_restart_in_mid_session_and_nothing_is_lost(
    admin: Kubectl, agent: Kubectl, app: str, audit: Audit
) -> None:
    mark = marker()
    script = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.05; done"
    process = agent.start(*EXEC, app, "--", "sh", "-c", script, mark, stdin=subprocess.DEVNULL)
    assert process.stdout
    output = b"".join(process.stdout.readline() for _ in range(30))
    admin.delete_now("-n", SYSTEM, "pods", "-l", "app.kubernetes.io/component=collector")
    output += rest_of(process)[0]
    assert process.returncode == 0
    assert output == b"".join(b"line %d\n" % i for i in range(1, 201))
    admin.run("rollout", "status", "-n", SYSTEM, "deployment/chaperone-collector", "--timeout=120s")
    until(lambda: audit.kubectl.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API")
    assert audit.recorded(mark, seconds=90).data("stdout") == output


def test_without_the_collector_sessions_go_on_and_arrive_later(
    admin: Kubectl, agent: Kubectl, app: str, audit: Audit
) -> None:
    mark = marker()
    with without(admin, "chaperone-collector"):
        assert agent.run(*EXEC, app, "--", "echo", mark) == f"{mark}\n"
    until(lambda: audit.kubectl.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API")
    assert audit.recorded(mark, seconds=90).data("stdout") == f"{mark}\n".encode()


def test_a_full_spool_ends_the_session_with_its_reason_and_all_that_was_shown_is_on_record(
    admin: Kubectl, agent: Kubectl, workshop: Workshop, audit: Audit
) -> None:
    recorder = json.loads(setting(admin, "admission", "CHAPERONE_RECORDER"))
    small = json.dumps(recorder | {"spoolBytes": SMALL_SPOOL_BYTES})
    with changed(admin, "admission", "CHAPERONE_RECORDER", small):
        name = workshop.pod(pod("filled", container()))
    mark = marker()
    script = "base64 /dev/urandom | tr -c '[:alpha:][:space:]' x"
    with without(admin, "chaperone-collector"):
        flood = agent.start(*EXEC, name, "--", "sh", "-c", script, mark, stdin=subprocess.DEVNULL)
        shown, error = flood.communicate(timeout=180)
        refused = agent.try_(*EXEC, name, "--", "echo", "late")
    said = "the recorder's spool is full and the collector does not take it, so this session was ended"
    assert (flood.returncode != 0, said in error.decode()) == (True, True)
    assert (refused.code != 0, refused.text, said in refused.error) == (True, "", True), refused.error
    until(lambda: audit.kubectl.try_("get", "sessions", "-n", NAMESPACE).code == 0, what="the audit API")
    recorded = audit.recorded(mark, seconds=180)
    assert (recorded.status["how"], recorded.status["reason"]) == ("spool-full", said)
    assert SMALL_SPOOL_BYTES // 2 < len(shown) < SMALL_SPOOL_BYTES
    assert recorded.data("stdout") == shown
    text = until(
        lambda: agent.try_(*EXEC, name, "--", "echo", mark).text, what="a session once there is room"
    )
    assert text == f"{mark}\n"


def test_a_silent_session_whose_client_vanished_is_ended_by_its_idle_limit(
    admin: Kubectl, agent: Kubectl, app: str, audit: Audit
) -> None:
    """Nothing tells a container that the client of its terminal has gone (PCI DSS 8.2.8)."""
    limits = json.loads(setting(admin, "admission", "CHAPERONE_LIMITS"))
    with changed(admin, "admission", "CHAPERONE_LIMITS", json.dumps(limits | {"idle_seconds": 3})):
        mark = marker()
        terminal = agent.terminal(*EXEC, "-it", app, "--", "sh", "-c", "echo ready; cat", mark)
        terminal.expect_exact("ready")
        terminal.close(force=True)
        assert audit.recorded(mark).status["how"] == "idle-timeout"
