"""Containers' own programs: put under the shim where a pod asks for it, and judged as they were written."""

import copy
from typing import Any

import msgspec
import pytest
from policy_samples import policies, policy, rule
from reviews import (
    ROOT,
    SETTINGS,
    Object,
    apply,
    attach_door,
    body,
    injected,
    injected_request,
    injection_door,
    plain_pod,
    pod_door,
    pod_request,
)

from sidecar.contract.grants import argv_digest, verify_grant
from webhook.admission import review
from webhook.admission.injected import read_pod, without
from webhook.admission.telling import decision_event
from webhook.journal.making import Stamp
from webhook.policy.decision import Policy

pytestmark = pytest.mark.anyio
ASKED = "chaperone.dev/main-process"
APP: Object = {"name": "app", "image": "i", "command": ["/bin/app", "-v"], "args": ["serve"]}
SIDE: Object = {"name": "side", "image": "i", "command": ["/bin/side"]}


def asking(value: str, *containers: Object, **spec: Any) -> Object:
    pod = plain_pod(*(containers or (APP, SIDE)), **spec)
    pod["metadata"]["annotations"] = {ASKED: value}
    return pod


def command(pod: Object, index: int = 0) -> list[str]:
    return pod["spec"]["containers"][index]["command"]


async def refusal(pod: Object) -> tuple[str, str]:
    answer = await injection_door().review(pod_request(pod))
    assert answer.denial is not None
    return answer.denial.causes[0].reason, answer.denial.message


async def judged(pod: Object, **fields: Any) -> str:
    """The rule by which a pod is refused once it was injected; empty for one that may be."""
    answer = await pod_door().review(pod_request(pod, **fields))
    return answer.denial.causes[0].reason if answer.denial else ""


@pytest.mark.parametrize(("value", "under"), [("true", [True, True]), ("side", [False, True]), ("false", [])])
async def test_the_programs_asked_for_run_under_the_shim(value: str, under: list[bool]) -> None:
    pod = await injected(asking(value))
    for index, is_under in enumerate(under or [False, False]):
        assert (command(pod, index)[0] == "/.chaperone/shim") is is_under
    assert ("startupProbe" in pod["spec"]["initContainers"][0]) is bool(under)
    assert not await judged(pod)


async def test_the_grant_is_for_the_program_and_args_stay() -> None:
    pod = await injected(asking("app"))
    shim, token, flag, *own = command(pod)
    assert (shim, flag, own) == ("/.chaperone/shim", "--main", ["/bin/app", "-v"])
    assert pod["spec"]["containers"][0]["args"] == ["serve"]
    grant = verify_grant(token.encode(), roots=ROOT.roots, now=None)
    assert (grant.application, grant.namespace, grant.container) == (True, "payments", "app")
    assert grant.argv_digest == argv_digest([b"/bin/app", b"-v", b"serve"])


@pytest.mark.parametrize(
    ("word", "digest", "unbound"),
    [
        ("$(HOME)/x", argv_digest([b"/bin/app", b"-v", b""]), (2,)),
        ("costs $$5", argv_digest([b"/bin/app", b"-v", b"costs $5"]), ()),
        ("$(date)", argv_digest([b"/bin/app", b"-v", b"$(date)"]), ()),
        ("$(WHO)", argv_digest([b"/bin/app", b"-v", b"till"]), ()),
    ],
)
async def test_what_the_kubelet_fills_in_is_bound_as_far_as_it_is_known(
    word: str, digest: bytes, unbound: tuple[int, ...]
) -> None:
    pod = await injected(asking("true", {**APP, "args": [word], "env": [{"name": "WHO", "value": "till"}]}))
    grant = verify_grant(command(pod)[1].encode(), roots=ROOT.roots, now=None)
    assert (grant.argv_digest, grant.unbound) == (digest, unbound)
    assert not await judged(pod)


async def test_a_variable_that_changes_afterwards_is_found() -> None:
    app: Object = {**APP, "args": ["$(WHO)"], "env": [{"name": "WHO", "value": "till"}]}
    pod = await injected(asking("true", app))
    pod["spec"]["containers"][0]["env"][0]["value"] = "other"
    assert await judged(pod) == "InjectionChanged"
    again = await injected(pod)
    assert command(again)[1] != command(pod)[1]
    assert not await judged(again)


async def test_init_containers_may_ask_too() -> None:
    pod = await injected(asking("setup", APP, initContainers=[{**SIDE, "name": "setup"}]))
    assert pod["spec"]["initContainers"][1]["command"][0] == "/.chaperone/shim"
    assert not await judged(pod)


async def test_a_pod_seen_again_keeps_its_grants() -> None:
    pod = await injected(asking("true"))
    assert await injected(pod) == pod
    later = copy.deepcopy(pod)
    later["spec"]["containers"][0]["args"] = ["other"]
    anew = await injected(later)
    assert command(anew)[1] != command(pod)[1]
    assert command(anew)[3:] == ["/bin/app", "-v"]
    assert command(anew, 1) == command(pod, 1)
    assert not await judged(anew)


@pytest.mark.parametrize("args", [["serve"], ["-c", "echo $$; serve"]])
async def test_a_grant_that_was_issued_to_somebody_else_is_not_kept(args: list[str]) -> None:
    theirs = await injected(asking("app", {**APP, "args": args, "stdin": True}))
    mallory = {"username": "mallory", "uid": "m", "groups": ["system:authenticated"]}
    taken = copy.deepcopy(theirs)
    answer = await injection_door().review(pod_request(taken, userInfo=mallory))
    own = apply(taken, answer)
    assert command(own)[0] == command(theirs)[0]
    assert command(own)[1] != command(theirs)[1]
    assert command(own)[2:] == command(theirs)[2:]
    assert await judged(theirs, userInfo=mallory) == "InjectionChanged"
    assert await judged(own, userInfo=mallory) == ""
    assert await judged(theirs) == ""


