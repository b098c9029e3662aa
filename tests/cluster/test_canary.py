"""Canaries on a real cluster: on schedule, in a namespace of their own, and by hand."""

import uuid
from typing import Any

from kube import NAMESPACE, Kubectl, chaperone, try_chaperone, until
from pods import container, pod
from sessions import Audit

HOME = "chaperone-canary"
ITSELF = f"system:serviceaccount:{HOME}:chaperone-canary"


def told(auditor: Kubectl, namespace: str, pod_name: str) -> dict[str, Any]:
    """Wait until a pod's canary is on record."""

    def find() -> dict[str, Any] | None:
        items = auditor.get("auditevents", "-n", namespace, "--field-selector", "type=canary")["items"]
        return next((item for item in items if item["about"]["name"] == pod_name), None)

    return until(find, what="a canary on record", seconds=90)


def test_the_scheduled_canary_lives_and_is_on_record(admin: Kubectl, auditor: Kubectl, audit: Audit) -> None:
    job = f"canary-{uuid.uuid4().hex[:6]}"
    admin.run("create", "job", "-n", HOME, job, "--from=cronjob/chaperone-canary")
    try:
        admin.run("wait", "-n", HOME, f"job/{job}", "--for=condition=Complete", "--timeout=150s", timeout=180)
        [bird] = admin.get("pods", "-n", HOME, "-l", f"job-name={job}")["items"]
        event = told(auditor, HOME, bird["metadata"]["name"])
        assert event["outcome"] == "success", event
        assert event["actor"]["username"] == ITSELF
        assert event["details"] == {"masked": "yes", "refused": "yes", "recorded": "yes"}
        session = auditor.get("sessions", "-n", HOME, event["session"])
        assert session["spec"]["user"]["username"] == ITSELF
        assert session["status"]["findings"]["total"] > 0
    finally:
        admin.delete_now("-n", HOME, f"job/{job}")


def test_what_the_scheduled_canary_may_is_little(admin: Kubectl) -> None:
    def may(*what: str) -> bool:
        return admin.try_("auth", "can-i", *what, f"--as={ITSELF}").text.strip() == "yes"

    assert may("create", "pods/exec", "-n", HOME) or may("create", "pods", "--subresource=exec", "-n", HOME)
    for what in (
        ("create", "pods", "--subresource=exec", "-n", NAMESPACE),
        ("get", "secrets", "-n", HOME),
        ("create", "pods", "-n", HOME),
        ("list", "sessions.audit.chaperone.dev", "-n", HOME),
        ("create", "canaries.audit.chaperone.dev", "-n", NAMESPACE),
    ):
        assert not may(*what), what


def test_a_canary_by_hand(admin: Kubectl, auditor: Kubectl, app: str) -> None:
    out = chaperone(admin, "canary", "run", app, "-n", NAMESPACE)
    assert out.splitlines()[:3] == ["Masked    yes", "Refused   yes", "Recorded  yes"]
    assert told(auditor, NAMESPACE, app)["outcome"] == "success"


def test_a_canary_dies_where_nothing_guards(admin: Kubectl, auditor: Kubectl) -> None:
    name = f"bird-{uuid.uuid4().hex[:6]}"
    admin.apply(pod(name, container(), namespace="default"))
    try:
        admin.run(
            "wait", "-n", "default", "--for=condition=Ready", f"pod/{name}", "--timeout=90s", timeout=120
        )
        done = try_chaperone(admin, "canary", "run", name, "-n", "default")
        assert done.code == 1
        assert "the canary died" in done.error
        assert "the card number came back as it is" in done.text
        event = told(auditor, "default", name)
        assert event["outcome"] == "failure"
        assert event["details"] == {"masked": "no", "refused": "no", "recorded": "no"}
    finally:
        admin.delete_now("-n", "default", f"pod/{name}")


def test_whoever_may_not_tell_is_told_how_it_could_be_allowed(agent: Kubectl, app: str) -> None:
    done = try_chaperone(agent, "canary", "run", app, "-n", NAMESPACE)
    assert done.code == 4
    assert "chaperone-canary" in done.error
