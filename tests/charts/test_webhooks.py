"""What the API server sends to which door, as the chart says it, and the second guard behind it."""

import re

import pytest
from chart import Chart, Object

from webhook.admission.fitting import FITS


@pytest.mark.parametrize("name", ["chaperone-sessions", "chaperone-pods"])
@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_doors_fail_closed_and_guard_only_who_opted_in(chart: Chart, kind: str, name: str) -> None:
    objects = chart.objects('guard.exemptNamespaces=["edge"]')
    configuration = objects[f"{kind}WebhookConfiguration", name]
    for webhook in configuration["webhooks"]:
        assert webhook["failurePolicy"] == "Fail"
        assert webhook["sideEffects"] == "NoneOnDryRun"
        assert "objectSelector" not in webhook
        is_for_everybody = "matchConditions" not in webhook
        assert is_for_everybody is (name == "chaperone-sessions")
        selector = webhook["namespaceSelector"]
        assert selector["matchLabels"] == {"chaperone.dev/guard": "enabled"}
        [expression] = selector["matchExpressions"]
        assert expression["operator"] == "NotIn"
        assert expression["values"] == ["kube-system", "chaperone-system", "edge"]


def sent(chart: Chart, kind: str, *names: str) -> dict[tuple[str, str], str]:
    """Where what is done to which resource is sent, by all configurations of a kind or those named."""
    return {
        (operation, resource): webhook["clientConfig"]["service"]["path"]
        for (found, name), configuration in chart.objects().items()
        if found == f"{kind}WebhookConfiguration" and name in (names or {name})
        for webhook in configuration["webhooks"]
        for rule in webhook["rules"]
        for operation in rule["operations"]
        for resource in rule["resources"]
    }


def test_what_is_only_judged_is_judged_once_nobody_changes_it_any_more(chart: Chart) -> None:
    assert sent(chart, "Validating", "chaperone-sessions", "chaperone-pods") == {
        ("CONNECT", "pods/attach"): "/v1/attach",
        ("UPDATE", "pods/ephemeralcontainers"): "/v1/ephemeralcontainers",
        ("CREATE", "pods"): "/v1/pods",
    }


def test_every_door_is_guarded(chart: Chart) -> None:
    assert sent(chart, "Mutating") == {
        ("CONNECT", "pods/exec"): "/v1/exec",
        ("UPDATE", "pods/ephemeralcontainers"): "/v1/debugging",
        ("CREATE", "pods"): "/v1/injection",
        ("CREATE", "approvalrequests"): "/v1/approvalrequests",
        ("UPDATE", "approvalrequests"): "/v1/approvalrequests",
        ("DELETE", "approvalrequests"): "/v1/approvalrequests",
        ("CREATE", "standingapprovals"): "/v1/standingapprovals",
        ("UPDATE", "standingapprovals"): "/v1/standingapprovals",
        ("DELETE", "standingapprovals"): "/v1/standingapprovals",
    }


