"""Debug containers under the shim: put there, judged as they were written, refused where they cannot be."""

from typing import Any

import pytest
from approvals import APPROVE, BOB, NOW, MemoryTickets, approving
from policy_samples import Object, policies, policy, rule
from reviews import (
    NOW_SECONDS,
    ROOT,
    Images,
    apply,
    attach_door,
    body,
    debug_injection_door,
    ephemeral_door,
    exec_door,
    exec_request,
    injected,
    plain_pod,
)

from sidecar.contract.grants import Grant, verify_grant
from sidecar.masking import Profile
from webhook.admission import review
from webhook.admission.review import Answer, PatchOperation, Request
from webhook.approvals import verdicts
from webhook.policy.decision import Policy
from webhook.registry.manifests import Program

pytestmark = pytest.mark.anyio
SHELL = {"name": "app", "image": "i", "command": ["sh"], "stdin": True}


def debugger(name: str = "debugger", **fields: Any) -> Object:
    return {"name": name, "image": "busybox", "command": ["sh"], **fields}


def request_of(after: Object, stored: Object) -> Request:
    return review.decode_review(
        body(after, operation="UPDATE", subresource="ephemeralcontainers", oldObject=stored)
    )


def holding(pod: Object, *ephemeral: Object) -> Object:
    return {**pod, "spec": {**pod["spec"], "ephemeralContainers": list(ephemeral)}}


async def put_under(pod: Object, *added: Object, policy: Policy | None = None) -> Object:
    """Give the pod as it would be once the mutating door has had it."""
    after = holding(pod, *pod["spec"].get("ephemeralContainers", ()), *added)
    answer = await debug_injection_door(policy).review(request_of(after, pod))
    assert answer.denial is None
    return apply(after, answer) if answer.patch else after


async def judged(after: Object, pod: Object, policy: Policy | None = None, asking: Any = None) -> Answer:
    return await ephemeral_door(policy, asking).review(request_of(after, pod))


async def guarded(**spec: Any) -> Object:
    return await injected(plain_pod(SHELL, {"name": "db", "image": "i"}, **spec))


def grant_of(container: Object) -> Grant:
    return verify_grant(container["command"][1].encode(), roots=ROOT.roots, now=NOW_SECONDS)


async def test_the_command_begins_with_the_shim_and_a_grant_for_it_alone() -> None:
    pod = await guarded()
    after = await put_under(pod, debugger(args=["-l"], tty=True, stdin=True))
    [added] = after["spec"]["ephemeralContainers"]
    shim, _, flag, *own = added["command"]
    assert (shim, flag, own, added["args"]) == ("/.chaperone/shim", "--", ["sh"], ["-l"])
    assert added["volumeMounts"] == [
        {"name": "chaperone-debug", "mountPath": "/.chaperone", "readOnly": True}
    ]
    assert "subPath" not in added["volumeMounts"][0], "the API server refuses it in an ephemeral container"
    grant = grant_of(added)
    assert (grant.container, grant.pod_uid, grant.tty) == ("debugger", "pod-uid-1", True)
    assert grant.expires_at - grant.issued_at == 600
    answer = await judged(after, pod)
    assert answer.allowed
    assert answer.noted.session == grant.session
    assert answer.noted.argv == ("sh", "-l")


@pytest.mark.parametrize(
    ("given", "command", "args"),
    [
        ({}, ["/bin/busybox", "sh"], ["-l"]),
        ({"args": ["-c", "id"]}, ["/bin/busybox", "sh"], ["-c", "id"]),
        ({"image": "without-entrypoint"}, ["sh"], ["-i"]),
    ],
)
async def test_one_without_a_command_runs_what_its_image_starts(
    given: Object, command: list[str], args: list[str]
) -> None:
    images = Images(
        **{
            "busybox": Program(("/bin/busybox", "sh"), ("-l",)),
            "without-entrypoint": Program((), ("sh", "-i")),
        }
    )
    pod = await guarded()
    asked = {key: value for key, value in debugger(**given).items() if key != "command"}
    after = holding(pod, asked)
    after = apply(after, await debug_injection_door(images=images).review(request_of(after, pod)))
    [added] = after["spec"]["ephemeralContainers"]
    assert (added["command"][0], added["command"][2:]) == ("/.chaperone/shim", ["--", *command])
    assert added["args"] == args
    answer = await judged(after, pod)
    assert answer.allowed
    assert answer.noted.argv == (*command, *args)
    again = await debug_injection_door(images=images).review(request_of(after, pod))
    assert apply(after, again)["spec"]["ephemeralContainers"][0]["command"][2:] == ["--", *command]
    assert images.asked == 1


async def test_an_image_brings_no_shim_of_its_own() -> None:
    images = Images(busybox=Program(("/.chaperone/shim", "a grant", "--", "sh"), ()))
    pod = await guarded()
    after = holding(pod, {"name": "debugger", "image": "busybox"})
    after = apply(after, await debug_injection_door(images=images).review(request_of(after, pod)))
    answer = await judged(after, pod)
    assert answer.denial is not None
    assert "is not under the shim as Chaperone put it there" in answer.denial.message


