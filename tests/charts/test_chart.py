"""The chart, rendered by the real Helm."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml
from chart import CHART, Chart, ChartError, Object, environment

from sidecar.contract.names import TOKEN_AUDIENCE, TOKEN_FILE
from webhook.admission.fitting import FITS
from webhook.approvals import asking
from webhook.approvals.objects import Asked, Decided, Phase, Review, Spec, Status, Verdict
from webhook.approvals.standing import Revoke, StandingSpec, StandingStatus
from webhook.collector.retention import Terms as RetentionTerms
from webhook.journal.events import Kind
from webhook.notifications.terms import DEFAULT_KINDS, NEVER, ReceiverTerms, Terms
from webhook.policy.decision import Approval, Door, Glass
from webhook.policy.schema import crd
from webhook.settings import read_settings
from webhook.trust.keeper import CA_KEY, TRUST_CONFIG

OPENSEARCH = (
    'store.kind="opensearch"',
    'store.opensearch.url="https://search:9200"',
    'store.opensearch.username="chaperone"',
    'store.opensearch.passwordSecret={"name":"search","key":"word"}',
    'store.opensearch.caSecret={"name":"search-ca","key":"ca.crt"}',
)


def test_helm_has_nothing_to_complain_about(helm_path: Path) -> None:
    argv = [helm_path, "lint", "--strict", CHART, "--namespace", "chaperone-system"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["chaperone-sessions", "chaperone-pods"])
@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_doors_fail_closed_and_guard_only_who_opted_in(chart: Chart, kind: str, name: str) -> None:
    objects = chart.objects('guard.exemptNamespaces=["edge"]')
    configuration = objects[f"{kind}WebhookConfiguration", name]
    for webhook in configuration["webhooks"]:
        assert webhook["failurePolicy"] == "Fail"
        assert webhook["sideEffects"] == "NoneOnDryRun"
        assert "objectSelector" not in webhook
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


@pytest.mark.parametrize("name", ["chaperone-admission", "chaperone-collector"])
@pytest.mark.parametrize("values", [(), OPENSEARCH], ids=["sqlite", "opensearch"])
def test_pods_fit_the_restricted_standard(chart: Chart, name: str, values: tuple[str, ...]) -> None:
    pod = chart.objects(*values)["Deployment", name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"]
    mounts = {mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", [])}
    assert mounts == {volume["name"] for volume in pod.get("volumes", [])}


def test_what_the_chart_says_is_what_the_server_reads(chart: Chart) -> None:
    deployment = chart.objects(
        'images.recorder={"repository":"r.example/rec","tag":"7","pullPolicy":"Always"}'
    )
    [container] = deployment["Deployment", "chaperone-admission"]["spec"]["template"]["spec"]["containers"]
    settings = read_settings(environment(container))
    assert settings.exempt_namespaces == {"kube-system", "chaperone-system"}
    assert (settings.recorder.image, settings.recorder.pull_policy) == ("r.example/rec:7", "Always")
    assert settings.recorder.limits == {"memory": "256Mi"}
    assert settings.limits.idle_seconds == 900
    objects = chart.objects()
    for name in settings.webhook_configurations:
        assert ("MutatingWebhookConfiguration", name) in objects
    for name in settings.validating_configurations:
        assert ("ValidatingWebhookConfiguration", name) in objects
    for name in settings.api_services:
        assert ("APIService", name) in objects


def test_the_definition_of_policies_is_what_the_types_say(chart: Chart) -> None:
    definition = chart.objects()["CustomResourceDefinition", "guardpolicies.chaperone.dev"]
    assert definition["spec"] == crd()["spec"], "run scripts/policy-crd"
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_policies_are_checked_before_they_are_let_in(chart: Chart) -> None:
    [webhook] = chart.objects()["ValidatingWebhookConfiguration", "chaperone-policies"]["webhooks"]
    assert webhook["failurePolicy"] == "Fail"
    [rule] = webhook["rules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE", "UPDATE"], ["guardpolicies"])


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


def test_retention_reaches_the_collector(chart: Chart) -> None:
    pod = chart.objects("retention.months=24", "retention.hotMonths=6", *OPENSEARCH)[
        "Deployment", "chaperone-collector"
    ]["spec"]["template"]["spec"]
    variables = environment(pod["containers"][0])
    assert read_settings(variables).retention == RetentionTerms(months=24, hot_months=6, every_seconds=3600)
    assert variables["CHAPERONE_STORE_HOT_MONTHS"] == "6"
    default = chart.objects()["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    assert read_settings(environment(default["containers"][0])).retention == RetentionTerms()


def test_whoever_removes_may_be_somebody_else(chart: Chart) -> None:
    removing = 'store.opensearch.removing={"username":"remover","passwordSecret":{"name":"r","key":"word"}}'
    pod = chart.objects(*OPENSEARCH, removing)["Deployment", "chaperone-collector"]["spec"]["template"][
        "spec"
    ]
    variables = environment(pod["containers"][0])
    assert variables["CHAPERONE_STORE_REMOVING_USERNAME"] == "remover"
    assert variables["CHAPERONE_STORE_REMOVING_PASSWORD_FILE"] == "/etc/chaperone/removing/word"
    secrets = {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    assert secrets["removing"] == "r"


def test_verdicts_are_stamped_and_nobody_is_trusted_to_write_one(chart: Chart) -> None:
    objects = chart.objects()
    webhook, standing = objects["MutatingWebhookConfiguration", "chaperone-approvals"]["webhooks"]
    assert webhook["failurePolicy"] == standing["failurePolicy"] == "Fail"
    assert webhook["matchConditions"] == standing["matchConditions"]
    [condition] = webhook["matchConditions"]
    policy = objects["ValidatingAdmissionPolicy", "chaperone-approvals"]["spec"]
    assert policy["matchConditions"] == webhook["matchConditions"]
    assert "'system:serviceaccount:chaperone-system:chaperone-admission'" in condition["expression"]


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


DEFINITIONS: list[tuple[str, dict[str, type]]] = [
    ("approvalrequests", {"spec": Spec, "status": Status, "decision": Asked}),
    ("standingapprovals", {"spec": StandingSpec, "status": StandingStatus, "revoke": Revoke}),
]


@pytest.mark.parametrize(("plural", "parts"), DEFINITIONS)
def test_the_definitions_of_approvals_hold_all_their_fields(
    chart: Chart, plural: str, parts: dict[str, type]
) -> None:
    definition = chart.objects()["CustomResourceDefinition", f"{plural}.chaperone.dev"]
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    [version] = definition["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    for part, kind in parts.items():
        assert set(schema[part]["properties"]) == fields_of(kind)


def fields_of(kind: type) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_the_definition_of_approval_requests_knows_all_words(chart: Chart) -> None:
    definition = chart.objects()["CustomResourceDefinition", "approvalrequests.chaperone.dev"]
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    status, spec = schema["status"]["properties"], schema["spec"]["properties"]
    assert set(status["phase"]["enum"]) == {phase.value for phase in Phase}
    assert set(schema["decision"]["properties"]["verdict"]["enum"]) == {word.value for word in Verdict}
    assert set(status["decisions"]["items"]["properties"]) == fields_of(Decided)
    assert set(status["review"]["properties"]) == fields_of(Review)
    assert set(spec["approval"]["properties"]) == fields_of(Approval)
    assert set(spec["breakGlass"]["properties"]) == fields_of(Glass)
    standing = chart.objects()["CustomResourceDefinition", "standingapprovals.chaperone.dev"]
    fields = standing["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert set(fields["door"]["enum"]) == {door.value for door in Door}


def test_a_hold_fits_the_time_of_the_webhook(chart: Chart) -> None:
    with pytest.raises(ChartError, match="at least 13"):
        chart.run("approvals.holdSeconds=8")
    with pytest.raises(ChartError, match="holdSeconds"):
        chart.run("approvals.holdSeconds=21")
    deployment = chart.objects("approvals.holdSeconds=20", "guard.timeoutSeconds=25")[
        "Deployment", "chaperone-admission"
    ]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    told = environment(container)
    settings = read_settings(told)
    assert settings.approvals == asking.Terms(hold_seconds=20)


def test_how_many_requests_of_one_person_wait_is_set(chart: Chart) -> None:
    with pytest.raises(ChartError, match="mostOpenPerRequester"):
        chart.run("approvals.mostOpenPerRequester=0")
    deployment = chart.objects("approvals.mostOpenPerRequester=7")["Deployment", "chaperone-admission"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert read_settings(environment(container)).approvals == asking.Terms(most_open_per_requester=7)


@pytest.mark.parametrize("values", [(), OPENSEARCH], ids=["sqlite", "opensearch"])
def test_audit_events_have_a_place_to_wait_and_a_token_to_go_with(
    chart: Chart, values: tuple[str, ...]
) -> None:
    objects = chart.objects(*values, "admission.journalBytes=2097152")
    for name in ("chaperone-admission", "chaperone-collector"):
        pod = objects["Deployment", name]["spec"]["template"]["spec"]
        [container] = pod["containers"]
        settings = read_settings({**environment(container), "CHAPERONE_POD": "a-pod"})
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        volume = volumes[mounts[str(settings.journal.parent)]]
        if name == "chaperone-admission":
            assert settings.journal_bytes == 2097152
            assert int(volume["emptyDir"]["sizeLimit"]) > settings.journal_bytes
            [source] = volumes[mounts[str(TOKEN_FILE.parent)]]["projected"]["sources"]
            assert source["serviceAccountToken"]["audience"] == TOKEN_AUDIENCE
        [pod_name] = [one for one in container["env"] if one["name"] == "CHAPERONE_POD"]
        assert pod_name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_several_replicas_keep_one_when_nodes_go(chart: Chart) -> None:
    assert ("PodDisruptionBudget", "chaperone-admission") in chart.objects("admission.replicas=2")
    assert ("PodDisruptionBudget", "chaperone-admission") not in chart.objects("admission.replicas=1")


def test_the_record_outlives_the_installation(chart: Chart) -> None:
    claim = chart.objects()["PersistentVolumeClaim", "chaperone-store"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for values in (OPENSEARCH, ("store.sqlite.persistence.enabled=false",)):
        assert ("PersistentVolumeClaim", "chaperone-store") not in chart.objects(*values)


def test_opensearch_secrets_come_as_files(chart: Chart) -> None:
    pod = chart.objects(*OPENSEARCH)["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    variables = environment(pod["containers"][0])
    assert variables["CHAPERONE_STORE"] == "https://search:9200"
    assert variables["CHAPERONE_STORE_PASSWORD_FILE"] == "/etc/chaperone/password/word"
    assert variables["CHAPERONE_STORE_CA_FILE"] == "/etc/chaperone/ca/ca.crt"
    secrets = {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    assert secrets == {"password": "search", "ca": "search-ca"}


def test_nobody_is_notified_until_a_secret_says_whom(chart: Chart) -> None:
    pod = chart.objects()["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    assert "RECEIVERS" not in json.dumps(pod)


def test_receivers_come_as_files_and_what_they_hear_as_the_server_reads_it(chart: Chart) -> None:
    values = (
        'notifications.secretName="receivers"',
        'notifications.namespaces=["pay*"]',
        'notifications.receivers={"oncall":{"kinds":["control-failed"]}}',
        "notifications.timeoutSeconds=2.5",
    )
    pod = chart.objects(*values)["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    settings = read_settings(environment(container))
    assert settings.notifications == Terms(
        namespaces=("pay*",),
        receivers={"oncall": ReceiverTerms(kinds=(Kind.CONTROL_FAILED,))},
        timeout_seconds=2.5,
    )
    [mount] = [mount for mount in container["volumeMounts"] if mount["name"] == "receivers"]
    assert (mount["mountPath"], mount["readOnly"]) == (str(settings.receivers), True)
    [secret] = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "receivers"]
    assert secret == {"secretName": "receivers", "defaultMode": 0o440, "optional": True}


def test_the_schema_knows_every_kind_that_can_be_told(chart: Chart) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["definitions"]["kinds"]["items"]["enum"]) == {kind.value for kind in set(Kind) - NEVER}
    values = yaml.safe_load((CHART / "values.yaml").read_text())["notifications"]
    assert values["kinds"] == [kind.value for kind in DEFAULT_KINDS]


def test_both_servers_are_scraped_over_tls_when_asked(chart: Chart) -> None:
    assert ("ServiceMonitor", "chaperone") not in chart.objects()
    objects = chart.objects('metrics.serviceMonitor={"enabled":true,"labels":{"release":"monitoring"}}')
    monitor = objects["ServiceMonitor", "chaperone"]
    assert monitor["metadata"]["labels"]["release"] == "monitoring"
    for endpoint in monitor["spec"]["endpoints"]:
        name = endpoint["tlsConfig"]["serverName"].partition(".")[0]
        service = objects["Service", name]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert endpoint["tlsConfig"]["ca"] == {"configMap": {"name": TRUST_CONFIG, "key": CA_KEY}}


def test_scrapers_are_let_in_when_named(chart: Chart) -> None:
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    objects = chart.objects(
        "networkPolicies.enabled=true",
        'networkPolicies.apiServerBlocks=["10.0.0.1/32"]',
        f"networkPolicies.metricsFrom={json.dumps([peer])}",
    )
    for name in ("chaperone-admission", "chaperone-collector"):
        assert peer in objects["NetworkPolicy", name]["spec"]["ingress"][0]["from"]
    [_, audit] = objects["NetworkPolicy", "chaperone-collector"]["spec"]["ingress"]
    assert peer not in audit["from"]


def test_network_policies_are_there_when_asked(chart: Chart) -> None:
    assert not [kind for kind, _ in chart.objects() if kind == "NetworkPolicy"]
    objects = chart.objects("networkPolicies.enabled=true", 'networkPolicies.apiServerBlocks=["10.0.0.1/32"]')
    [rule] = objects["NetworkPolicy", "chaperone-admission"]["spec"]["ingress"]
    assert rule["from"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("surprise=1",), "surprise"),
        (("guard.surprise=1",), "surprise"),
        (('images.webhook.pullPolicy="Sometimes"',), "pullPolicy"),
        (("guard.timeoutSeconds=31",), "timeoutSeconds"),
        (('sessions.profile="lax"',), "profile"),
        (('policies.packs=["everything"]',), "packs"),
        (('notifications.kinds=["notification-sent"]',), "kinds"),
        (('notifications.receivers={"a":{"url":"x"}}',), "url"),
        (('notifications.secretName="x"', "notifications.kinds=[]"), "nobody would hear"),
        (("metrics.surprise=1",), "surprise"),
        (("retention.months=11",), "months"),
        (("retention.hotMonths=13",), "retention.hotMonths"),
        ((*OPENSEARCH, 'store.opensearch.removing={"username":"x"}'), "removing.passwordSecret"),
        (("collector.replicas=2",), "the embedded store has one writer"),
        (('store.kind="opensearch"',), "store.opensearch.url"),
        ((*OPENSEARCH[:3],), "passwordSecret"),
        (('store.opensearch.url="https://user:word@search:9200"',), "url"),
    ],
)
def test_what_would_not_work_is_refused_by_name(chart: Chart, values: tuple[str, ...], said: str) -> None:
    with pytest.raises(ChartError, match=said):
        chart.run(*values)


def test_one_installation_in_a_namespace_of_its_own(chart: Chart) -> None:
    with pytest.raises(ChartError, match="must be named chaperone"):
        chart.run(release="other")
    with pytest.raises(ChartError, match="namespace of its own"):
        chart.run(namespace="kube-system")


def test_checkpoints_are_exported_where_the_values_say(chart: Chart) -> None:
    values = ('ledger.export.existingClaim="worm"', 'ledger.export.webhookSecret="hook"')
    pod = chart.objects(*values)["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    settings = read_settings(environment(container))
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["checkpoints"] == str(settings.checkpoint_directory)
    assert mounts["checkpoint-webhook"] == str(settings.checkpoint_webhook)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["checkpoints"]["persistentVolumeClaim"] == {"claimName": "worm"}
    assert volumes["checkpoint-webhook"]["secret"]["secretName"] == "hook"
    plain = chart.objects()["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    assert "checkpoint-webhook" not in json.dumps(plain)


def test_the_right_to_end_sessions_is_one_of_its_own(chart: Chart) -> None:
    roles = {name: role["rules"] for (kind, name), role in chart.objects().items() if kind == "ClusterRole"}
    who = [name for name, rules in roles.items() if "sessions/kill" in str(rules)]
    assert who == ["chaperone-kill"]
