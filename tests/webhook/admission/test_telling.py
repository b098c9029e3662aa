"""The audit event of an answer: what is told of it, and that it tells no card data."""

import os
from typing import Any

import msgspec
import pytest
from audit_event_samples import make_maker
from hypothesis import given
from hypothesis import strategies as st
from reviews import (
    KEYS,
    body,
    connection_door,
    exec_door,
    exec_request,
    injected,
    injected_request,
    object_door,
    object_request,
    plain_pod,
    pod_door,
    pod_request,
)

from sidecar.contract.grants import Limits, verify_grant
from sidecar.masking import Engine, Profile
from webhook.admission import review
from webhook.admission.denials import deny
from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.admission.review import Answer, Noted, Request
from webhook.admission.telling import decision_event, is_told
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.masked import masked
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Action, Decision, Judgement, Question

pytestmark = pytest.mark.anyio
MAKER = make_maker()
PAN = "4111111111111111"
MASKS = Engine.load(Profile.STRICT).masks()


class Says:
    """A policy that says the same to everything."""

    def __init__(self, action: Action, **fields: Any) -> None:
        self._decision = Decision(
            action=action, policy="pci-dss", rule="shells", profile="strict", limits=Limits(), **fields
        )

    def decide(self, question: Question) -> Decision:
        return self._decision


def told(request: Request, answer: Answer, name: str = "exec") -> AuditEvent:
    assert is_told(name, answer)
    event = decision_event(MAKER.stamp(), name, request, answer, own=MAKER.namespace)
    return masked(event, MASKS)[0]


async def test_a_session_that_may_start_is_told_with_everything_that_joins_it() -> None:
    door = exec_door(await injected(plain_pod()), policy=Says(Action.AUDIT, reason="shells are watched"))
    request = exec_request(["cat", "/etc/hosts"])
    event = told(request, await door.review(request))
    assert (event.kind, event.outcome) == (Kind.DECISION, Outcome.SUCCESS)
    assert event.actor == request.user_info.identity()
    assert event.where == Where(
        namespace="payments", resource="pods/exec", name="web", uid="pod-uid-1", container="app"
    )
    assert (event.door, event.operation) == ("exec", "CONNECT")
    assert event.asked == "exec into pod payments/web, container app"
    assert event.argv == ("cat", "/etc/hosts")
    assert (event.action, event.policy, event.rule) == ("audit", "pci-dss", "shells")
    assert (event.reason, event.request, event.dry_run) == ("shells are watched", "8d4f", False)
    assert len(event.session) == 26


async def test_the_session_told_is_the_session_granted() -> None:
    request = exec_request(["id"])
    answer = await exec_door(await injected(plain_pod())).review(request)
    [step] = answer.patch
    assert isinstance(step, review.PatchOperation)
    _, token, *_ = msgspec.convert(step.value, list[str])
    grant = verify_grant(token.encode(), roots=KEYS.roots, now=None)
    assert told(request, answer).session == grant.session


async def test_a_refusal_tells_why_and_by_which_rule() -> None:
    pod = await injected(plain_pod())
    request = exec_request(["sh"])
    event = told(request, await exec_door(pod, policy=Says(Action.DENY, reason="no shells")).review(request))
    assert (event.outcome, event.action, event.rule, event.session) == (Outcome.FAILURE, "deny", "shells", "")
    assert "no shells" in event.reason
    unguarded = await exec_door(plain_pod()).review(request)
    event = told(request, unguarded)
    assert (event.action, event.policy, event.rule) == ("", "", "NoRecorder")
    assert "has no recorder" in event.reason
    missing = told(request, await exec_door().review(request))
    assert (missing.rule, missing.outcome) == ("NotFound", Outcome.FAILURE)


async def test_what_waits_for_an_approval_names_it() -> None:
    request = exec_request(["sh"])
    pod = await injected(plain_pod())
    event = told(request, await exec_door(pod, policy=Says(Action.APPROVE)).review(request))
    assert (event.action, event.outcome) == ("approve", Outcome.FAILURE)
    assert event.approval.startswith("exec-")
    assert event.session == ""


