"""Attach and debug containers: policies decide, and what nothing records passes only where a rule says so."""

import json
from typing import Any

import pytest
from approvals import APPROVE, BOB, NOW, MemoryTickets, approving
from msgspec.structs import replace
from policy_samples import Object, policies, policy, rule
from reviews import EXEMPT, attach_door, body, ephemeral_door, injected, plain_pod

from webhook.admission import review
from webhook.admission.questions import questions_of
from webhook.admission.review import Answer, MalformedReviewError, Request
from webhook.approvals import verdicts
from webhook.policy.decision import Action, Policy
from webhook.policy.privileges import Privilege

pytestmark = pytest.mark.anyio
UNRECORDED: Object = {"session": {"recording": "none"}}
SHELL = {"name": "app", "image": "i", "command": ["sh"], "args": ["-l"], "stdin": True}
POD = plain_pod(SHELL, {"name": "db", "image": "i"})


def attach(container: str | None = "app", **options: Any) -> Request:
    fields: Object = {"stdout": True, **options}
    if container is not None:
        fields["container"] = container
    return review.decode_review(body(fields, operation="CONNECT", subresource="attach"))


def debug(
    *added: Object, pod: Object = POD, before: tuple[Object, ...] = (), **changed: Any
) -> review.Request:
    """Add ephemeral containers to a pod that has some; ``changed`` is what else the client writes."""
    stored: Object = {**pod, "spec": {**pod["spec"], "ephemeralContainers": list(before)}}
    after: Object = {**stored, **changed}
    after["spec"] = {**after["spec"], "ephemeralContainers": [*before, *added]}
    return review.decode_review(
        body(after, operation="UPDATE", subresource="ephemeralcontainers", oldObject=stored)
    )


def debugger(name: str = "debugger", **fields: Any) -> Object:
    return {"name": name, "image": "busybox", **fields}


def saying(action: str = "audit", *, session: Object | None = None, **match: Any) -> Policy:
    terms = {"recording": "none"} if session is None else session
    return policies(policy(rule(action, match=match, reason="because", session=terms)))


async def asked(policy: Policy, request: Request, asking: Any = None) -> Answer:
    if request.sub_resource == "attach":
        return await attach_door(POD, policy=policy, asking=asking).review(request)
    return await ephemeral_door(policy, asking).review(request)


BOTH = [attach(), debug(debugger())]


@pytest.mark.parametrize("request_", BOTH)
@pytest.mark.parametrize(
    "policy_",
    [
        policies(),
        policies(policy(rule("allow"))),
        saying("audit", session={"recording": "required"}),
        policies(
            policy(rule("audit", **UNRECORDED), rule("audit", name="r", session={"recording": "required"}))
        ),
        policies(policy(rule("approve"))),
    ],
)
async def test_what_nothing_records_stays_out_unless_a_rule_says_so(
    policy_: Policy, request_: Request
) -> None:
    tickets = MemoryTickets()
    answer = await asked(policy_, request_, approving(tickets))
    assert answer.denial is not None
    assert "does not record" in answer.denial.message
    assert "kubectl exec -it web -n payments" in answer.denial.message
    assert "session: {recording: none}" in answer.denial.message
    assert answer.denial.causes[0].reason == "NotRecorded"
    assert answer.decision is not None
    assert (answer.decision.action, answer.decision.policy) == (Action.DENY, "builtin")
    assert not tickets.kept, "nobody is asked for what would be refused all the same"


@pytest.mark.parametrize("request_", BOTH)
async def test_a_rule_may_let_it_go_unrecorded(request_: Request) -> None:
    answer = await asked(saying("audit"), request_)
    assert answer.allowed
    assert answer.decision is not None
    assert answer.decision.unrecorded
    more = policies(policy(rule("allow", **UNRECORDED), rule("audit", name="other")))
    assert (await asked(more, request_)).allowed, "a rule that says nothing forbids nothing"
    denied = await asked(policies(policy(rule("audit", **UNRECORDED), rule("deny", name="no"))), request_)
    assert denied.denial is not None
    assert "denied by rule no of policy test" in denied.denial.message


