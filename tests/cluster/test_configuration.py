"""Webhook configurations on the real cluster, which the API server asks no webhook about."""

import json
from collections.abc import Iterator

import pytest
from kube import Kubectl, Object
from people import As

OPERATORS = "chaperone-operators"
OWN = ("validatingwebhookconfiguration", "chaperone-objects", "--dry-run=server")


def configuration(name: str, kind: str = "MutatingWebhookConfiguration") -> bytes:
    """Give a webhook configuration in which nothing is asked."""
    metadata = {"name": name}
    return json.dumps(
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata}
    ).encode()


@pytest.fixture
def writers(machinery: As, name: str) -> Iterator[str]:
    """A group that RBAC lets write webhook configurations, and nothing else."""
    rules = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
    machinery.run("create", "clusterrole", name, "--verb=*", f"--resource={rules}")
    machinery.run("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--group={name}")
    yield name
    machinery.run("delete", "clusterrole,clusterrolebinding", name)


@pytest.fixture
def granted(machinery: As, writers: str) -> Iterator[None]:
    """The right to change them, too."""
    own = f"{writers}-operator"
    role = "--clusterrole=chaperone-operator"
    machinery.run("create", "clusterrolebinding", own, role, f"--group={writers}")
    yield
    machinery.run("delete", "clusterrolebinding", own)


def changes(who: As) -> list[str]:
    """Try all ways to change our configurations, and give what was said where one was refused."""
    body = json.dumps({"webhooks": []})
    tried = [
        who.try_("delete", *OWN),
        who.try_("patch", *OWN, "--type=merge", "-p", body),
        who.try_("create", "-f", "-", "--dry-run=server", stdin=configuration("chaperone-more")),
        who.try_(
            "create",
            "-f",
            "-",
            "--dry-run=server",
            stdin=configuration("chaperone-more", "ValidatingWebhookConfiguration"),
        ),
    ]
    return [result.error for result in tried if result.code]


def test_our_configurations_are_changed_by_who_has_both_the_group_and_the_right(
    admin: Kubectl, writers: str, tester: As
) -> None:
    for who in (
        tester,  # cluster-admin has the right, and is no member
        As(admin, "administrator", "system:masters"),
        As(admin, "member", writers, OPERATORS),  # a member without the right
    ):
        refused = changes(who)
        assert len(refused) == 4
        for error in refused:
            assert "changed and removed by who operates it: do it as a member of chaperone-operators" in error
            assert "kubectl --as=$USER --as-group=chaperone-operators" in error
    assert changes(As(admin, "carol", OPERATORS, "system:masters")) == []


def test_the_right_is_given_by_its_role(admin: Kubectl, writers: str, granted: None) -> None:
    assert changes(As(admin, "operator", writers, OPERATORS)) == []
    assert len(changes(As(admin, "stranger", writers))) == 4


def test_a_collection_is_not_removed_past_it(admin: Kubectl, tester: As) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    ours = "labelSelector=app.kubernetes.io%2Finstance%3Dchaperone"
    refused = tester.try_("delete", "--raw", f"{path}?{ours}&dryRun=All")
    assert "do it as a member of chaperone-operators" in refused.error
    assert admin.get("validatingwebhookconfiguration", "chaperone-objects")


def test_a_policy_that_names_the_door_is_told_that_it_is_never_asked(admin: Kubectl, name: str) -> None:
    rule: Object = {"name": "webhooks", "action": "deny", "match": {"doors": ["webhook-configuration"]}}
    document: Object = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": name},
        "spec": {"rules": [rule]},
    }
    made = admin.try_apply(document)
    try:
        assert made.code == 0
        assert "rule webhooks is never asked at webhook-configuration" in made.error
        admin.run("wait", f"guardpolicy/{name}", "--for=condition=Reached=False", "--timeout=60s")
        [reached] = [
            one for one in admin.get("guardpolicy", name)["status"]["conditions"] if one["type"] == "Reached"
        ]
        assert reached["reason"] == "DoorNeverAsked"
    finally:
        admin.run("delete", "guardpolicy", name)
