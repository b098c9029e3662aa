"""Where the record is kept, for how long, and who hears of it, as the values say."""

import json

import pytest
import yaml
from chart import CHART, OPENSEARCH, Chart, environment

from sidecar.contract.names import TOKEN_AUDIENCE, TOKEN_FILE
from webhook.collector.retention import Terms as RetentionTerms
from webhook.journal.events import Kind
from webhook.notifications.terms import DEFAULT_KINDS, NEVER, ReceiverTerms, Terms
from webhook.settings import read_settings


def test_retention_reaches_the_collector(chart: Chart) -> None:
    pod = chart.objects("retention.months=24", "retention.hotMonths=6", *OPENSEARCH)[
        "Deployment", "chaperone-collector"
    ]["spec"]["template"]["spec"]
    variables = environment(pod["containers"][0])
    assert read_settings(variables).retention == RetentionTerms(months=24, hot_months=6, every_seconds=3600)
    assert variables["CHAPERONE_STORE_HOT_MONTHS"] == "6"
    default = chart.objects()["Deployment", "chaperone-collector"]["spec"]["template"]["spec"]
    terms = read_settings(environment(default["containers"][0])).retention
    assert (terms.months, terms.hot_months) == (12, 3)
    assert terms == RetentionTerms()


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
