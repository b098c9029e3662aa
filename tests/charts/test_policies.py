"""What the chart says about policies, and what it changes in audit mode."""

import json

import msgspec
import pytest
from chart import Chart, ChartError, Object, environment

from webhook.policy.packs import read_packs
from webhook.policy.secret_managers import SecretManager
from webhook.settings import read_settings


def admission(objects: dict[tuple[str, str], Object]) -> Object:
    [container] = objects["Deployment", "chaperone-admission"]["spec"]["template"]["spec"]["containers"]
    return container


def test_the_default_pack_is_in_force_unless_said_otherwise(chart: Chart) -> None:
    settings = read_settings(environment(admission(chart.objects())))
    assert (settings.policy_packs, settings.audit_mode) == (("pci-dss",), False)
    for nothing in ("policies.packs=[]", "policies.packs=null"):
        assert not read_settings(environment(admission(chart.objects(nothing)))).policy_packs


MANAGER = {
    "serviceAccount": "cert-manager/cert-manager",
    "owner": "Certificate.cert-manager.io",
    "labels": {"controller.cert-manager.io/fao": "true"},
    "namespaces": ["shop-*"],
    "names": ["tls-*"],
}


def test_who_manages_secrets_of_their_own_reaches_the_server(chart: Chart) -> None:
    settings = read_settings(environment(admission(chart.objects(managers(MANAGER)))))
    assert settings.secret_managers == (msgspec.convert(MANAGER, SecretManager),)
    [(pack, _)] = read_packs(settings.policy_directory, settings.policy_packs, settings.secret_managers)
    [rule] = [rule for rule in pack.spec.rules if rule.name == "secret-values"]
    assert [found.service_accounts for found in rule.except_] == [("cert-manager/cert-manager",)]


def managers(*found: Object) -> str:
    return f"policies.secretManagers={json.dumps(found)}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"serviceAccount": "a/b"},
        {"names": ["x"]},
        {"serviceAccount": "a", "names": ["x"]},
        {"serviceAccount": "a/b", "names": []},
        {"serviceAccount": "a/b", "labels": {}},
        {"serviceAccount": "a/b", "owner": 'X.y" || true || "'},
        {"serviceAccount": "a/b", "names": ["x"], "kinds": ["y"]},
    ],
)
def test_a_manager_of_all_secrets_is_none(chart: Chart, wrong: Object) -> None:
    with pytest.raises(ChartError, match="secretManagers"):
        chart.run(managers(wrong))


OWN = {
    "chaperone-approvals",
    "chaperone-configuration",
    "chaperone-policies",
    "chaperone-recorder",
    "chaperone-resize",
    "chaperone-standing-approvals",
}
"""What there would not be without Chaperone."""


@pytest.mark.parametrize("mode", ["enforce", "audit"])
def test_audit_mode_fails_open_but_for_what_is_chaperones_own(chart: Chart, mode: str) -> None:
    is_enforced: dict[str, bool] = {}
    for (kind, name), found in chart.objects(f'policies.mode="{mode}"').items():
        if kind in {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}:
            policies = {one["failurePolicy"] for one in found["webhooks"] if "-repair." not in one["name"]}
            assert len(policies) == 1, name
            is_enforced[name] = policies == {"Fail"}
        if kind == "ValidatingAdmissionPolicyBinding":
            actions = found["spec"]["validationActions"]
            assert actions in (["Deny"], ["Audit"])
            is_enforced[name] = actions == ["Deny"]
    assert len(is_enforced) > len(OWN)
    assert {name for name, holds in is_enforced.items() if holds} == (
        set(is_enforced) if mode == "enforce" else OWN
    )


@pytest.mark.parametrize("mode", ["enforce", "audit"])
def test_the_second_guard_knows_the_configuration_that_asks(chart: Chart, mode: str) -> None:
    """What it looks for is what the chart installs; that it holds is seen on the cluster."""
    objects = chart.objects(f'policies.mode="{mode}"')
    for policy, name, door in (
        ("chaperone-attach", "chaperone-sessions", "attach"),
        ("chaperone-debug", "chaperone-sessions", "ephemeralcontainers"),
        ("chaperone-injected", "chaperone-pods", "pods"),
    ):
        webhooks = objects["ValidatingWebhookConfiguration", name]["webhooks"]
        [webhook] = [one for one in webhooks if one["name"] == f"{door}.chaperone.dev"]
        [validation] = objects["ValidatingAdmissionPolicy", policy]["spec"]["validations"]
        assert f"w.name == '{webhook['name']}'" in validation["expression"]
        assert f"w.failurePolicy == '{webhook['failurePolicy']}'" in validation["expression"]
        assert (
            f"w.clientConfig.service.path == '{webhook['clientConfig']['service']['path']}'"
            in (validation["expression"])
        )
        for condition in webhook.get("matchConditions", ()):
            assert f'expression == "{condition["expression"]}"' in validation["expression"]
        binding = objects["ValidatingAdmissionPolicyBinding", policy]["spec"]
        assert binding["paramRef"] == {"name": name, "parameterNotFoundAction": "Deny"}


def test_packs_and_mode_reach_the_server(chart: Chart) -> None:
    deployment = chart.objects('policies={"mode":"audit","packs":["pci-dss","break-glass"]}')
    [container] = deployment["Deployment", "chaperone-admission"]["spec"]["template"]["spec"]["containers"]
    settings = read_settings(environment(container))
    assert settings.audit_mode
    assert settings.policy_packs == ("pci-dss", "break-glass")
    assert len(read_packs(settings.policy_directory, settings.policy_packs)) == 2
