"""The doors of connections that are not recorded."""

from typing import Any

import pytest
from approvals import APPROVE, BOB, NOW, MemoryTickets, approving
from msgspec.structs import replace
from policy_samples import Object, policies, policy, rule
from reviews import EXEMPT, body, connection_door

from webhook.admission import review
from webhook.admission.questions import proxied_path
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
        ({"ports": [5432]}, connect("pods/portforward", options={"ports": [80]}), False),
        ({"ports": [5432]}, connect("pods/portforward"), False),
        ({"ports": [8443]}, connect("pods/proxy", "https:web:8443"), False),
        ({"ports": [8443]}, connect("pods/proxy", "web:8080"), True),
        ({"ports": [8443]}, connect("services/proxy", "web:https"), False),
        ({"names": ["web"]}, connect("services/proxy", "https:web:https"), False),
        ({"paths": ["metrics*"]}, connect("pods/proxy", options={"path": "/metrics/cadvisor"}), False),
        ({"paths": ["metrics"]}, connect("nodes/proxy", options={"path": "exec/a/b/c"}, namespace=""), True),
        ({"paths": ["private*"]}, connect("pods/proxy", options={"path": "public/../private"}), False),
        ({"paths": ["run/*"]}, connect("nodes/proxy", options={"path": "/logs/.././/run/a/"}), False),
        ({"paths": ["logs/*"]}, connect("nodes/proxy", options={"path": "logs/../run/a/b/c"}), True),
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


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/run/payments/web/chaperone-recorder", False),
        ("exec/payments/web/some-uid/chaperone-recorder/", False),
        ("logs/../attach//payments/./web/chaperone-recorder", False),
        ("checkpoint/payments/web/chaperone-recorder", False),
        ("run/payments/web/app", True),
        ("run/payments/chaperone-recorder/app", True),
        ("containerLogs/payments/web/chaperone-recorder", True),
    ],
)
async def test_no_kubelet_lets_anybody_into_a_recorder(path: str, allowed: bool) -> None:
    """Whatever policies say of the proxies of nodes, and of whoever is approved."""
    request = connect("nodes/proxy", "node-1", options={"path": path}, namespace="")
    answer = await connection_door().review(request)
    assert answer.allowed is allowed
    if answer.denial is not None:
        assert "nobody gets into the recorder" in answer.denial.message
        for who in EXEMPT:
            assert not (await connection_door().review(replace(request, user_info=who))).allowed
        tickets = MemoryTickets()
        assert not (await connection_door(refusing("approve"), approving(tickets)).review(request)).allowed
        assert tickets.kept == {}


async def test_a_port_that_is_not_sure_loosens_nothing() -> None:
    rules = {**rule(match={"doors": ["port-forward", "proxy"]}), "except": [{"ports": [8080]}]}
    door = connection_door(policies(policy(rules)))
    assert not (await door.review(connect("pods/portforward"))).allowed
    assert not (await door.review(connect("pods/portforward", options={"ports": [8080]}))).allowed
    assert not (await door.review(connect("pods/proxy", "web:http"))).allowed
    assert (await door.review(connect("pods/proxy", "web:8080"))).allowed


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("", ""),
        ("/", ""),
        ("a", "a"),
        ("//a//b/", "a/b/"),
        ("a/./b", "a/b"),
        ("a/..", ""),
        ("../../a/", "a/"),
        ("a/..;/b", "a/..;/b"),
        ("a/%2e%2e/b", "a/%2e%2e/b"),
    ],
)
def test_a_path_is_the_one_that_is_reached(asked: str, reached: str) -> None:
    assert proxied_path(asked) == reached


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
