"""The exec door."""

import copy
from typing import Any

import pytest
from msgspec.structs import replace
from policy_samples import policies, policy, rule
from reviews import (
    EXEMPT,
    KEYS,
    NOW_SECONDS,
    ROOT,
    Object,
    exec_door,
    exec_request,
    injected,
    plain_pod,
)

from sidecar.contract.grants import DialIn, Grant, Limits, check_dial_in, verify_grant
from sidecar.contract.sealing import unseal
from webhook.admission.review import Answer, Denial, MalformedReviewError, UserInfo
from webhook.policy.decision import Action, Decision, Question

pytestmark = pytest.mark.anyio


@pytest.fixture
async def guarded() -> Object:
    return await injected(plain_pod())


@pytest.fixture
async def pair() -> Object:
    initial = [{"name": "setup", "image": "i"}]
    return await injected(
        plain_pod({"name": "a", "image": "i"}, {"name": "b", "image": "i"}, initContainers=initial)
    )


def command_of(answer: Answer) -> list[str]:
    assert answer.denial is None, answer.denial
    [step] = answer.patch
    assert (step.op, step.path) == ("add", "/command")
    value: Any = getattr(step, "value")  # noqa: B009  an add has one
    return value


def denial_of(answer: Answer) -> Denial:
    assert answer.denial is not None
    assert answer.patch == ()
    return answer.denial


def grant_of(command: list[str]) -> Grant:
    return verify_grant(command[1].encode(), roots=ROOT.roots, now=NOW_SECONDS)


async def test_an_allowed_exec_starts_under_the_shim_with_a_grant(guarded: Object) -> None:
    command = command_of(
        await exec_door(guarded).review(exec_request(["psql", "-c", "select 'é'"], tty=True))
    )
    assert command[0] == "/.chaperone/shim"
    assert command[2:] == ["--", "psql", "-c", "select 'é'"]
    grant = grant_of(command)
    argv = (b"psql", b"-c", "select 'é'".encode())
    check_dial_in(grant, DialIn("pod-uid-1", "app", argv, tty=True), now=NOW_SECONDS, skew_seconds=0)
    assert grant.expires_at == NOW_SECONDS + 60
    assert (grant.namespace, grant.pod, grant.profile) == ("payments", "web", "strict")
    sealed = unseal((KEYS.seal_key,), grant.session, grant.sealed)
    assert sealed.identity.username == "alice"
    assert (sealed.decision.policy, sealed.decision.action) == ("builtin", "audit")
    assert sealed.decision.request_uid == "8d4f"


async def test_two_requests_are_two_sessions(guarded: Object) -> None:
    door = exec_door(guarded)
    first, second = [grant_of(command_of(await door.review(exec_request()))) for _ in range(2)]
    assert first.session != second.session


@pytest.mark.parametrize("named", ["app", ""])
async def test_the_only_container_need_not_be_named(guarded: Object, named: str) -> None:
    assert (
        grant_of(command_of(await exec_door(guarded).review(exec_request(container=named)))).container
        == "app"
    )


@pytest.mark.parametrize("named", ["a", "b", "setup"])
async def test_every_kind_of_container_can_be_named(pair: Object, named: str) -> None:
    assert (
        grant_of(command_of(await exec_door(pair).review(exec_request(container=named)))).container == named
    )


async def test_an_unnamed_container_of_several_is_refused_as_the_api_server_does(pair: Object) -> None:
    denial = denial_of(await exec_door(pair).review(exec_request()))
    assert (denial.code, denial.reason) == (400, "BadRequest")
    assert denial.message == "a container name must be specified for pod web, choose one of: [a b]"


async def test_an_unknown_container_is_refused_as_the_api_server_does(guarded: Object) -> None:
    denial = denial_of(await exec_door(guarded).review(exec_request(container="zz")))
    assert (denial.code, denial.message) == (400, "container zz is not valid for pod web")


@pytest.mark.parametrize("command", [None, [], ["a\0b"], ["\ud800"]])
async def test_a_command_line_that_cannot_be_is_refused(guarded: Object, command: object) -> None:
    try:
        denial = denial_of(await exec_door(guarded).review(exec_request(command)))
    except MalformedReviewError:
        return
    assert denial.code == 400


@pytest.mark.parametrize(
    "path", ["/.chaperone/shim", "//.chaperone//shim", "/x/../.chaperone/./shim", ".chaperone/shim"]
)
async def test_nobody_starts_the_shim_himself(guarded: Object, path: str) -> None:
    denial = denial_of(await exec_door(guarded).review(exec_request([path, "grant", "--", "sh"])))
    assert denial.code == 403
    assert denial.causes[0].reason == "ShimIsReserved"


@pytest.mark.parametrize("who", [UserInfo("alice"), *EXEMPT], ids=lambda who: who.username)
async def test_nobody_gets_into_the_recorder(guarded: Object, who: UserInfo) -> None:
    request = replace(exec_request(container="chaperone-recorder"), user_info=who)
    denial = denial_of(await exec_door(guarded).review(request))
    assert denial.causes[0].reason == "RecorderIsClosed"


@pytest.mark.parametrize("who", EXEMPT, ids=lambda who: who.username)
async def test_whom_nobody_asks_elsewhere_is_recorded_and_judged_here(guarded: Object, who: UserInfo) -> None:
    request = replace(exec_request(), user_info=who)
    grant = grant_of(command_of(await exec_door(guarded).review(request)))
    assert unseal((KEYS.seal_key,), grant.session, grant.sealed).identity.username == who.username
    assert denial_of(await exec_door(guarded, policy=Refuse()).review(request)).code == 403


