"""Policies at the doors, over HTTP: what is let in, what is refused and in which words."""

import base64
import datetime as dt
import json
import logging
from typing import Any, cast

import msgspec
import pytest
from httpish import Asgi
from policy_samples import BUILTIN, Object, policy, question, rule
from reviews import KEYS, Namespaces, body, exec_door, injected, plain_pod, pod_door

from sidecar.contract.grants import MaskingRule, verify_grant
from sidecar.contract.sealing import Sealed, unseal
from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.kube.api import MERGE_PATCH, KubeApi, Reply
from webhook.policy.active import ActivePolicies, State
from webhook.server.doors import doors_app
from webhook.server.policies import Condition, PolicyKeeper, conditions

pytestmark = pytest.mark.anyio
KIND = {"group": "chaperone.dev", "version": "v1alpha1", "kind": "GuardPolicy"}
RESOURCE = {"group": "chaperone.dev", "version": "v1alpha1", "resource": "guardpolicies"}
TOKEN = {"name": "token", "pattern": "tok_[0-9]{8}", "positive": ["tok_12345678 "], "negative": ["tok"]}


def stored(document: Object, generation: int = 1, **status: Any) -> bytes:
    """Give a policy as the API server stores it."""
    metadata = {**document["metadata"], "uid": "u", "generation": generation, "resourceVersion": "7"}
    return msgspec.json.encode({**document, "metadata": metadata, "status": status})


def active(*documents: Object, audit: bool = False) -> ActivePolicies:
    policies = ActivePolicies(otherwise=BUILTIN, audit=audit)
    policies.take({document["metadata"]["name"]: stored(document) for document in documents})
    return policies


async def review(policies: ActivePolicies, command: list[str], **options: object) -> dict[str, Any]:
    """Give the response to an exec."""
    door = exec_door(await injected(plain_pod()), policy=policies)
    app = Asgi(doors_app({"exec": door}, lambda: None))
    review = body({"command": command, **options}, operation="CONNECT", subresource="exec")
    status, answer = await app.post("/v1/exec", review)
    assert status == 200
    return json.loads(answer)["response"]


def granted(response: dict[str, Any]) -> tuple[Any, Sealed]:
    """Give the grant of a response, and what is sealed in it."""
    [step] = json.loads(base64.b64decode(response["patch"]))
    grant = verify_grant(step["value"][1].encode(), roots=KEYS.roots, now=None)
    return grant, unseal((KEYS.seal_key,), grant.session, grant.sealed)


async def test_without_policies_everything_is_recorded() -> None:
    _, sealed = granted(await review(active(), ["sh"]))
    assert (sealed.decision.action, sealed.decision.policy, sealed.decision.would) == (
        "audit",
        "builtin",
        None,
    )


async def test_deny_refuses_and_says_who_and_why() -> None:
    policies = active(
        policy(rule(name="no-rm", reason="nothing is removed", match={"argv": [{"prefix": ["rm"]}]}))
    )
    status = (await review(policies, ["rm", "4111111111111111"]))["status"]
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert "denied by rule no-rm of policy test: nothing is removed" in status["message"]
    assert [cause["reason"] for cause in status["details"]["causes"]] == ["DeniedByPolicy", "Remedy"]
    assert "4111" not in json.dumps(status)
    assert (await review(policies, ["ls"]))["allowed"] is True


async def test_approve_refuses_for_now_and_says_that_it_needs_an_approval() -> None:
    response = await review(
        active(policy(rule("approve", name="shells", reason="shells do anything"))), ["sh"]
    )
    assert response["allowed"] is False
    message = response["status"]["message"]
    assert "needs a human's approval, says rule shells of policy test: shells do anything" in message
    assert "kubectl patch approvalrequests exec-" in message
    assert response["status"]["details"]["causes"][0]["reason"] == "ApprovalNeeded"


