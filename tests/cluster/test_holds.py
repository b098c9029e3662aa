"""Legal holds and searches through the real API server: who may, and what is on record of it."""

import json

from kube import NAMESPACE, Kubectl, chaperone
from sessions import Audit, marker

API = "/apis/audit.chaperone.dev/v1alpha1"


def hold(agent: str, reason: str) -> str:
    body = {
        "apiVersion": "audit.chaperone.dev/v1alpha1",
        "kind": "LegalHold",
        "spec": {"agent": agent, "reason": reason},
    }
    return json.dumps(body)


def test_a_hold_is_set_seen_and_released_by_those_who_may(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, audit: Audit
) -> None:
    case = marker()
    created = auditor.try_(
        "create", "--raw", f"{API}/legalholds", "-f", "-", stdin=hold("nobody", case).encode()
    )
    assert created.code == 0, created.error
    name = json.loads(created.text)["metadata"]["name"]
    assert f"{name} agent=nobody auditor {case} yes" in " ".join(auditor.run("get", "legalholds").split())
    path = f"{API}/legalholds/{name}/release"
    release = json.dumps({"spec": {"reason": "closed"}})
    for who in (agent, auditor):
        refused = who.try_("create", "--raw", path, "-f", "-", stdin=release.encode())
        assert refused.code == 1
        assert "forbidden" in refused.error.lower()
    admin.run("create", "--raw", path, "-f", "-", stdin=release.encode())
    told = audit.kubectl.get("-A", "auditevents", "--field-selector", "type=hold-released")
    (event,) = [item for item in told["items"] if item["about"]["name"] == name]
    assert (event["actor"]["username"], event["reason"]) != ("auditor", "")


def test_a_search_is_narrowed_and_leads_to_the_replay(
    agent: Kubectl, auditor: Kubectl, app: str, audit: Audit
) -> None:
    mark = marker()
    agent.try_("exec", "-n", NAMESPACE, app, "--", "sh", "-c", f"echo {mark} found; exit 7")
    name = audit.recorded(mark).name
    common = ("search", mark, "-n", NAMESPACE)
    assert name in chaperone(auditor, *common, "--exit", "7", "--agent", "agent")
    assert name not in chaperone(auditor, *common, "--exit", "0")
    *_, command = chaperone(auditor, *common).splitlines()
    replayed = chaperone(auditor, *command.split()[1:], "--speed", "1000")
    assert f"{mark} found" in replayed
    assert name in chaperone(auditor, *common, "--exit", "failed", "-o", "csv")
    searches = audit.kubectl.get("-A", "auditevents", "--field-selector", "type=record-read,actor=auditor")
    assert any(item["about"]["resource"].startswith("searches") for item in searches["items"])
