"""What is told on which object."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import AGENT, TICKET, decided, event

from webhook.cluster_events.remarks import MOST_BYTES, Reference, Remark, remark
from webhook.journal.events import AuditEvent, Kind, Outcome, Where

POD = Reference(api_version="v1", kind="Pod", namespace="payments", name="shop", uid="5b1f")
REQUEST = Reference(
    api_version="chaperone.dev/v1alpha1",
    kind="ApprovalRequest",
    namespace="payments",
    name=TICKET,
    uid="77aa",
)


WHAT = "exec into pod payments/shop, container app"
ASKED = (
    f"{AGENT} asks for: {WHAT}. Rule shells of policy pci-dss wants an approval."
    f" See: chaperone approvals show {TICKET} -n payments"
)


def given_remark(told: AuditEvent) -> Remark:
    found = remark(told)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("told", "reason", "text", "warns"),
    [
        (
            event(),
            "ApprovalRequested",
            ASKED,
            False,
        ),
        (decided("approve"), "Approved", f"bob approved {TICKET} of {AGENT}: exec into pod", False),
        (decided("approve", missing="1"), "Approved", f"bob approved {TICKET}", False),
        (decided("deny"), "Denied", f"bob denied {TICKET}", True),
        (decided("review"), "Reviewed", f"bob reviewed {TICKET}", False),
        (event(Kind.APPROVAL_EXPIRED), "Expired", f"{TICKET}, asked for by {AGENT}, has expired", False),
        (event(Kind.APPROVAL_USED), "ApprovalUsed", f"{AGENT} used {TICKET}: exec into pod", False),
        (event(Kind.BREAK_GLASS), "BreakGlass", f"{AGENT} goes on without an approval: exec into pod", True),
        (
            event(Kind.DECISION, action="approve", session="01kx3v7m2q8z4c9w5t6y1r0b2n"),
            "SessionGranted",
            f"{AGENT} may start session 01kx3v7m2q8z4c9w5t6y1r0b2n on {TICKET}: {WHAT}",
            False,
        ),
        (
            event(Kind.DECISION, outcome=Outcome.FAILURE, action="deny", approval=""),
            "ExecDenied",
            f"{AGENT} was denied: {WHAT}. Rule shells of policy pci-dss says so",
            True,
        ),
        (
            event(Kind.DECISION, outcome=Outcome.FAILURE, action="deny", approval="", door="port-forward"),
            "PortForwardDenied",
            f"{AGENT} was denied: ",
            True,
        ),
    ],
)
def test_what_is_told(told: AuditEvent, reason: str, text: str, warns: bool) -> None:
    found = given_remark(told)
    assert (found.reason, found.warns) == (reason, warns)
    assert found.text.startswith(text)


@pytest.mark.parametrize(
    "told",
    [
        event(Kind.DECISION),
        event(Kind.DECISION, outcome=Outcome.FAILURE),
        event(Kind.RECORD_READ),
        event(Kind.NOTIFICATION_FAILED),
        event(dry_run=True),
        decided("standing"),
        event(where=Where(), approval=""),
        event(
            Kind.DECISION,
            outcome=Outcome.FAILURE,
            action="deny",
            approval="",
            where=Where(namespace="payments"),
        ),
    ],
)
def test_nothing_is_told_of_the_rest(told: AuditEvent) -> None:
    assert remark(told) is None


def test_it_is_on_the_target_with_the_request_beside_it() -> None:
    found = given_remark(event())
    assert (found.regarding, found.related) == (POD, REQUEST)


def test_what_does_not_exist_yet_is_told_on_the_request() -> None:
    where = Where(namespace="payments", resource="pods", name="new")
    found = given_remark(event(where=where, operation="CREATE", door="pod"))
    assert (found.regarding, found.related) == (REQUEST, None)


def test_what_belongs_to_no_namespace_is_told_on_the_request() -> None:
    where = Where(namespace="chaperone-system", resource="nodes", name="node-1", uid="1")
    assert given_remark(event(where=where)).regarding.kind == "ApprovalRequest"


def test_sub_resources_and_groups_are_the_object() -> None:
    exec_ = given_remark(event(where=Where(namespace="a", resource="pods/exec", name="x")))
    deployment = given_remark(
        event(where=Where(namespace="a", resource="deployments.apps", name="x", uid="1"))
    )
    assert (exec_.regarding.kind, deployment.regarding.api_version) == ("Pod", "apps/v1")


def test_command_lines_and_reasons_are_for_those_who_may_see_the_request() -> None:
    told = event(argv=("psql", "password=hunter2"), reason="hunter2")
    assert "hunter2" not in given_remark(told).text
    assert "hunter2" not in given_remark(decided("deny", reason="hunter2")).text


@given(st.text(), st.text(max_size=2000))
def test_a_note_is_one_line_that_the_api_server_takes(who: str, what: str) -> None:
    found = given_remark(event(requester=who, actor=who or "x", asked=what, rule=what))
    assert found.text.isprintable()
    assert 0 < len(found.text.encode()) <= MOST_BYTES
