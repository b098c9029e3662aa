"""The people of the demonstration: what each may do, and that the API server's own log tells of it."""

import os
from pathlib import Path

import pytest
from devcluster.settings import load_settings
from kube import NAMESPACE, REPOSITORY, Kubectl, until
from sessions import marker

AGENT = [("get", "pods"), ("create", "pods/exec"), ("create", "pods/attach"), ("get", "pods/log"),
         ("update", "deployments.apps"), ("update", "secrets")]  # fmt: skip
DENIED = [("get", "nodes"), ("create", "rolebindings"), ("get", "sessions.audit.chaperone.dev"),
          ("delete", "namespaces"), ("impersonate", "users")]  # fmt: skip


def may(person: Kubectl, verb: str, resource: str, namespace: str = NAMESPACE) -> bool:
    return person.try_("auth", "can-i", verb, resource, "-n", namespace).text.strip() == "yes"


def test_the_agent_has_its_rights_in_its_namespace_and_no_other(agent: Kubectl) -> None:
    assert [(verb, what) for verb, what in AGENT if not may(agent, verb, what)] == []
    assert [(verb, what) for verb, what in DENIED if may(agent, verb, what)] == []
    for namespace in ("default", "kube-system", "chaperone-system"):
        assert [(verb, what) for verb, what in AGENT if may(agent, verb, what, namespace)] == []


def test_the_auditor_reads_the_record_and_enters_nothing(auditor: Kubectl) -> None:
    assert may(auditor, "list", "sessions.audit.chaperone.dev")
    assert not may(auditor, "create", "pods/exec")
    assert not may(auditor, "get", "secrets")


@pytest.mark.parametrize("name", ["approver", "approver2"])
def test_approvers_enter_nothing(cluster_name: str, name: str) -> None:
    path = load_settings(cluster_name, os.environ, REPOSITORY).kubeconfig(name)
    approver = Kubectl(Path(path))
    assert approver.run("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}") == name
    assert not may(approver, "create", "pods/exec")
    assert not may(approver, "create", "pods")


def test_the_api_server_writes_who_did_what(cluster_name: str, agent: Kubectl, app: str) -> None:
    log = load_settings(cluster_name, os.environ, REPOSITORY).state / "audit/audit.log"
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", marker())
    until(
        lambda: any(
            '"subresource":"exec"' in line and '"username":"agent"' in line
            for line in log.read_text().splitlines()[-2000:]
        ),
        what="the exec in the API server's audit log",
    )
