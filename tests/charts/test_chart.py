"""The chart, rendered by the real Helm."""

import json
import subprocess
from pathlib import Path

import pytest
from chart import CHART, OPENSEARCH, Chart, ChartError, environment

from webhook.policy.schema import crd
from webhook.settings import read_settings
from webhook.trust.keeper import CA_KEY, TRUST_CONFIG


def test_helm_has_nothing_to_complain_about(helm_path: Path) -> None:
    argv = [helm_path, "lint", "--strict", CHART, "--namespace", "chaperone-system"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


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


def test_several_replicas_keep_one_when_nodes_go(chart: Chart) -> None:
    assert ("PodDisruptionBudget", "chaperone-admission") in chart.objects("admission.replicas=2")
    assert ("PodDisruptionBudget", "chaperone-admission") not in chart.objects("admission.replicas=1")


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
