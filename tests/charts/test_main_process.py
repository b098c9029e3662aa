"""Registries that are asked what images start: as the values say, and nobody unless they do."""

import pytest
from chart import Chart, ChartError, Object, environment

from webhook.registry.terms import Terms
from webhook.settings import read_settings

REGISTRY = (
    'mainProcess.registry.hosts=["registry.example","*.example:5000"]',
    'mainProcess.registry.plainHttp=["a.example:5000"]',
    'mainProcess.registry.internal=["a.example:5000"]',
    'mainProcess.registry.caSecret={"name":"our-ca","key":"root.crt"}',
    'mainProcess.registry.proxy="http://proxy.example:3128"',
    'mainProcess.registry.pullSecret="our-pull"',
    'mainProcess.registry.readSecretsIn=["payments"]',
)


def pod(chart: Chart, *values: str) -> Object:
    return chart.objects(*values)["Deployment", "chaperone-admission"]["spec"]["template"]["spec"]


def terms(chart: Chart, *values: str) -> Terms:
    return read_settings(environment(pod(chart, *values)["containers"][0])).registry


def test_nobody_is_asked_unless_the_values_say_so(chart: Chart) -> None:
    assert terms(chart) == Terms()
    assert ("ClusterRole", "chaperone-pull-secret-reader") not in chart.objects()


def test_what_the_values_say_is_what_the_server_reads(chart: Chart) -> None:
    assert terms(chart, *REGISTRY) == Terms(
        hosts=("registry.example", "*.example:5000"),
        plain_http=("a.example:5000",),
        internal=("a.example:5000",),
        proxy="http://proxy.example:3128",
        read_secrets_in=("payments",),
        ca="/etc/chaperone/registry-ca/root.crt",
        pull_secret="/etc/chaperone/registry-credentials/.dockerconfigjson",
    )


def test_secrets_come_as_files(chart: Chart) -> None:
    found = pod(chart, *REGISTRY)
    secrets = {one["name"]: one["secret"]["secretName"] for one in found["volumes"] if "secret" in one}
    mounts = {one["name"]: one["mountPath"] for one in found["containers"][0]["volumeMounts"]}
    assert secrets == {"registry-ca": "our-ca", "registry-credentials": "our-pull"}
    assert {name: mounts[name] for name in secrets} == {
        "registry-ca": "/etc/chaperone/registry-ca",
        "registry-credentials": "/etc/chaperone/registry-credentials",
    }


def test_secrets_of_pods_are_read_where_it_is_said_one_by_one(chart: Chart) -> None:
    objects = chart.objects(*REGISTRY)
    assert objects["ClusterRole", "chaperone-pull-secret-reader"]["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    ]
    binding = objects["RoleBinding", "chaperone-pull-secret-reader"]
    assert binding["metadata"]["namespace"] == "payments"
    assert [one["name"] for one in binding["subjects"]] == ["chaperone-admission"]


@pytest.mark.parametrize(("of_webhook", "seconds"), [(1, 0.5), (5, 2.5), (10, 5), (30, 5)])
def test_a_registry_is_waited_for_within_the_time_of_the_webhook(
    chart: Chart, of_webhook: int, seconds: float
) -> None:
    assert terms(chart, f"guard.timeoutSeconds={of_webhook}").seconds == seconds


@pytest.mark.parametrize(
    "value", ['hosts=["https://registry.example"]', 'hosts=["a b"]', 'proxy="proxy:3128"']
)
def test_what_is_no_host_is_refused(chart: Chart, value: str) -> None:
    with pytest.raises(ChartError):
        chart.run(f"mainProcess.registry.{value}")