async def test_own_mounts_stay_and_nothing_comes_twice() -> None:
    pod = await guarded(volumes=[{"name": "data", "emptyDir": {}}])
    own = {"name": "data", "mountPath": "/data"}
    once = await put_under(pod, debugger(volumeMounts=[own]))
    again = await debug_injection_door().review(request_of(once, pod))
    [first] = once["spec"]["ephemeralContainers"]
    [second] = apply(once, again)["spec"]["ephemeralContainers"]
    assert [mount["name"] for mount in second["volumeMounts"]] == ["data", "chaperone-debug"]
    assert second["command"][2:] == first["command"][2:]
    assert (await judged(apply(once, again), pod)).allowed


async def test_what_is_there_already_is_left_alone() -> None:
    pod = await put_under(await guarded(), debugger("first"))
    after = await put_under(pod, debugger("second"))
    first, second = after["spec"]["ephemeralContainers"]
    assert first == pod["spec"]["ephemeralContainers"][0]
    assert grant_of(second).container == "second"
    assert (await judged(after, pod)).noted.session == grant_of(second).session
    assert (await debug_injection_door().review(request_of(pod, pod))).patch == ()


async def test_rules_and_approvers_see_what_was_asked_for() -> None:
    pod, tickets = await guarded(), MemoryTickets()
    ask = policies(policy(rule("approve", match={"argv": [{"exact": ["sh"]}]})))
    first = await judged(await put_under(pod, debugger(), policy=ask), pod, ask, approving(tickets))
    assert first.denial is not None
    assert first.noted.session == ""
    [ticket] = tickets.kept.values()
    assert "/.chaperone" not in repr(ticket.spec.shown)
    tickets.update(ticket, verdicts.decide(ticket, APPROVE, BOB, NOW))
    second = await put_under(pod, debugger(), policy=ask)
    passed = await judged(second, pod, ask, approving(tickets))
    assert passed.allowed, "another grant does not make it another request"
    assert passed.noted.approval == ticket.metadata.name
    assert passed.noted.session


async def test_rules_about_the_target_hold_in_the_session() -> None:
    pod = await guarded()
    strict = policies(
        policy(
            rule(
                "audit",
                match={"containers": ["db"]},
                session={"limits": {"idleSeconds": 60}, "profile": "strict"},
            ),
            rule(
                "audit",
                name="own",
                match={"containers": ["debugger"]},
                session={"limits": {"totalSeconds": 600}, "profile": "modern"},
            ),
            rule("audit", name="no", match={"containers": ["db"]}, commands={"deny": [{"prefix": ["rm"]}]}),
        )
    )
    [added] = (await put_under(pod, debugger(targetContainerName="db"), policy=strict))["spec"][
        "ephemeralContainers"
    ]
    grant = grant_of(added)
    assert (grant.limits.idle_seconds, grant.limits.total_seconds) == (60, 600)
    assert grant.profile == Profile.STRICT.value
    assert [one.rule for one in grant.commands] == ["test/no"]
    assert grant.traced
    denied = policies(policy(rule("deny", match={"containers": ["db"]})))
    after = await put_under(pod, debugger(targetContainerName="db"), policy=denied)
    assert not (await judged(after, pod, denied)).allowed
    assert (await judged(await put_under(pod, debugger(), policy=denied), pod, denied)).allowed