async def test_judges_see_the_command_as_it_was_written() -> None:
    written = asking("true", APP, SIDE, initContainers=[{"name": "setup", "image": "i"}])
    pod = read_pod((await injected_request(written)).object)
    assert msgspec.json.decode(without(pod, SETTINGS)) == written


async def test_a_program_that_only_the_image_knows_is_refused_and_told_what_to_do() -> None:
    rule, message = await refusal(asking("true", {"name": "app", "image": "i", "args": ["x"]}))
    assert rule == "NoCommand"
    assert "rite the image's ENTRYPOINT into command" in message


async def test_a_container_that_is_not_there_is_named() -> None:
    rule, message = await refusal(asking("ap"))
    assert rule == "UnknownContainer"
    assert "'ap'" in message


@pytest.mark.parametrize("path", ["/.chaperone/shim", "//.chaperone/./shim"])
@pytest.mark.parametrize("value", ["true", "false"])
async def test_nobody_else_writes_the_shim_into_a_command(path: str, value: str) -> None:
    rule, _ = await refusal(asking(value, {**APP, "command": [path, "grant", "--", "sh"]}))
    assert rule == "ShimIsReserved"


async def test_a_command_under_the_shim_needs_the_annotation() -> None:
    pod = await injected(asking("true"))
    del pod["metadata"]["annotations"][ASKED]
    assert (await refusal(pod))[0] == "ShimIsReserved"


def unwrapped(pod: Object) -> None:
    pod["spec"]["containers"][0]["command"] = ["/bin/app", "-v"]


def other_program(pod: Object) -> None:
    command(pod)[3] = "/bin/other"


def other_grant(pod: Object) -> None:
    command(pod)[1] = command(pod, 1)[1]


def forged(pod: Object) -> None:
    command(pod)[1] = command(pod)[1][:-8] + "AAAAAAAA"


def filled_in(pod: Object) -> None:
    command(pod).append("$(HOME)")


def terminal(pod: Object) -> None:
    pod["spec"]["containers"][0]["tty"] = True


def unprobed(pod: Object) -> None:
    del pod["spec"]["initContainers"][0]["startupProbe"]


@pytest.mark.parametrize(
    "meddle", [unwrapped, other_program, other_grant, forged, filled_in, terminal, unprobed]
)
async def test_what_another_webhook_changes_is_found(meddle: Any) -> None:
    pod = await injected(asking("true"))
    meddle(pod)
    assert await judged(pod) == "InjectionChanged"


async def test_a_grant_of_another_namespace_does_not_hold() -> None:
    pod = await injected(asking("true"))
    assert await judged(pod, namespace="other") == "InjectionChanged"
    answer = await injection_door().review(pod_request(pod, namespace="other"))
    assert command(apply(pod, answer))[1] != command(pod)[1]


async def attached(pod: Object, policy: Policy | None = None, **options: bool) -> str:
    """The rule by which an attach is refused; empty where it passes."""
    fields: Object = {"stdout": True, "container": "app", **options}
    request = review.decode_review(body(fields, operation="CONNECT", subresource="attach"))
    answer = await attach_door(pod, policy=policy).review(request)
    return answer.denial.causes[0].reason if answer.denial else ""


async def test_attach_without_input_shows_what_the_log_shows() -> None:
    masked, plain = await injected(asking("app")), await injected(asking("side"))
    assert await attached(masked) == ""
    assert await attached(masked, stdin=True) == "NotRecorded"
    assert await attached(plain) == "NotRecorded"
    deny = policies(policy(rule("deny", match={"doors": ["attach"]}, reason="because")))
    assert await attached(masked, deny) == "DeniedByPolicy"


def with_input(pod: Object) -> Object:
    pod = copy.deepcopy(pod)
    pod["spec"]["containers"][0]["stdin"] = True
    return pod


async def test_attach_with_input_passes_where_the_program_is_recorded() -> None:
    recorded = await injected(with_input(asking("app")))
    assert await attached(recorded, stdin=True) == ""
    assert await attached(recorded) == ""
    assert await attached(await injected(with_input(asking("side"))), stdin=True) == "NotRecorded"
    deny = policies(policy(rule("deny", match={"doors": ["attach"]}, reason="because")))
    assert await attached(recorded, deny, stdin=True) == "DeniedByPolicy"


async def test_attach_with_input_is_refused_where_something_may_lie_over_the_shim() -> None:
    pod = await injected(with_input(asking("app")))
    pod["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert await attached(pod, stdin=True) == "NotRecorded"


async def test_attach_with_input_is_refused_under_a_grant_for_a_program_without() -> None:
    pod = with_input(await injected(asking("app")))
    assert await attached(pod, stdin=True) == "NotRecorded"
    assert await judged(pod) == "InjectionChanged"


async def test_the_event_of_an_attach_says_whether_it_is_recorded() -> None:
    request = review.decode_review(
        body({"stdin": True, "container": "app"}, operation="CONNECT", subresource="attach")
    )
    answer = await attach_door(await injected(with_input(asking("app")))).review(request)
    event = decision_event(
        Stamp("01m832m2k51txt3p6xc07150ka", 1, "us"), "attach", request, answer, own="ours"
    )
    assert (event.where.name, event.where.container) == (request.name, "app")
    assert event.details == {"stdin": "true", "recorded": "true"}


async def test_what_only_looks_like_the_shim_is_no_masked_log() -> None:
    pod = await injected(asking("app"))
    pod["spec"]["containers"][0]["volumeMounts"] = []
    assert await attached(pod) == "NotRecorded"
