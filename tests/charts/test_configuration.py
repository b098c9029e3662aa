"""Who changes webhook configurations, as the chart says it to the API server."""

import json

import pytest
from chart import Chart, ChartError, Object

OWN, OTHERS = "chaperone-configuration", "chaperone-other-configuration"


def policies(chart: Chart, *values: str) -> dict[str, Object]:
    """Give the two policies that there are, by name."""
    objects = chart.objects(*values)
    found = {name: one for (kind, name), one in objects.items() if kind == "ValidatingAdmissionPolicy"}
    return {name: found[name] for name in (OWN, OTHERS) if name in found}


def configuration(**values: object) -> str:
    return f"guard.configuration={json.dumps(values)}"


def expression(policy: Object) -> str:
    [validation] = policy["spec"]["validations"]
    return validation["expression"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((), (OWN, OTHERS)),
        (("policies.packs=[]",), (OWN,)),
        (('policies.packs=["read-only-agents"]',), (OWN,)),
        (("policies.packs=[]", configuration(others="always")), (OWN, OTHERS)),
        ((configuration(others="never"),), (OWN,)),
        (("guard.secondGuard=false",), ()),
    ],
)
def test_others_are_kept_where_the_pack_is_in_force(
    chart: Chart, values: tuple[str, ...], named: tuple[str, ...]
) -> None:
    assert tuple(policies(chart, *values)) == named


def test_new_ones_are_kept_as_well_as_changed_and_removed_ones(chart: Chart) -> None:
    for policy in policies(chart).values():
        [rule] = policy["spec"]["matchConstraints"]["resourceRules"]
        assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]


def test_controllers_are_named_for_configurations_of_their_own(chart: Chart) -> None:
    manager = {"serviceAccount": "cert-manager/cainjector", "names": ["cert-manager-webhook", "issuer-*"]}
    found = policies(chart, configuration(managers=[manager]))
    user = "request.userInfo.username == 'system:serviceaccount:cert-manager:cainjector'"
    assert f"({user} && variables.name == 'cert-manager-webhook')" in expression(found[OTHERS])
    assert f"({user} && variables.name.startsWith('issuer-'))" in expression(found[OTHERS])
    assert "cainjector" not in expression(found[OWN])


def test_the_groups_can_be_others_and_are_told(chart: Chart) -> None:
    for policy in policies(chart, configuration(groups=["sre", "dba"])).values():
        [validation] = policy["spec"]["validations"]
        assert "g in ['sre','dba']" in validation["expression"]
        assert "as a member of sre or dba with the ClusterRole chaperone-operator" in validation["message"]


WRONG: list[Object] = [
    {"groups": []},
    {"groups": ["a' || true || 'b"]},
    {"others": "sometimes"},
    {"managers": [{"serviceAccount": "a/b", "names": []}]},
    {"managers": [{"serviceAccount": "a", "names": ["x"]}]},
    {"managers": [{"serviceAccount": "a/b", "names": ["a*b"]}]},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_would_let_everybody_is_refused(chart: Chart, wrong: Object) -> None:
    with pytest.raises(ChartError, match="configuration"):
        chart.run(configuration(**wrong))
