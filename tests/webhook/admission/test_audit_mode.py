"""Audit mode of a whole installation: what works without Chaperone works, and it is said what would not."""

import json
from typing import Any

import pytest
from policy_samples import BUILTIN, Object, policies, policy, rule
from reviews import (
    NOW_SECONDS,
    attach_door,
    body,
    connection_door,
    ephemeral_door,
    exec_door,
    exec_request,
    injected,
    object_door,
    object_request,
    plain_pod,
    pod_door,
    pod_request,
)

from webhook.admission import review
from webhook.admission.audit_mode import AuditMode, Door
from webhook.admission.review import Answer, Request
from webhook.admission.telling import decision_event, is_told
from webhook.journal.events import Outcome
from webhook.journal.making import Stamp
from webhook.policy.decision import Action, Judgement

pytestmark = pytest.mark.anyio
DENYING = policies(policy(rule("deny", reason="because")), audit=True)
PLAIN = plain_pod()


async def asked(door: Door, request: Request) -> Answer:
    return await AuditMode(door, BUILTIN).review(request)


def connect(sub: str, obj: Object, **fields: Any) -> Request:
    return review.decode_review(body(obj, operation="CONNECT", subresource=sub, **fields))


def debug(added: Object, pod: Object = PLAIN) -> Request:
    after = {**pod, "spec": {**pod["spec"], "ephemeralContainers": [added]}}
    sub = "ephemeralcontainers"
    return review.decode_review(body(after, operation="UPDATE", subresource=sub, oldObject=pod))


async def test_somebody_of_whom_too_much_is_said_goes_on_and_it_is_told() -> None:
    who = {"username": "alice", "groups": ["4111111111111111"] * 2000}
    answer = await asked(object_door(policies()), object_request("Secret", "secrets", {}, userInfo=who))
    assert answer.allowed
    assert answer.decision is not None
    assert answer.decision.would is not None
    assert answer.decision.would.rule == "ExcessiveIdentity"


SECRET = object_request(
    "Secret", "secrets", {"kind": "Secret", "metadata": {"name": "db"}, "data": {"a": "b"}}
)


async def passes(door: Door, request: Request, name: str, rule_: str) -> None:
    """Demand that a request goes on as it is, and that its event says by which rule it would not."""
    answer = await asked(door, request)
    assert answer.allowed
    assert answer.decision is not None
    assert answer.decision.action is Action.AUDIT
    would = answer.decision.would
    assert isinstance(would, Judgement)
    assert (would.action, would.rule) == (Action.DENY, rule_)
    assert is_told(name, answer)
    stamp = Stamp(id="e", at=NOW_SECONDS, origin="x")
    event = decision_event(stamp, name, request, answer, own="chaperone-system")
    assert event.outcome is Outcome.SUCCESS
    assert event.would == f"deny by {would.policy}/{rule_}"


async def test_what_policies_deny_happens() -> None:
    pod = await injected(PLAIN)
    await passes(exec_door(pod, policy=DENYING), exec_request(), "exec", "rule")
    await passes(attach_door(pod, policy=DENYING), connect("attach", {}), "attach", "rule")
    debugger = {"name": "x", "image": "i"}
    await passes(ephemeral_door(DENYING), debug(debugger), "ephemeralcontainers", "rule")
    await passes(pod_door(DENYING), pod_request(PLAIN), "pods", "rule")
    await passes(object_door(DENYING), SECRET, "objects", "rule")
    await passes(connection_door(DENYING), connect("portforward", {}), "connections", "rule")


async def test_what_is_not_recorded_happens_where_no_rule_is_about_it() -> None:
    nothing = policies(audit=True)
    await passes(attach_door(PLAIN, policy=nothing), connect("attach", {}), "attach", "record-everything")
    request = debug({"name": "x", "image": "i"})
    await passes(ephemeral_door(nothing), request, "ephemeralcontainers", "record-everything")


async def test_exec_goes_on_where_nothing_can_record_it() -> None:
    guarded = await injected(PLAIN)
    down: Object = {
        **guarded,
        "status": {
            "initContainerStatuses": [
                {"name": "chaperone-recorder", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
            ]
        },
    }
    ephemeral = {**guarded, "spec": {**guarded["spec"], "ephemeralContainers": [{"name": "look"}]}}
    for pod, rule_, options in (
        (PLAIN, "NoRecorder", {}),
        (down, "RecorderDown", {}),
        (ephemeral, "ContainerNotGuarded", {"container": "look"}),
    ):
        answer = await asked(exec_door(pod), exec_request(**options))
        assert not answer.patch
        await passes(exec_door(pod), exec_request(**options), "exec", rule_)
    await passes(exec_door(error="no answer"), exec_request(), "exec", "Unavailable")


async def test_a_container_that_could_hide_its_shim_is_recorded_all_the_same() -> None:
    pod = await injected(plain_pod({"name": "app", "securityContext": {"privileged": True}}))
    answer = await asked(exec_door(pod, audit_mode=True), exec_request())
    assert answer.patch
    assert answer.noted.session
    assert answer.decision is not None
    assert answer.decision.would is not None
    assert answer.decision.would.rule == "ShimCouldBeEvaded"
    assert not (await exec_door(pod).review(exec_request())).allowed


async def test_a_pod_that_cannot_be_recorded_is_created_as_it_is() -> None:
    conflicting = plain_pod({"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/.chaperone"}]})
    answer = await asked(pod_door(), pod_request(conflicting))
    assert not answer.patch
    await passes(pod_door(), pod_request(conflicting), "pods", "ReservedMountPath")


async def test_what_a_door_cannot_read_is_the_api_servers_business() -> None:
    await passes(pod_door(), pod_request({"spec": 1}), "pods", "Unreadable")


async def test_a_policys_denial_says_more_than_the_doors() -> None:
    conflicting = plain_pod({"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/.chaperone"}]})
    await passes(pod_door(DENYING), pod_request(conflicting), "pods", "rule")


async def test_what_is_chaperones_own_and_the_api_servers_words_stay() -> None:
    guarded = await injected(PLAIN)
    for door, request, reason in (
        (exec_door(guarded), exec_request(container="chaperone-recorder"), "RecorderIsClosed"),
        (exec_door(guarded), exec_request(command=["/.chaperone/shim", "x"]), "ShimIsReserved"),
        (exec_door(guarded), exec_request(container="none"), "FieldValueInvalid"),
        (exec_door(), exec_request(), "NotFound"),
        (attach_door(guarded), connect("attach", {"container": "chaperone-recorder"}), "RecorderIsClosed"),
        (
            ephemeral_door(),
            debug({"name": "x", "targetContainerName": "chaperone-recorder"}, guarded),
            "RecorderIsClosed",
        ),
    ):
        answer = await asked(door, request)
        assert answer.denial is not None, json.dumps(reason)
        assert answer.denial.causes[0].reason == reason
