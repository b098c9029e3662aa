"""Policies that say whose own programs run under the shim, and how what they write is masked."""

from typing import Any

import pytest
from policy_samples import Object, policies, policy, rule
from reviews import ROOT, Images, injected, injection_door, plain_pod, pod_door, pod_request

from sidecar.contract.grants import Grant, MaskingRule, verify_grant
from webhook.policy.decision import Policy
from webhook.registry.manifests import Program

pytestmark = pytest.mark.anyio
APP: Object = {"name": "app", "image": "i", "command": ["/bin/app"]}
SIDE: Object = {"name": "side", "image": "i", "command": ["/bin/side"]}
FIRST: Object = {"name": "first", "image": "i", "command": ["/bin/first"]}
ACCOUNT: Object = {
    "name": "account",
    "pattern": "ACC-[0-9]{8}",
    "show": "last4",
    "positive": ["from ACC-12345678 to"],
    "negative": ["ACC-12"],
}


def logs(*containers: str, name: str = "logs", **fields: Any) -> Object:
    """A rule about new pods, whose logs are masked."""
    main: Object = {"containers": list(containers)} if containers else {}
    match = {"doors": ["pod"], **fields.pop("match", {})}
    return rule("audit", name=name, match=match, mainProcess=main, **fields)


def saying(*rules: Object, **spec: Any) -> Policy:
    return policies(policy(*rules, **spec))


def a_pod(annotation: str | None = None, **metadata: Any) -> Object:
    pod = plain_pod(APP, SIDE, initContainers=[FIRST])
    pod["metadata"].update(metadata)
    if annotation is not None:
        pod["metadata"]["annotations"] = {"chaperone.dev/main-process": annotation}
    return pod


def under_shim(pod: Object) -> set[str]:
    containers = [*pod["spec"]["initContainers"][1:], *pod["spec"]["containers"]]
    return {one["name"] for one in containers if one["command"][0] == "/.chaperone/shim"}


def grant_of(pod: Object, index: int = 0) -> Grant:
    token = pod["spec"]["containers"][index]["command"][1]
    return verify_grant(token.encode(), roots=ROOT.roots, now=None)


async def judged(pod: Object, asked: Policy) -> str:
    """The rule by which a pod is refused once it was injected; empty for one that may be."""
    answer = await pod_door(asked).review(pod_request(pod))
    return answer.denial.causes[0].reason if answer.denial else ""


@pytest.mark.parametrize(
    ("rules", "annotation", "expected"),
    [
        ([logs()], None, {"app", "side"}),
        ([logs()], "false", {"app", "side"}),
        ([logs("app")], "false", {"app"}),
        ([logs("app")], "side", {"app", "side"}),
        ([logs("app"), logs("f*", name="b")], None, {"app", "first"}),
        ([logs("*")], None, {"app", "side", "first"}),
        ([logs("chaperone-*", "none")], None, set[str]()),
        ([logs(match={"labels": {"app": "till"}})], None, {"app", "side"}),
        ([logs(match={"labels": {"app": "other"}})], None, set[str]()),
        ([logs(match={"namespaces": ["pay*"]})], "app", {"app", "side"}),
    ],
)
async def test_policies_and_annotation_say_it_together(
    rules: list[Object], annotation: str | None, expected: set[str]
) -> None:
    asked = saying(*rules)
    pod = await injected(a_pod(annotation, labels={"app": "till"}), policy=asked)
    assert under_shim(pod) == expected
    assert ("startupProbe" in pod["spec"]["initContainers"][0]) is bool(expected)
    assert not await judged(pod, asked)
    assert await injected(pod, policy=asked) == pod


async def test_a_policy_in_audit_mode_puts_nothing_under_the_shim() -> None:
    asked = saying(logs(), mode="audit")
    pod = await injected(a_pod(), policy=asked)
    assert under_shim(pod) == set()
    assert not await judged(pod, asked)


async def test_what_a_rule_wants_and_cannot_be_names_the_rule_and_what_to_write() -> None:
    pod = plain_pod({"name": "app", "image": "i"})
    answer = await injection_door(policy=saying(logs())).review(pod_request(pod))
    assert answer.denial is not None
    assert answer.denial.causes[0].reason == "NoCommand"
    assert "rule logs of policy test" in answer.denial.message
    assert "into command" in answer.denial.causes[1].message


async def test_an_image_is_asked_for_a_policy_too() -> None:
    pod = plain_pod({"name": "app", "image": "till"})
    found = await injected(pod, Images(till=Program(("/bin/till",))), saying(logs()))
    assert found["spec"]["containers"][0]["command"][3:] == ["/bin/till"]


async def test_the_grant_carries_profile_and_rules_of_the_pods_policies() -> None:
    session = {"profile": "modern", "maskingRules": [ACCOUNT]}
    asked = saying(logs(session=session), rule("audit", name="sessions", match={"doors": ["exec"]}))
    pod = await injected(a_pod(), policy=asked)
    grant = grant_of(pod)
    assert grant.rules == (MaskingRule("account", "ACC-[0-9]{8}", last_four=True),)
    assert grant.profile == "modern"
    assert not await judged(pod, asked)


async def test_annotated_pods_are_masked_by_rules_about_pods() -> None:
    asked = saying(rule("allow", match={"doors": ["pod"]}, session={"maskingRules": [ACCOUNT]}))
    assert [one.name for one in grant_of(await injected(a_pod("app"), policy=asked)).rules] == ["account"]


async def test_a_grant_of_a_time_with_other_rules_is_not_taken_over() -> None:
    before, now = saying(logs()), saying(logs(session={"maskingRules": [ACCOUNT]}))
    pod = await injected(a_pod(), policy=before)
    assert await judged(pod, now) == "InjectionChanged"
    again = await injected(pod, policy=now)
    assert grant_of(again).rules
    assert not await judged(again, now)


async def test_what_a_policy_wants_is_found_missing_once_nobody_changes_the_pod() -> None:
    pod = await injected(a_pod("app"), policy=policies())
    assert await judged(pod, saying(logs())) == "InjectionChanged"
    assert await judged(pod, saying(logs("app"))) == ""
