"""The rights that the chart gives, to Chaperone and to people."""

import json

from chart import Chart


def test_rights_are_the_least(chart: Chart) -> None:
    objects = chart.objects()
    rules = [
        (name, rule)
        for (kind, name), found in objects.items()
        if kind in {"Role", "ClusterRole"}
        for rule in found["rules"]
    ]
    for name, rule in rules:
        assert "*" not in json.dumps(rule), name
        old = (["approvalrequests"], ["standingapprovals"])
        assert "delete" not in rule["verbs"] or (name == "chaperone-admission" and rule["resources"] in old)
        listing = {"list", "watch"} & set(rule["verbs"])
        asked = (["approvalrequests", "standingapprovals"], *old)
        followed = (["pods"], ["namespaces"], ["guardpolicies"], *asked)
        readers = {"chaperone-auditor", "chaperone-hold-releaser", "chaperone-kill"}
        assert not listing or name in readers or rule["resources"] in followed
    collector = [rule for name, rule in rules if name == "chaperone-collector"]
    secrets = [rule["resourceNames"] for rule in collector if "secrets" in rule["resources"]]
    assert secrets == [["chaperone-collector-tls", "chaperone-seal-keys", "chaperone-ledger-key"]]


def test_auditors_read_and_nothing_else(chart: Chart) -> None:
    rules = chart.objects()["ClusterRole", "chaperone-auditor"]["rules"]
    assert {rule["apiGroups"][0] for rule in rules} == {"audit.chaperone.dev"}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch", "create"}
    created = {name for rule in rules if "create" in rule["verbs"] for name in rule["resources"]}
    assert created == {"searches", "eventsearches", "ledgers/checkpoint", "legalholds", "exports"}


def test_holds_are_released_by_a_role_of_their_own(chart: Chart) -> None:
    objects = chart.objects()
    releaser = objects["ClusterRole", "chaperone-hold-releaser"]["rules"]
    released = [rule["resources"] for rule in releaser if "create" in rule["verbs"]]
    assert released == [["legalholds/release"]]
    assert "legalholds/release" not in json.dumps(objects["ClusterRole", "chaperone-auditor"])


def test_approvers_decide_and_requesters_look(chart: Chart) -> None:
    objects = chart.objects()
    verbs = {
        name: set(objects["ClusterRole", f"chaperone-{name}"]["rules"][0]["verbs"])
        for name in ("approver", "requester", "break-glass")
    }
    assert verbs == {
        "approver": {"get", "list", "watch", "patch", "approve"},
        "requester": {"get", "list", "watch"},
        "break-glass": {"get", "list", "watch", "patch"},
    }
    labels = objects["ClusterRole", "chaperone-requester"]["metadata"]["labels"]
    assert labels["rbac.authorization.k8s.io/aggregate-to-view"] == "true"


def test_the_right_to_end_sessions_is_one_of_its_own(chart: Chart) -> None:
    roles = {name: role["rules"] for (kind, name), role in chart.objects().items() if kind == "ClusterRole"}
    who = [name for name, rules in roles.items() if "sessions/kill" in str(rules)]
    assert who == ["chaperone-kill"]
