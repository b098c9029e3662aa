"""Policies on the real path: an unchanged kubectl meets what GuardPolicy objects say."""

import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, until
from pods import container, pod
from sessions import Audit, marker

Apply = Callable[..., str]


@pytest.fixture
def policy(admin: Kubectl) -> Iterator[Apply]:
    """Install a policy of these rules, wait until it is active, and take it away again."""
    made: list[str] = []

    def install(*rules: Object, **spec: object) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        made.append(name)
        admin.apply(document(name, *rules, **spec))
        until(lambda: is_active(admin, name), what=f"policy {name} active")
        return name

    yield install
    for name in made:
        admin.run("delete", "guardpolicy", name)


def document(name: str, *rules: Object, **spec: object) -> Object:
    return {
        "apiVersion": "chaperone.dev/v1alpha1",
        "kind": "GuardPolicy",
        "metadata": {"name": name},
        "spec": {"rules": list(rules), **spec},
    }


def is_active(admin: Kubectl, name: str) -> bool:
    status = admin.get("guardpolicy", name).get("status", {})
    return any(c["type"] == "Active" and c["status"] == "True" for c in status.get("conditions", []))


def about(mark: str) -> Object:
    """Match command lines that hold a marker, so that other tests are left alone."""
    return {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{mark}')"}


def echo(user: Kubectl, app: str, *words: str) -> Result:
    return user.try_("exec", "-n", NAMESPACE, app, "--", "echo", *words)


def settled(ask: Callable[[], Result], wanted: Callable[[Result], bool]) -> Result:
    """Ask until every replica follows the policy: the answer is the wanted one five times in a row."""
    last: list[Result] = []

    def is_settled() -> bool:
        last[:] = [ask() for _ in range(5)]
        return all(wanted(result) for result in last)

    until(is_settled, what="all replicas decide alike")
    return last[0]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("deny", "denied by rule no of policy"),
        ("approve", "needs a human's approval, says rule no of policy"),
    ],
)
def test_an_exec_is_refused_with_the_rule(
    agent_both: Kubectl, app: str, policy: Apply, action: str, said: str
) -> None:
    mark = marker()
    name = policy({"name": "no", "action": action, "reason": "because", "match": about(mark)})
    refused = settled(lambda: echo(agent_both, app, mark), lambda result: result.code != 0)
    assert said in refused.error
    assert name in refused.error
    assert ": because" in refused.error
    assert echo(agent_both, app, "other").text == "other\n"


def would(audit: Audit, mark: str) -> set[str]:
    """What audit mode did not enforce, of all sessions of a marker."""
    decisions = [session["spec"]["decision"] for session in audit.find(mark)]
    return {decision["would"] for decision in decisions if "would" in decision}


def test_audit_mode_lets_it_happen_and_records_what_it_would_have_done(
    agent: Kubectl, app: str, audit: Audit, policy: Apply
) -> None:
    mark = marker()
    name = policy({"name": "no", "action": "deny", "match": about(mark)}, mode="audit")
    until(lambda: echo(agent, app, mark).code == 0 and would(audit, mark), what="audit mode in the record")
    assert would(audit, mark) == {f"deny by {name}/no"}
    assert {session["spec"]["decision"]["action"] for session in audit.find(mark)} == {"audit"}


def test_a_policy_in_audit_mode_stands_beside_one_that_is_obeyed(
    agent: Kubectl, app: str, audit: Audit, auditor: Kubectl, policy: Apply
) -> None:
    watched, denied = marker(), marker()
    trying = policy({"name": "no", "action": "deny", "match": about(watched)}, mode="audit")
    obeyed = policy({"name": "no", "action": "deny", "match": about(denied)})
    refused = settled(lambda: echo(agent, app, watched, denied), lambda result: result.code != 0)
    assert f"denied by rule no of policy {obeyed}" in refused.error
    until(lambda: echo(agent, app, watched).code == 0 and would(audit, watched), what="audit mode in force")
    assert would(audit, watched) == {f"deny by {trying}/no"}
    attached = agent.try_("attach", "-n", NAMESPACE, app)
    assert "does not record" in attached.error, "what a policy in audit mode lets go unrecorded does not"


def test_terms_and_masking_rules_of_the_policy_hold_in_the_session(
    agent: Kubectl, app: str, audit: Audit, policy: Apply
) -> None:
    mark = marker()
    token = {"name": "token", "pattern": "tok_[0-9]{8}", "positive": ["tok_12345678 "], "negative": ["tok_1"]}
    terms = {"profile": "modern", "maskingRules": [token]}
    policy({"name": "terms", "action": "audit", "match": about(mark), "session": terms})
    shown = settled(
        lambda: echo(agent, app, "tok_12345678", mark), lambda result: "tok_12345678" not in result.text
    )
    assert shown.text == f"tok_******** {mark}\n"
    sessions = audit.find(mark)
    assert {"terms"} <= {session["spec"]["decision"]["rule"] for session in sessions}