async def test_injection_tells_of_refusals_alone() -> None:
    """In audit mode the door of pods tells what would have been refused."""
    would = Judgement(action=Action.DENY, policy="builtin", rule="ReservedMountPath")
    decision = Decision(
        action=Action.AUDIT,
        policy="builtin",
        rule="record-everything",
        profile="strict",
        limits=Limits(),
        would=would,
    )
    assert not is_told("injection", Answer(decision=decision))
    assert is_told("pods", Answer(decision=decision))
    assert is_told("injection", deny("x", why="y", remedy="z", rule="ReservedMountPath"))


async def test_audit_mode_and_broken_glass_are_carried() -> None:
    would = Judgement(action=Action.DENY, policy="pci-dss", rule="no-shells")
    door = exec_door(await injected(plain_pod()), policy=Says(Action.AUDIT, would=would, break_glass=True))
    request = exec_request(["sh"])
    event = told(request, await door.review(request))
    assert (event.would, event.details) == ("deny by pci-dss/no-shells", {"break_glass": "true"})


async def test_pods_are_told_where_a_policy_speaks_of_them_and_not_otherwise() -> None:
    request = await injected_request(plain_pod())
    assert not is_told("pods", await pod_door().review(request))
    event = told(request, await pod_door(Says(Action.AUDIT)).review(request), "pods")
    assert (event.where.resource, event.asked) == ("pods", "creation of pods payments/web")
    exempt = pod_request(plain_pod(), namespace="kube-system")
    assert not is_told("pods", await pod_door(Says(Action.AUDIT)).review(exempt))


async def test_a_name_that_the_api_server_completes_is_told_as_far_as_it_is_known() -> None:
    pod = plain_pod()
    pod["metadata"] = {"generateName": "batch-"}
    request = pod_request(pod, name="")
    event = told(request, await pod_door(Says(Action.DENY)).review(request), "pods")
    assert (event.where.name, event.asked) == ("batch-*", "creation of pods payments/batch-*")


async def test_policies_that_are_written_are_told_with_who_wrote_them() -> None:
    policy = {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": "mine"},
        "spec": {"rules": [{"name": "a", "action": "deny", "match": {"doors": ["exec"]}}]},
    }
    fields: dict[str, Any] = {
        "resource": {"group": "chaperone.dev", "version": "v1alpha1", "resource": "guardpolicies"},
        "namespace": "",
    }
    request = review.decode_review(body(policy, operation="CREATE", name="mine", **fields))
    event = told(request, await GuardPolicyDoor().review(request), "guardpolicies")
    assert (event.kind, event.outcome, event.actor.username) == (Kind.DECISION, Outcome.SUCCESS, "alice")
    assert event.asked == "creation of guardpolicies.chaperone.dev mine"
    policy["spec"] = {"rules": [{"name": "a", "action": "no such"}]}
    request = review.decode_review(body(policy, operation="CREATE", name="mine", **fields))
    event = told(request, await GuardPolicyDoor().review(request), "guardpolicies")
    assert (event.kind, event.outcome) == (Kind.POLICY_REFUSED, Outcome.FAILURE)


async def test_connections_are_told_with_where_they_lead_whatever_decides() -> None:
    builtin = RecordEverything(profile="strict", limits=Limits()).decision
    options = {"path": f"/pay?card={PAN}", "ports": [80, 443]}
    request = review.decode_review(body(options, operation="CONNECT", subresource="proxy"))
    event = told(request, Answer(decision=builtin, noted=Noted(approval="proxy-1")), "connections")
    assert (event.asked, event.door) == ("use of pods/proxy payments/web", "proxy")
    assert event.details == {"ports": "80,443", "path": "pay?card=411111******1111"}
    assert event.approval == "proxy-1"
    assert not is_told("connections", Answer())
    into_ours = review.decode_review(body({"command": ["sh"]}, operation="CONNECT", subresource="exec"))
    assert told(into_ours, Answer(decision=builtin), "connections").argv == ("sh",)


