"""Own programs of which all that they show is recorded, because their pod or a policy asks for it."""

from typing import Any

import pytest
from policy_samples import Object, policies, policy, rule
from reviews import ROOT, attach_door, body, injected, injection_door, plain_pod, pod_door, pod_request

from sidecar.contract.grants import verify_grant
from webhook.admission import review
from webhook.admission.telling import decision_event
from webhook.journal.making import Stamp
from webhook.policy.decision import Policy

pytestmark = pytest.mark.anyio
APP: Object = {"name": "app", "image": "i", "command": ["/bin/app"]}
SIDE: Object = {"name": "side", "image": "i", "command": ["/bin/side"]}
TAKES: Object = {"name": "takes", "image": "i", "command": ["/bin/takes"], "stdin": True}
FIRST: Object = {"name": "first", "image": "i", "command": ["/bin/first"]}


def a_pod(annotation: str) -> Object:
    pod = plain_pod(APP, SIDE, TAKES, initContainers=[FIRST])
    pod["metadata"]["annotations"] = {"chaperone.dev/main-process": annotation}
    return pod


def saying(*main_processes: Object) -> Policy:
    rules = [rule("audit", name="sessions", match={"doors": ["exec"]})] + [
        rule("audit", name=f"rule-{number}", match={"doors": ["pod"]}, mainProcess=one)
        for number, one in enumerate(main_processes)
    ]
    return policies(policy(*rules))


def contents(pod: Object) -> dict[str, bool]:
    """Whether content is recorded, of each container whose program runs under the shim."""
    containers = [*pod["spec"]["initContainers"][1:], *pod["spec"]["containers"]]
    return {
        one["name"]: verify_grant(one["command"][1].encode(), roots=ROOT.roots, now=None).content
        for one in containers
        if one["command"][0] == "/.chaperone/shim"
    }


async def judged(pod: Object, asked: Policy | None = None) -> str:
    answer = await pod_door(asked).review(pod_request(pod))
    return answer.denial.causes[0].reason if answer.denial else ""


TOLD, EVERY = {"containers": ["app"], "recorded": True}, {"recorded": True}


@pytest.mark.parametrize(
    ("annotation", "asked", "recorded", "others"),
    [
        ("true", saying(), "takes", "app side"),
        ("recorded", saying(), "app side takes", ""),
        ("app=recorded, side", saying(), "app", "side"),
        ("side,app=recorded,side=recorded,first=recorded", saying(), "app side first", ""),
        ("false", saying(EVERY), "app side takes", ""),
        ("side", saying({"containers": ["a*", "first"], "recorded": True}), "app first", "side"),
        ("false", saying({}, TOLD), "app takes", "side"),
        ("app=recorded", saying({}), "app takes", "side"),
    ],
)
async def test_annotation_and_policies_say_it_together(
    annotation: str, asked: Policy, recorded: str, others: str
) -> None:
    pod = await injected(a_pod(annotation), policy=asked)
    expected = dict.fromkeys(recorded.split(), True) | dict.fromkeys(others.split(), False)
    assert contents(pod) == expected
    assert not await judged(pod, asked)
    assert await injected(pod, policy=asked) == pod


@pytest.mark.parametrize("value", ["app=record", "recorded=app", "app=recorded=recorded", "=recorded"])
async def test_what_is_written_otherwise_is_refused_with_what_to_write(value: str) -> None:
    answer = await injection_door().review(pod_request(a_pod(value)))
    assert answer.denial is not None
    assert answer.denial.causes[0].reason == "UnknownContainer"
    assert "NAME=recorded" in answer.denial.message


@pytest.mark.parametrize(("before", "after"), [("true", "recorded"), ("recorded", "app=recorded,side,takes")])
async def test_a_grant_for_less_or_more_than_is_recorded_is_not_kept(before: str, after: str) -> None:
    pod = await injected(a_pod(before))
    pod["metadata"]["annotations"]["chaperone.dev/main-process"] = after
    assert await judged(pod) == "InjectionChanged"
    assert not await judged(await injected(pod))


async def attached(pod: Object, container: str, **options: bool) -> tuple[str, Object]:
    """The rule by which an attach is refused, empty where it passes, and what its audit event tells."""
    fields: Object = {"stdout": True, "container": container, **options}
    request = review.decode_review(body(fields, operation="CONNECT", subresource="attach"))
    answer = await attach_door(pod).review(request)
    event = decision_event(
        Stamp("01m832m2k51txt3p6xc07150ka", 1, "us"), "attach", request, answer, own="ours"
    )
    details: Any = event.details
    return (answer.denial.causes[0].reason if answer.denial else ""), details


async def test_the_event_of_an_attach_says_whether_what_it_shows_is_recorded() -> None:
    pod = await injected(a_pod("app=recorded,side,takes"))
    assert await attached(pod, "app") == ("", {"recorded": "true"})
    assert await attached(pod, "side") == ("", {"unrecorded": "true"})
    assert await attached(pod, "takes") == ("", {"recorded": "true"})
    assert (await attached(pod, "app", stdin=True))[0] == "NotRecorded"
