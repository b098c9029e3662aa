"""Approvals in the chart: their definitions, and the terms that admission reads."""

import msgspec
import pytest
from chart import Chart, ChartError, environment

from webhook.approvals import asking
from webhook.approvals.objects import Asked, Decided, Phase, Review, Spec, Status, Verdict
from webhook.approvals.standing import Revoke, StandingSpec, StandingStatus
from webhook.policy.decision import Approval, Door, Glass
from webhook.settings import read_settings

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