@pytest.mark.parametrize("request_", BOTH)
async def test_an_approval_is_good_for_one(request_: Request) -> None:
    tickets, policy_ = MemoryTickets(), saying("approve")
    first = await asked(policy_, request_, approving(tickets))
    assert first.denial is not None
    assert "needs a human's approval" in first.denial.message
    [ticket] = tickets.kept.values()
    tickets.update(ticket, verdicts.decide(ticket, APPROVE, BOB, NOW))
    second = await asked(policy_, request_, approving(tickets))
    assert second.allowed
    assert second.noted.approval == ticket.metadata.name
    assert not (await asked(policy_, request_, approving(tickets))).allowed


@pytest.mark.parametrize(
    ("match", "request_", "fits"),
    [
        ({"doors": ["attach"]}, attach(), True),
        ({"doors": ["exec"]}, attach(), False),
        ({"containers": ["app"], "stdin": True, "tty": False}, attach(stdin=True), True),
        ({"containers": ["db"]}, attach(), False),
        ({"argv": [{"exact": ["sh", "-l"]}]}, attach(), True),
        ({"argv": [{"glob": ["**"]}]}, attach("db"), True),
        ({"argv": [{"prefix": ["sh"]}]}, attach("db"), False),
        ({"doors": ["ephemeral-container"], "operations": ["UPDATE"]}, debug(debugger()), True),
        ({"argv": [{"exact": ["sh", "-c", "id"]}]}, debug(debugger(command=["sh"], args=["-c", "id"])), True),
        ({"argv": [{"prefix": ["id"]}]}, debug(debugger(args=["id"])), False),
        ({"tty": True, "stdin": True}, debug(debugger(tty=True, stdin=True)), True),
        ({"containers": ["db"]}, debug(debugger(targetContainerName="db")), True),
        ({"containers": ["db"]}, debug(debugger()), False),
        (
            {"containers": ["db"]},
            debug(debugger(), pod=plain_pod(SHELL, {"name": "db"}, shareProcessNamespace=True)),
            True,
        ),
        ({"containers": ["db"]}, debug(debugger(), pod=plain_pod(SHELL, {"name": "db"}, hostPID=True)), True),
        ({"labels": {"tier": "gold"}}, debug(debugger(), metadata={"labels": {"tier": "gold"}}), False),
        ({"privileged": True}, debug(debugger()), False),
        ({"privileges": ["privileged"]}, debug(debugger(securityContext={"privileged": True})), True),
        (
            {"privileges": ["added-capability"]},
            debug(debugger(securityContext={"capabilities": {"add": ["SYS_PTRACE"]}})),
            True,
        ),
        ({"privileges": ["host-namespace"]}, debug(debugger(), pod=plain_pod(hostNetwork=True)), True),
        (
            {"privileges": ["host-path"]},
            debug(
                debugger(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
                pod=plain_pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            ),
            True,
        ),
        (
            {"privileges": ["host-path"]},
            debug(debugger(), pod=plain_pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])),
            False,
        ),
        ({"cel": "object.spec.ephemeralContainers.exists(c, c.image == 'busybox')"}, debug(debugger()), True),
        ({"privileged": True}, debug(debugger(), debugger("b", securityContext={"privileged": True})), True),
    ],
)
async def test_rules_see_all_of_it(match: Object, request_: Request, fits: bool) -> None:
    denying = policies(policy(rule("audit", name="lets", **UNRECORDED), rule("deny", match=match)))
    assert (await asked(denying, request_)).allowed is not fits


async def test_only_what_is_added_is_asked_about() -> None:
    old = debugger("old", securityContext={"privileged": True})
    assert (await ephemeral_door(saying("deny")).review(debug(before=(old,)))).allowed
    denying = policies(
        policy(rule("audit", name="lets", **UNRECORDED), rule("deny", match={"privileged": True}))
    )
    assert (await ephemeral_door(denying).review(debug(debugger(), before=(old,)))).allowed