def test_doors_are_for_what_the_api_server_sends_them(chart: Chart) -> None:
    reviews = [
        (webhook["clientConfig"]["service"]["path"].rpartition("/")[2], rule)
        for (kind, _), found in chart.objects().items()
        if kind in {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
        for webhook in found["webhooks"]
        for rule in webhook["rules"]
    ]
    assert {door for door, _ in reviews} >= FITS.keys()
    for door, rule in reviews:
        if door in FITS:
            fit = FITS[door]
            assert (rule["apiGroups"], rule["resources"]) == ([fit.group], [fit.resource])
            assert set(rule["operations"]) <= {operation.value for operation in fit.operations}


def guards(chart: Chart, *values: str) -> dict[str, Object]:
    """The webhooks of objects and connections, by the first part of their names."""
    webhooks = chart.objects(*values)["ValidatingWebhookConfiguration", "chaperone-objects"]["webhooks"]
    return {webhook["name"].removesuffix(".chaperone.dev"): webhook for webhook in webhooks}


def resources(webhook: Object) -> set[tuple[str, str]]:
    return {
        (operation, resource)
        for rule in webhook["rules"]
        for operation in rule["operations"]
        for resource in rule["resources"]
    }


def test_changes_of_guarded_namespaces_fail_closed(chart: Chart) -> None:
    webhooks = guards(chart)
    for name in ("objects", "connections"):
        assert webhooks[name]["failurePolicy"] == "Fail"
        assert webhooks[name]["sideEffects"] == "NoneOnDryRun"
        selector = webhooks[name]["namespaceSelector"]
        assert selector["matchLabels"] == {"chaperone.dev/guard": "enabled"}
        assert selector["matchExpressions"][0]["values"] == ["kube-system", "chaperone-system"]
        assert [condition["name"] for condition in webhooks[name]["matchConditions"]] == ["by-people"]
    assert resources(webhooks["objects"]) >= {
        ("DELETE", "secrets"),
        ("CREATE", "configmaps"),
        ("UPDATE", "pods"),
        ("CREATE", "serviceaccounts/token"),
        *(("UPDATE", f"{kind}s") for kind in ("deployment", "statefulset", "daemonset", "replicaset")),
        *(("CREATE", kind) for kind in ("jobs", "cronjobs", "replicationcontrollers", "podtemplates")),
        ("CREATE", "controllerrevisions"),
        ("CREATE", "rolebindings"),
    }
    streams = {("CONNECT", name) for name in ("pods/portforward", "pods/proxy", "services/proxy")}
    assert resources(webhooks["connections"]) == streams


def test_what_has_no_namespace_is_asked_of_all_and_locks_out_nobody_who_repairs(chart: Chart) -> None:
    webhooks = guards(chart, 'guard.repairGroups=["system:masters","platform"]')
    for name in ("own-objects", "own-connections", "cluster-objects", "node-connections"):
        closed, repair = webhooks[name], webhooks[f"{name}-repair"]
        assert (closed["failurePolicy"], repair["failurePolicy"]) == ("Fail", "Ignore")
        assert closed["rules"] == repair["rules"]
        assert closed["clientConfig"] == repair["clientConfig"]
        one, other = (webhook["matchConditions"][1]["expression"] for webhook in (closed, repair))
        assert one == f"!({other.strip('()')})" or one == f"!{other}"
        assert "g in ['system:masters','platform']" in other
    assert ("UPDATE", "namespaces/status") in resources(webhooks["cluster-objects"])
    assert ("UPDATE", "nodes") not in resources(webhooks["cluster-objects"])
    assert ("UPDATE", "nodes") in resources(guards(chart, "guard.nodes=true")["cluster-objects"])
    assert resources(webhooks["node-connections"]) == {("CONNECT", "nodes/proxy")}


def test_nobody_at_all_gets_into_a_recorder_through_a_node(chart: Chart) -> None:
    """Who is not held up otherwise, and who repairs, are asked at a door of their own that fails closed."""
    webhooks = guards(chart)
    door = webhooks["recorders"]
    assert resources(door) == {("CONNECT", "nodes/proxy")}
    assert door["failurePolicy"] == "Fail"
    assert "namespaceSelector" not in door
    who, where = (condition["expression"] for condition in door["matchConditions"])
    people, no_repair, *_ = webhooks["node-connections"]["matchConditions"]
    of_repair = webhooks["node-connections-repair"]["matchConditions"]
    assert who == f"!({people['expression']}) || {no_repair['expression'].removeprefix('!')}"
    assert of_repair[2]["expression"] == f"!({where})"
    matches = re.search(r"matches\('(.+)'\)", where)
    assert matches is not None
    for path in (
        "exec/a/b/chaperone-recorder",
        "/logs/../run//a/b/x/../chaperone-recorder",
        "attach/\n/chaperone-recorder",
    ):
        assert re.search(matches[1], path)
    for path in ("logs/", "metrics", "exec/a/b/app", "containerLogs/a/b/chaperone-recorder"):
        assert not re.search(matches[1], path)


def test_what_we_live_by_cannot_be_taken_away_unasked(chart: Chart) -> None:
    webhooks = guards(chart)
    for name in ("own-objects", "own-objects-repair"):
        assert resources(webhooks[name]) >= {
            *(("DELETE", kind) for kind in ("roles", "rolebindings")),
            *(("DELETE", kind) for kind in ("serviceaccounts", "persistentvolumeclaims")),
            *(("UPDATE", kind) for kind in ("serviceaccounts", "persistentvolumeclaims", "pods")),
            *(
                ("CREATE", kind)
                for kind in ("pods", "jobs", "cronjobs", "replicationcontrollers", "replicasets")
            ),
        }
    for name in ("cluster-objects", "cluster-objects-repair"):
        webhook = webhooks[name]
        assert {("DELETE", "clusterroles"), ("DELETE", "clusterrolebindings")} <= resources(webhook)
        [ours] = [one for one in webhook["matchConditions"] if one["name"] == "removal-of-ours"]
        assert "oldObject.metadata.name.startsWith('chaperone-')" in ours["expression"]
    names = [name for kind, name in chart.objects() if kind in {"ClusterRole", "ClusterRoleBinding"}]
    assert names
    assert all(name.startswith("chaperone-") for name in names)


_EVERYWHERE = {
    "chaperone-approvals",
    "chaperone-standing-approvals",
    "chaperone-configuration",
    "chaperone-other-configuration",
}


def test_the_second_guard_denies_and_can_be_left_out(chart: Chart) -> None:
    objects = chart.objects()
    policies = {name for kind, name in objects if kind == "ValidatingAdmissionPolicy"}
    bindings = {name for kind, name in objects if kind == "ValidatingAdmissionPolicyBinding"}
    assert policies == bindings >= {"chaperone-exec", "chaperone-injected", "chaperone-recorder"}
    for name in policies:
        assert objects["ValidatingAdmissionPolicy", name]["spec"]["failurePolicy"] == "Fail"
        binding = objects["ValidatingAdmissionPolicyBinding", name]["spec"]
        assert binding["validationActions"] == ["Deny"]
        if name in _EVERYWHERE:
            continue  # wherever approval requests are, and what belongs to no namespace
        assert binding["matchResources"]["namespaceSelector"]["matchLabels"] == {
            "chaperone.dev/guard": "enabled"
        }
    without = [kind for kind, _ in chart.objects("guard.secondGuard=false")]
    assert not [kind for kind in without if kind.startswith("ValidatingAdmissionPolicy")]


def test_policies_are_checked_before_they_are_let_in(chart: Chart) -> None:
    [webhook] = chart.objects()["ValidatingWebhookConfiguration", "chaperone-policies"]["webhooks"]
    assert webhook["failurePolicy"] == "Fail"
    [rule] = webhook["rules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE", "UPDATE"], ["guardpolicies"])


def test_verdicts_are_stamped_and_nobody_is_trusted_to_write_one(chart: Chart) -> None:
    objects = chart.objects()
    webhook, standing = objects["MutatingWebhookConfiguration", "chaperone-approvals"]["webhooks"]
    assert webhook["failurePolicy"] == standing["failurePolicy"] == "Fail"
    assert webhook["matchConditions"] == standing["matchConditions"]
    [condition] = webhook["matchConditions"]
    policy = objects["ValidatingAdmissionPolicy", "chaperone-approvals"]["spec"]
    assert policy["matchConditions"] == webhook["matchConditions"]
    assert "'system:serviceaccount:chaperone-system:chaperone-admission'" in condition["expression"]