async def test_a_pod_that_is_not_there_is_not_found() -> None:
    denial = denial_of(await exec_door().review(exec_request()))
    assert (denial.code, denial.reason, denial.message) == (404, "NotFound", 'pods "web" not found')


@pytest.mark.parametrize(
    ("owner", "labels", "remedy"),
    [
        (None, {}, "kubectl delete pod web -n payments"),
        (
            ("ReplicaSet", "shop-5d4f"),
            {"pod-template-hash": "5d4f"},
            "kubectl rollout restart deployment/shop -n payments",
        ),
        (("StatefulSet", "db"), {}, "kubectl rollout restart statefulset/db -n payments"),
        (("DaemonSet", "log"), {}, "kubectl rollout restart daemonset/log -n payments"),
        (("Job", "once"), {}, "kubectl delete pod web -n payments (its Job once replaces it)"),
    ],
)
async def test_a_pod_without_a_recorder_is_refused_with_the_remedy(
    owner: tuple[str, str] | None, labels: dict[str, str], remedy: str
) -> None:
    pod = plain_pod()
    pod["metadata"]["labels"] = labels
    if owner:
        pod["metadata"]["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    denial = denial_of(await exec_door(pod).review(exec_request()))
    assert denial.code == 403
    assert remedy in denial.message
    assert [cause.reason for cause in denial.causes] == ["NoRecorder", "Remedy"]
    assert remedy in denial.causes[1].message


async def test_a_container_that_another_webhook_added_too_late_is_refused(guarded: Object) -> None:
    guarded["spec"]["containers"].append({"name": "late", "image": "i"})
    denial = denial_of(await exec_door(guarded).review(exec_request(container="late")))
    assert denial.causes[0].reason == "ContainerNotGuarded"


@pytest.mark.parametrize("change", [{"readOnly": False}, {"subPath": "other"}, {"name": "x"}])
async def test_a_container_whose_shim_is_not_the_recorders_is_refused(
    guarded: Object, change: Object
) -> None:
    guarded["spec"]["containers"][0]["volumeMounts"][0].update(change)
    denial = denial_of(await exec_door(guarded).review(exec_request()))
    assert denial.causes[0].reason == "ContainerNotGuarded"


@pytest.mark.parametrize("value", ["", "AAAA", "%%%"])
async def test_a_recorder_of_another_root_is_refused(guarded: Object, value: str) -> None:
    pod = copy.deepcopy(guarded)
    for variable in pod["spec"]["initContainers"][0]["env"]:
        if variable["name"] == "CHAPERONE_ROOT_KEYS":
            variable["value"] = value
    assert denial_of(await exec_door(pod).review(exec_request())).causes[0].reason == "UnknownRoot"


@pytest.mark.parametrize("state", ["waiting", "terminated"])
async def test_a_recorder_that_does_not_run_is_named_with_its_logs(guarded: Object, state: str) -> None:
    statuses = [{"name": "chaperone-recorder", "state": {state: {"reason": "CrashLoopBackOff"}}}]
    guarded["status"] = {"initContainerStatuses": statuses}
    denial = denial_of(await exec_door(guarded).review(exec_request()))
    assert (denial.code, denial.causes[0].reason) == (403, "RecorderDown")
    assert "does not run (CrashLoopBackOff)" in denial.message
    assert "kubectl logs web -n payments -c chaperone-recorder" in denial.causes[1].message


@pytest.mark.parametrize(
    "statuses",
    [
        None,
        [{"name": "chaperone-recorder", "state": {"running": {}}}],
        [{"name": "chaperone-recorder"}],
        [{"name": "setup", "state": {"terminated": {"reason": "Completed"}}}],
    ],
)
async def test_a_recorder_of_which_nothing_bad_is_known_is_dialled(guarded: Object, statuses: object) -> None:
    guarded["status"] = {"initContainerStatuses": statuses}
    command_of(await exec_door(guarded).review(exec_request()))


async def test_a_cluster_that_does_not_answer_refuses(guarded: Object) -> None:
    denial = denial_of(await exec_door(error="the API server cannot be reached").review(exec_request()))
    assert (denial.code, denial.reason) == (503, "ServiceUnavailable")
    assert "the API server cannot be reached" in denial.message


async def test_an_identity_too_large_for_a_grant_is_refused(guarded: Object) -> None:
    request = exec_request()
    groups = tuple(f"group-{number}-{'x' * 200}" for number in range(1000))
    request = type(request)(
        **{name: getattr(request, name) for name in request.__struct_fields__ if name != "user_info"},
        user_info=type(request.user_info)("alice", groups=groups),
    )
    assert denial_of(await exec_door(guarded).review(request)).causes[0].reason == "GrantTooLarge"


class Refuse:
    def decide(self, question: Question) -> Decision:
        assert (question.argv, question.container) == (("sh",), "app")
        return Decision(
            action=Action.DENY,
            policy="p",
            rule="r",
            profile="strict",
            limits=Limits(),
            reason="not on Sundays",
        )


async def test_a_policy_can_refuse(guarded: Object) -> None:
    denial = denial_of(await exec_door(guarded, policy=Refuse()).review(exec_request()))
    assert "denied by rule r of policy p: not on Sundays" in denial.message


async def test_a_grant_says_by_which_rule_nothing_is_traced(guarded: Object) -> None:
    without = policies(policy(rule("audit", session={"tracing": "none"}), name="debugging"))
    grant = grant_of(command_of(await exec_door(guarded, policy=without).review(exec_request())))
    assert (grant.untraced, grant.traced) == ("debugging/rule", False)


async def test_the_command_line_is_not_repeated_in_a_refusal() -> None:
    door = exec_door(plain_pod())
    denial = denial_of(await door.review(exec_request(["pay", "4111111111111111"])))
    assert "4111" not in denial.message