UNFIT = [
    ({"command": None}, "no command", "-- sh"),
    ({"command": None, "args": ["sh"]}, "no command", "--arguments-only"),
    ({"command": ["sh", "-c", "echo $(HOME)"]}, "fills in", "$NAME"),
    ({"securityContext": {"privileged": True}}, "is privileged", "--profile=baseline"),
    ({"securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}}}, "could trace", "--profile=baseline"),
    ({"securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}}, "could mount", "restricted"),
    (
        {"volumeMounts": [{"name": "data", "mountPath": "/.chaperone/x"}]},
        "Chaperone's",
        "leave that mount out",
    ),
    (
        {
            "volumeMounts": [
                {"name": "data", "mountPath": "/data"},
                {"name": "data", "mountPath": "/data/in"},
            ]
        },
        "inside another volume",
        "mount nothing inside another volume",
    ),
    (
        {"terminationMessagePath": "/.chaperone/shim"},
        "over what records",
        "leave terminationMessagePath out",
    ),
]


@pytest.mark.parametrize(("fields", "why", "remedy"), UNFIT)
async def test_what_cannot_be_recorded_is_refused_and_says_what_to_do(
    fields: Object, why: str, remedy: str
) -> None:
    pod = await guarded(volumes=[{"name": "data", "emptyDir": {}}])
    added = {key: value for key, value in debugger(**fields).items() if value is not None}
    after = await put_under(pod, added)
    assert after["spec"]["ephemeralContainers"] == [added], "nothing is put in that would not help"
    refused = await judged(after, pod)
    assert refused.denial is not None
    assert why in refused.denial.message
    assert remedy.lower() in refused.denial.message.lower()
    assert refused.denial.causes[0].reason == "NotRecorded"
    unrecorded = policies(policy(rule("audit", session={"recording": "none"})))
    passed = await judged(after, pod, unrecorded)
    assert passed.allowed
    assert passed.noted.session == ""


async def test_no_registry_is_asked_for_pods_that_cannot_record() -> None:
    images = Images(busybox=Program(("sh",), ()))
    pod = plain_pod(SHELL)
    after = holding(pod, {"name": "debugger", "image": "busybox"})
    assert await debug_injection_door(images=images).review(request_of(after, pod)) == Answer()
    assert not (await ephemeral_door(images=images).review(request_of(after, pod))).allowed
    assert images.asked == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "its registry is on fire"),
        ({"imagePullPolicy": "Never"}, "its image is never pulled"),
        ({"image": "late"}, "told it too late; do it again"),
    ],
)
async def test_the_refusal_of_one_without_a_command_says_why_its_image_told_nothing(
    given: Object, why: str
) -> None:
    pod = await guarded()
    after = holding(pod, {"name": "debugger", "image": "busybox", **given})
    refused = await ephemeral_door(images=Images(late=Program(("sh",), ()))).review(request_of(after, pod))
    assert refused.denial is not None
    assert "it is not known what its image starts: " in refused.denial.message
    assert why in refused.denial.message
    assert "-- sh" in refused.denial.message


async def test_pods_of_before_are_refused() -> None:
    older = await guarded()
    older["spec"]["volumes"] = [v for v in older["spec"]["volumes"] if v["name"] != "chaperone-debug"]
    for pod, why in ((plain_pod(SHELL), "has no recorder"), (older, "does not record debug containers")):
        refused = await judged(await put_under(pod, debugger()), pod)
        assert refused.denial is not None
        assert why in refused.denial.message
        assert "Create the pod anew" in refused.denial.message
        assert "kubectl delete pod web -n payments" in refused.denial.message


async def test_what_another_webhook_does_to_it_afterwards_is_seen() -> None:
    pod = await guarded()
    base = await put_under(pod, debugger())
    [added] = base["spec"]["ephemeralContainers"]
    other = await put_under(pod, debugger("other"))
    stolen = other["spec"]["ephemeralContainers"][0]["command"][1]
    for changed in (
        {**added, "command": [*added["command"], "-x"]},
        {key: value for key, value in {**added, "command": ["sh"]}.items() if key != "volumeMounts"},
        {**added, "command": ["/.chaperone/shim", stolen, "--", "sh"]},
        {**added, "command": ["/.chaperone/shim", "made-up", "--", "sh"]},
        {**added, "tty": True},
        {**added, "args": ["-c", "id"]},
        {key: value for key, value in added.items() if key != "volumeMounts"},
        {**added, "securityContext": {"privileged": True}},
    ):
        refused = await judged(holding(pod, changed), pod)
        assert refused.denial is not None, changed
        assert refused.denial.causes[0].reason == "NotRecorded"


async def test_nobody_mounts_the_volume_of_debug_containers_otherwise() -> None:
    pod = await guarded()
    for mount in (
        {"name": "chaperone-debug", "mountPath": "/x"},
        {"name": "chaperone-debug", "mountPath": "/.chaperone"},
    ):
        refused = await judged(await put_under(pod, debugger(volumeMounts=[mount])), pod)
        assert refused.denial is not None
        assert refused.denial.causes[0].reason == "RecorderIsClosed"


def attach(**options: Any) -> Request:
    fields = {"stdout": True, "stdin": True, "tty": True, **options}
    return review.decode_review(body(fields, operation="CONNECT", subresource="attach"))


async def test_attaching_to_one_with_input_is_attaching_to_its_session() -> None:
    pod = await put_under(await guarded(), debugger("look", tty=True, stdin=True, targetContainerName="db"))
    [added] = pod["spec"]["ephemeralContainers"]
    passed = await attach_door(pod).review(attach(container="look"))
    assert passed.allowed
    assert passed.noted.session == grant_of(added).session
    denied = policies(policy(rule("deny", match={"containers": ["db"]})))
    assert not (await attach_door(pod, policy=denied).review(attach(container="look"))).allowed
    refused = await attach_door(pod).review(attach(container="app"))
    assert refused.denial is not None
    assert refused.denial.causes[0].reason == "NotRecorded"


async def test_exec_into_one_is_recorded_as_elsewhere() -> None:
    pod = await put_under(await guarded(), debugger("look"))
    answer = await exec_door(pod).review(exec_request(["id"], container="look"))
    assert answer.allowed
    [step] = answer.patch
    assert isinstance(step, PatchOperation)
    assert "/.chaperone/shim" in str(step.value)
    plain = holding(await guarded(), debugger("look"))
    refused = await exec_door(plain).review(exec_request(["id"], container="look"))
    assert refused.denial is not None
    assert "is a debug container that is not recorded" in refused.denial.message