async def test_the_name_that_kubectl_makes_up_is_not_bound() -> None:
    tickets = MemoryTickets()
    for request_ in (debug(debugger("debugger-2x4bq")), debug(debugger("debugger-zz9fr"))):
        await asked(saying("approve"), request_, approving(tickets))
    assert len(tickets.kept) == 1
    for request_ in (debug(debugger("mine")), debug(debugger("debugger-2x4bq", image="other"))):
        await asked(saying("approve"), request_, approving(tickets))
    assert len(tickets.kept) == 3
    assert "hunter2" not in repr(tickets.kept)
    secret = debugger(env=[{"name": "PASSWORD", "value": "hunter2"}])
    await asked(saying("approve"), debug(secret), approving(tickets))
    assert not any("hunter2" in json.dumps(ticket.spec.shown) for ticket in tickets.kept.values())


async def test_nobody_gets_into_the_recorder_by_these_doors() -> None:
    pod = await injected(plain_pod(SHELL))
    for request_ in (
        attach("chaperone-recorder"),
        debug(debugger(targetContainerName="chaperone-recorder"), pod=pod),
        debug(debugger("chaperone-recorder"), pod=plain_pod()),
        *(
            debug(debugger(volumeMounts=[{"name": name, "mountPath": "/x"}]), pod=pod)
            for name in ("chaperone", "chaperone-spool", "chaperone-token")
        ),
    ):
        for who in (request_.user_info, *EXEMPT):
            answer = await asked(saying("allow"), replace(request_, user_info=who))
            assert answer.denial is not None
            assert answer.denial.causes[0].reason == "RecorderIsClosed"
    shared = await injected(plain_pod(SHELL, shareProcessNamespace=True))
    tracing = debugger(securityContext={"capabilities": {"add": ["SYS_PTRACE"]}})
    answer = await asked(saying("allow"), debug(tracing, pod=shared))
    assert answer.denial is not None
    assert answer.denial.causes[0].reason == "RecorderCouldBeTraced"
    assert (await asked(saying("allow"), debug(debugger(), pod=shared))).allowed


async def test_attaching_to_a_debug_container_is_access_to_its_target() -> None:
    pod = plain_pod(SHELL, {"name": "db"}, ephemeralContainers=[debugger("look", targetContainerName="db")])
    denying = policies(
        policy(rule("audit", name="lets", **UNRECORDED), rule("deny", match={"containers": ["db"]}))
    )
    door = attach_door(pod, policy=denying)
    assert not (await door.review(attach("look"))).allowed
    assert (await door.review(attach("app"))).allowed


@pytest.mark.parametrize(
    ("request_", "pods", "code"),
    [(attach(), [], 404), (attach("none"), [POD], 400), (attach(None), [POD], 400)],
)
async def test_what_is_not_there_is_told_in_the_servers_words(
    request_: Request, pods: list[Object], code: int
) -> None:
    denial = (await attach_door(*pods, policy=saying("allow")).review(request_)).denial
    assert denial is not None
    assert denial.code == code


async def test_a_cluster_that_does_not_answer_lets_nobody_in() -> None:
    denial = (await attach_door(error="no answer", policy=saying("allow")).review(attach())).denial
    assert denial is not None
    assert denial.code == 503


@pytest.mark.parametrize("old", [None, [], {"spec": {"ephemeralContainers": {}}}])
async def test_a_pod_that_cannot_be_read_is_malformed(old: object) -> None:
    data = body(POD, operation="UPDATE", subresource="ephemeralcontainers", oldObject=old)
    with pytest.raises(MalformedReviewError):
        await ephemeral_door(saying("allow")).review(review.decode_review(data))


def test_a_saved_review_is_asked_about_as_the_server_does() -> None:
    request_ = debug(
        debugger(command=["sh"], targetContainerName="db", securityContext={"privileged": True}),
        debugger("b"),
    )
    asked_ = questions_of(request_, at=0, namespace_labels={}, own="chaperone-system", scan=lambda _: ())
    assert [question.container for question in asked_] == ["debugger", "db", "b"]
    assert Privilege.PRIVILEGED in asked_[0].privileges
    assert asked_[1].argv == ("sh",)