def test_a_session_is_ended_by_its_policys_limits(
    agent: Kubectl, app: str, audit: Audit, policy: Apply
) -> None:
    """Of time, and of card numbers that it shows."""
    short, leaking = marker(), marker()
    policy(
        *(
            {"name": name, "action": "audit", "match": about(mark), "session": {"limits": limits}}
            for name, mark, limits in (
                ("short", short, {"totalSeconds": 2}),
                ("leaking", leaking, {"findings": 3}),
            )
        )
    )
    run = ("exec", "-n", NAMESPACE, app, "--", "sh", "-c")
    ended = settled(lambda: agent.try_(*run, "sleep 20", short), lambda result: result.code != 0)
    assert "chaperone:" in ended.error
    leak = "for i in 1 2 3 4 5 6; do echo 4111111111111111; sleep 0.5; done; echo over"
    ended = agent.try_(*run, leak, leaking)
    assert ended.code != 0
    assert "card data was found 3 times, which is the limit" in ended.error
    session = audit.recorded(leaking)
    assert session.status["how"] == "finding-limit"
    assert session.status["findings"]["byRule"] == {"pan/visa": 3}
    assert set(ended.text.splitlines()) <= {"411111******1111"}


def test_a_program_that_a_policy_denies_does_not_run(
    agent_both: Kubectl, app: str, audit: Audit, policy: Apply
) -> None:
    mark = marker()
    rule = {"name": "no-dates", "action": "audit", "match": about(mark), "reason": "because"}
    name = policy({**rule, "commands": {"deny": [{"cel": "executable.endsWith('/date')"}]}})
    command = ("exec", "-n", NAMESPACE, app, "--", "sh", "-c", "/bin/date; exit $?", mark)
    denied = settled(lambda: agent_both.try_(*command), lambda result: result.code == 126)
    assert f"'/bin/date' was not run: by rule {name}/no-dates it is denied" in denied.error
    assert "(because)" in denied.error
    programs = [event for item in audit.find(mark) for event in audit.events(item["metadata"]["name"])]
    assert f"{name}/no-dates" in {event.get("denied") for event in programs if event["type"] == "program"}


def test_privileged_pods_are_refused(admin: Kubectl, policy: Apply) -> None:
    name = f"privileged-{uuid.uuid4().hex[:6]}"
    match = {"doors": ["pod"], "privileged": True, "names": [name]}
    policy({"name": "no-privileges", "action": "deny", "match": match})
    privileged = pod(name, container(), hostPID=True)
    refused = settled(
        lambda: admin.try_("create", "--dry-run=server", "-f", "-", stdin=json.dumps(privileged).encode()),
        lambda result: result.code != 0,
    )
    assert "denied by rule no-privileges" in refused.error
    ordinary = json.dumps(pod(name, container())).encode()
    admin.run("create", "--dry-run=server", "-f", "-", stdin=ordinary)


BROKEN: list[tuple[Object, str]] = [
    ({"name": "r", "action": "deny", "match": {"cel": "tty +"}}, "no CEL"),
    ({"name": "r", "action": "deny", "match": {"user": ["x"]}}, "unknown field"),
    ({"name": "r", "action": "deny", "match": {"argv": [{"regex": "(a)\\1"}]}}, "Hyperscan refuses"),
    ({"name": "r", "action": "deny", "match": {"argv": [{}]}}, "exactly one of"),
    ({"name": "r", "action": "deny", "breakGlass": True}, "action: audit"),
    ({"name": "r", "action": "perhaps"}, "Unsupported value"),
    (
        {
            "name": "r",
            "action": "audit",
            "session": {"tracing": "none"},
            "commands": {"deny": [{"prefix": ["x"]}]},
        },
        "cannot be judged",
    ),
]


@pytest.mark.parametrize(("rule", "said"), BROKEN)
def test_a_broken_policy_does_not_get_in(admin: Kubectl, rule: Object, said: str) -> None:
    body = json.dumps(document("broken", rule)).encode()
    refused = admin.try_("create", "--validate=false", "-f", "-", stdin=body)
    assert refused.code != 0
    assert said in refused.error


def test_the_last_good_version_stays_in_force(
    admin: Kubectl, agent: Kubectl, app: str, policy: Apply
) -> None:
    mark = marker()
    name = policy({"name": "no", "action": "deny", "match": about(mark)})
    broken = json.dumps(document(name, {"name": "no", "action": "deny", "match": {"cel": "("}})).encode()
    assert admin.try_("apply", "-f", "-", stdin=broken).code != 0
    settled(lambda: echo(agent, app, mark), lambda result: result.code != 0)


def test_policies_are_shown_with_their_state(admin: Kubectl, policy: Apply) -> None:
    name = policy({"name": "quiet", "action": "audit", "match": {"users": ["nobody"]}}, description="nothing")
    header, row = admin.run("get", "guardpolicy", name, "-o", "wide").splitlines()
    assert header.split() == ["NAME", "MODE", "COMPILED", "ACTIVE", "SINCE", "DESCRIPTION"]
    assert row.split()[0] == name
    assert row.split()[-4:-2] == ["True", "True"]
    assert row.split()[-1] == "nothing"