@pytest.mark.parametrize("whole", [False, True])
async def test_audit_mode_refuses_nothing_and_notes_what_it_would(
    whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tried = policy(rule(name="no"), mode="enforce" if whole else "audit")
    _, sealed = granted(await review(active(tried, audit=whole), ["sh"]))
    assert (sealed.decision.action, sealed.decision.would) == ("audit", "deny by test/no")
    [fields] = [record.__dict__["fields"] for record in caplog.records if record.message == "review"]
    assert fields["would"] == "deny by test/no"


async def test_terms_and_masking_rules_travel_in_the_grant() -> None:
    session = {
        "profile": "strict",
        "limits": {"idleSeconds": 60},
        "maskingRules": [{**TOKEN, "show": "last4"}],
    }
    grant, sealed = granted(
        await review(active(policy(rule("allow", name="terms", session=session))), ["sh"])
    )
    assert (grant.profile, grant.limits.idle_seconds, grant.limits.total_seconds) == ("strict", 60, 28800)
    assert grant.rules == (MaskingRule("token", "tok_[0-9]{8}", last_four=True),)
    assert (sealed.decision.action, sealed.decision.rule) == ("allow", "terms")


async def test_labels_of_namespace_and_pod_are_known() -> None:
    labelled = {"namespaceLabels": {"tier": "gold"}, "labels": {"chaperone.dev/guarded": "true"}}
    policies = active(policy(rule(match=labelled)))
    assert (await review(policies, ["sh"]))["allowed"] is True
    door = exec_door(await injected(plain_pod()), policy=policies, namespaces=Namespaces({"tier": "gold"}))
    app = Asgi(doors_app({"exec": door}, lambda: None))
    _, answer = await app.post("/v1/exec", body({"command": ["sh"]}, operation="CONNECT", subresource="exec"))
    assert json.loads(answer)["response"]["allowed"] is False


@pytest.mark.parametrize("action", ["approve", "deny"])
async def test_pods_are_judged(action: str) -> None:
    policies = active(policy(rule(action, match={"doors": ["pod"], "privileged": True})))
    app = Asgi(doors_app({"pods": pod_door(policies)}, lambda: None))
    for spec, allowed in (({}, True), ({"hostPID": True}, False)):
        pod = await injected(plain_pod(**spec))
        _, answer = await app.post("/v1/pods", body(pod, operation="CREATE"))
        assert json.loads(answer)["response"]["allowed"] is allowed


async def test_nothing_is_decided_before_the_policies_are_known() -> None:
    response = await review(ActivePolicies(otherwise=BUILTIN, audit=False), ["sh"])
    assert response["status"]["code"] == 503
    assert "policies are not known yet" in response["status"]["message"]


async def test_a_broken_policy_is_refused_and_a_good_one_let_in() -> None:
    app = Asgi(doors_app({"guardpolicies": GuardPolicyDoor()}, lambda: None))
    good = policy(rule(match={"cel": "tty"}), cases=[{"name": "c", "ask": {"door": "exec"}, "action": None}])
    lying = policy(rule(), cases=[{"name": "c", "ask": {"door": "exec"}, "action": "allow"}])
    broken = policy(rule(match={"cel": "tty +"}))
    misspelt = policy(rule(match={"user": ["x"]}))
    for document, said in (
        (good, ""),
        (lying, "expected allow"),
        (broken, "no CEL"),
        (misspelt, "unknown field"),
    ):
        review = body(document, operation="CREATE", name="p", kind=KIND, resource=RESOURCE)
        _, answer = await app.post("/v1/guardpolicies", review)
        response = json.loads(answer)["response"]
        assert response["allowed"] is not bool(said)
        assert said in response.get("status", {}).get("message", "")


def test_the_last_good_version_stays() -> None:
    policies, good, broken = active(), policy(rule(name="good")), policy(rule(match={"cel": "("}))
    [state] = policies.take({"test": stored(good)})
    assert (state.error, state.active) == ("", True)
    [state] = policies.take({"test": stored(broken, generation=2)})
    assert "no CEL" in state.error
    assert state.active
    assert policies.decide(question()).rule == "good"
    [state] = policies.take({"test": stored(broken, generation=3)})
    assert policies.decide(question()).rule == "good"
    assert policies.take({}) == []
    assert policies.decide(question()) == BUILTIN
    [state] = policies.take({"test": stored(broken, generation=4)})
    assert not state.active
    assert policies.decide(question()) == BUILTIN


def test_the_last_good_version_outlives_who_knew_it() -> None:
    good, broken = policy(rule(name="good")), policy(rule(match={"cel": "("}))
    before = active()
    before.take({"test": stored(good)})
    [state] = before.take({"test": stored(broken, generation=2)})
    assert json.loads(state.good) == good["spec"]
    kept = stored(broken, generation=2, lastGood={"spec": state.good})
    after = active()
    [state] = after.take({"test": kept})
    assert (state.active, json.loads(state.good)) == (True, good["spec"])
    assert after.decide(question()).rule == "good"
    [state] = after.take({"test": stored(policy(rule(name="mended")), generation=3)})
    assert (state.good, after.decide(question()).rule) == ("", "mended")


def test_who_started_too_early_learns_of_the_last_good_version() -> None:
    good, broken, policies = policy(rule(name="good")), policy(rule(match={"cel": "("})), active()
    [state] = policies.take({"test": stored(broken, generation=2)})
    assert not state.active
    spec = json.dumps(good["spec"])
    [state] = policies.take({"test": stored(broken, generation=2, lastGood={"spec": spec})})
    assert state.active
    assert policies.decide(question()).rule == "good"


@pytest.mark.parametrize(
    "spec", ["", "{", "[]", '{"rules": []}', '{"rules": [{"name": "x", "action": "y"}]}']
)
def test_what_is_no_good_version_is_none(spec: str) -> None:
    policies = active()
    [state] = policies.take({"test": stored(policy(rule(match={"cel": "("})), lastGood={"spec": spec})})
    assert (state.active, state.good) == (False, "")
    assert policies.decide(question()) == BUILTIN


class ApiOfPolicies:
    """An API server that takes what is written into the status of policies."""

    def __init__(self) -> None:
        self.written: list[Object] = []

    def request(self, method: str, path: str, *, body: Object, content_type: str) -> Reply:
        assert (method, content_type) == ("PATCH", MERGE_PATCH)
        assert path.endswith("/guardpolicies/test/status")
        self.written.append(body["status"])
        return Reply(200, b"{}")


def test_the_status_keeps_the_last_good_version_while_it_decides() -> None:
    api, good = ApiOfPolicies(), policy(rule(name="good"))
    keeper = PolicyKeeper(cast("KubeApi", api), active(), clock=lambda: NOON)
    keeper.listed([msgspec.Raw(stored(good))])
    assert api.written[-1]["lastGood"] is None
    keeper.changed(msgspec.Raw(stored(policy(rule(match={"cel": "("})), generation=2)))
    kept = api.written[-1]
    assert json.loads(kept["lastGood"]["spec"]) == good["spec"]
    assert [one["status"] for one in kept["conditions"]] == ["False", "True"]
    written = len(api.written)
    after = PolicyKeeper(cast("KubeApi", api), active(), clock=lambda: NOON)
    after.listed([msgspec.Raw(stored(policy(rule(match={"cel": "("})), generation=2, **kept))])
    assert len(api.written) == written
    after.changed(msgspec.Raw(stored(good, generation=3, **kept)))
    assert api.written[-1]["lastGood"] is None


NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def test_conditions_tell_since_when() -> None:
    first = conditions(State("p", 1, "7"), (), now=NOON)
    assert [(c.type, c.status, c.last_transition_time) for c in first] == [
        ("Compiled", "True", "2026-03-02T12:00:00Z"),
        ("Active", "True", "2026-03-02T12:00:00Z"),
    ]
    later = NOON + dt.timedelta(hours=1)
    assert conditions(State("p", 1, "8"), first, now=later) == first
    compiled, still = conditions(State("p", 2, "9", "p: broken"), first, now=later)
    assert (compiled.status, compiled.message, compiled.last_transition_time) == (
        "False",
        "p: broken",
        "2026-03-02T13:00:00Z",
    )
    assert (still.status, still.reason, still.last_transition_time) == (
        "True",
        "LastGoodVersion",
        "2026-03-02T12:00:00Z",
    )
    none = conditions(State("p", 2, "9", "p: broken", active=False), (), now=later)[1]
    assert isinstance(none, Condition)
    assert (none.status, none.reason) == ("False", "NoGoodVersion")


def test_what_has_no_effect_is_a_condition_as_long_as_it_has_none() -> None:
    policies = active()
    written = policy(rule(match={"doors": ["webhook-configuration"]}))
    [state] = policies.take({"test": stored(written)})
    [*_, reached] = conditions(state, (), now=NOON)
    assert (reached.type, reached.status, reached.reason) == ("Reached", "False", "DoorNeverAsked")
    assert "rule rule is never asked at webhook-configuration" in reached.message
    [state] = policies.take({"test": stored(policy(rule()), generation=2)})
    assert [one.type for one in conditions(state, (), now=NOON)] == ["Compiled", "Active"]
