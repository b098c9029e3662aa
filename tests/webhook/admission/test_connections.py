"""The doors of connections that are not recorded."""

from typing import Any

import pytest
from approvals import APPROVE, BOB, NOW, MemoryTickets, approving
from msgspec.structs import replace
from policy_samples import Object, policies, policy, rule
from reviews import body, connection_door

from webhook.admission import review
from webhook.admission.review import MalformedReviewError
from webhook.approvals import verdicts
from webhook.policy.decision import Policy

pytestmark = pytest.mark.anyio


def connect(resource: str, name: str = "web", **fields: Any) -> review.Request:
    plural, _, subresource = resource.partition("/")
    options = fields.pop("options", {})
    standard: Object = {"resource": {"group": "", "version": "v1", "resource": plural}}
    data = body(options, operation="CONNECT", subresource=subresource, name=name, **standard, **fields)
    return review.decode_review(data)


def refusing(action: str = "deny", **match: Any) -> Policy:
    return policies(policy(rule(action, match=match)))


@pytest.mark.parametrize(
    ("match", "request_", "allowed"),
    [
        ({"doors": ["port-forward"]}, connect("pods/portforward"), False),
        ({"doors": ["proxy"]}, connect("pods/portforward"), True),
        ({"ports": [5432]}, connect("pods/portforward", options={"ports": [80, 5432]}), False),
        ({"ports": [5432]}, connect("pods/portforward", options={"ports": [80]}), True),
        ({"ports": [5432]}, connect("pods/portforward"), False),
        ({"ports": [8443]}, connect("pods/proxy", "https:web:8443"), False),
        ({"ports": [8443]}, connect("pods/proxy", "web:8080"), True),
        ({"ports": [8443]}, connect("services/proxy", "web:https"), False),
        ({"names": ["web"]}, connect("services/proxy", "https:web:https"), False),
        ({"paths": ["metrics*"]}, connect("pods/proxy", options={"path": "/metrics/cadvisor"}), False),
        ({"paths": ["metrics"]}, connect("nodes/proxy", options={"path": "exec/a/b/c"}, namespace=""), True),
        (
            {"doors": ["chaperone"], "argv": [{"prefix": ["sh"]}]},
            connect("pods/exec", options={"command": ["sh"]}, namespace="chaperone-system"),
            False,
        ),
    ],
)
async def test_ports_and_paths_are_matched_as_far_as_they_are_said(
    match: Object, request_: review.Request, allowed: bool
) -> None:
    assert (await connection_door(refusing(**match)).review(request_)).allowed is allowed


async def test_a_port_that_is_not_said_loosens_nothing() -> None:
    rules = {**rule(match={"doors": ["port-forward"]}), "except": [{"ports": [8080]}]}
    door = connection_door(policies(policy(rules)))
    assert not (await door.review(connect("pods/portforward"))).allowed
    assert (await door.review(connect("pods/portforward", options={"ports": [8080]}))).allowed


async def test_an_approval_is_good_for_one_connection_to_the_same() -> None:
    tickets = MemoryTickets()
    door = connection_door(refusing("approve"), approving(tickets))
    first = await door.review(connect("pods/portforward"))
    assert first.denial is not None
    assert (
        "connection to pods/portforward payments/web: this needs a human's approval" in first.denial.message
    )
    [ticket] = tickets.kept.values()
    tickets.update(ticket, verdicts.decide(ticket, APPROVE, BOB, NOW))
    assert not (await door.review(connect("pods/portforward", "other"))).allowed
    assert not (await door.review(connect("pods/portforward", options={"ports": [1]}))).allowed
    assert (await door.review(connect("pods/portforward"))).allowed
    assert not (await door.review(connect("pods/portforward"))).allowed


async def test_a_node_is_asked_for_in_our_namespace() -> None:
    tickets = MemoryTickets()
    door = connection_door(refusing("approve"), approving(tickets))
    await door.review(connect("nodes/proxy", "node-1", options={"path": "pods"}, namespace=""))
    [(place, _)] = tickets.kept
    assert place == "chaperone-system"


async def test_anything_else_is_malformed() -> None:
    for request in (
        connect("pods/exec"),
        connect("pods/log"),
        replace(connect("pods/proxy"), sub_resource=""),
    ):
        with pytest.raises(MalformedReviewError):
            await connection_door().review(request)