async def test_a_terminal_and_input_that_were_asked_for_are_told() -> None:
    request = exec_request(["sh"], tty=True, stdin=True)
    door = exec_door(await injected(plain_pod()), policy=Says(Action.DENY))
    assert told(request, await door.review(request)).details == {"tty": "true", "stdin": "true"}


@pytest.mark.parametrize(("kind", "resource"), [("Deployment", "deployments.apps"), ("Secret", "secrets")])
async def test_what_is_asked_of_our_own_namespace_is_told_at_the_door_of_chaperone(
    kind: str, resource: str
) -> None:
    changed = object_request(kind, resource, {"metadata": {"name": "web"}}, namespace="chaperone-system")
    event = told(changed, await object_door(Says(Action.DENY)).review(changed), "objects")
    assert (event.door, event.rule) == ("chaperone", "shells")
    elsewhere = object_request(kind, resource, {"metadata": {"name": "web"}})
    event = told(elsewhere, await object_door(Says(Action.DENY)).review(elsewhere), "objects")
    assert event.door == {"Deployment": "workload", "Secret": "secret"}[kind]
    entered = review.decode_review(
        body({"command": ["sh"]}, operation="CONNECT", subresource="exec", namespace="chaperone-system")
    )
    event = told(entered, await connection_door(Says(Action.DENY)).review(entered), "connections")
    assert (event.door, event.argv) == ("chaperone", ("sh",))


@pytest.mark.parametrize(
    "argv",
    [
        ["pay", PAN],
        ["pay", "4111", "1111", "1111", "1111"],
        ["sh", "-c", f"echo {PAN} > /tmp/x; echo cvv=123"],
        ["\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661"],
        ["x" * 3000, PAN, "é", PAN],
    ],
)
async def test_card_data_in_a_command_line_is_masked_argument_by_argument(argv: list[str]) -> None:
    request = exec_request(argv)
    event = told(request, await exec_door(await injected(plain_pod())).review(request))
    assert len(event.argv) == len(argv)
    assert PAN not in str(event)
    assert {"*", "\N{ARABIC FIVE POINTED STAR}"} & set("".join(event.argv))
    assert event.asked == "exec into pod payments/web, container app"


async def test_card_data_in_names_and_reasons_is_masked() -> None:
    request = exec_request(["id"])
    answer = deny("x", why=f"the pod is called {PAN}", remedy="no", rule="Odd")
    assert PAN not in told(request, answer).reason
    named = review.decode_review(body({"command": ["id"]}, operation="CONNECT", subresource="exec", name=PAN))
    assert PAN not in str(told(named, answer))


async def test_a_command_line_without_measure_is_cut() -> None:
    request = exec_request(["echo", *(["x" * 100] * 5000)])
    event = told(request, await exec_door(await injected(plain_pod())).review(request))
    assert sum(map(len, event.argv)) < 17_000
    assert event.argv[-1] == f"… {5001 - len(event.argv) + 1} arguments more"


_TEXT = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [PAN, "4111 1111", "\x1b[31m", ""]
)


@given(argv=st.lists(_TEXT, min_size=1, max_size=6), reason=_TEXT)
def test_masking_moves_no_text_into_another_field(argv: list[str], reason: str) -> None:
    request = exec_request(argv)
    answer = Answer(denial=review.Denial(reason), noted=Noted(session=os.urandom(4).hex()))
    event = told(request, answer)
    assert len(event.argv) == len(argv)
    masked = [*event.argv, event.reason]
    for before, after in zip([*argv, reason], masked, strict=True):
        assert len(before.encode()) == len(after.encode())
        changed = [(b, a) for b, a in zip(before, after, strict=False) if a != b]
        assert all(a == "*" for _, a in changed) or "*" in after


def test_what_policies_and_doors_are_silent_about_is_not_told() -> None:
    builtin = RecordEverything(profile="strict", limits=Limits()).decision
    assert not is_told("pods", Answer())
    assert not is_told("pods", Answer(decision=builtin))
    assert is_told("exec", Answer(decision=builtin, noted=Noted(session="s")))
