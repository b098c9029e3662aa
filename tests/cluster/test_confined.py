"""What a pod takes from its containers its sessions do not have, and what becomes of tracing there."""

import json
from collections.abc import Iterator

import pytest
from kube import NAMESPACE, Kubectl, Object, until
from pods import container, pod, restricted
from sessions import Audit, marker
from tickets import policy
from workshop import Workshop

PAN, MASKED = "4111111111111111", "411111******1111"
STATUS = """
for process in 1 $PPID $$; do
  echo process
  grep -E '^(Uid|NoNewPrivs|Seccomp|Cap[A-Z][a-z]+):' /proc/$process/status
done
env true
"""
"""Tells of the container's first process, the shim, and the session's own."""
NOTHING = "0" * 16
WHY = "no program inside this session is recorded: ptrace fails with EPERM"


def confinements(agent: Kubectl, place: str, mark: str) -> list[dict[str, str]]:
    shown = agent.run("exec", "-n", NAMESPACE, place, "--", "sh", "-c", STATUS, mark)
    return [
        {name: words.split()[0] for name, words in (line.split(":", 1) for line in one.split("\n") if line)}
        for one in shown.split("process\n")[1:]
    ]


def test_a_restricted_pod_is_as_restricted_in_its_sessions_and_they_are_traced(
    agent: Kubectl, app: str, workshop: Workshop, audit: Audit
) -> None:
    mark = marker()
    strict = workshop.pod(pod("confined", container(securityContext=restricted())))
    told = confinements(agent, strict, mark)
    assert len(told) == 3
    for one in told:
        capabilities = {value for name, value in one.items() if name.startswith("Cap")}
        assert (one["Uid"], one["NoNewPrivs"], one["Seccomp"]) == ("1000", "1", "2")
        assert capabilities == {NOTHING}
    recorded = audit.recorded(mark)
    assert [program["argv"][0] for program in recorded.of("program")] == ["sh", *["grep"] * 3, "env", "true"]
    assert "untraced" not in recorded.status
    first, *_ = confinements(agent, app, marker())
    assert (first["NoNewPrivs"], first["Seccomp"]) == ("0", "0"), "a pod that asks for nothing has nothing"


@pytest.fixture
def profile(admin: Kubectl) -> Iterator[str]:
    """The name of a seccomp profile of the node that forbids ptrace(2) and nothing else."""
    state = admin.kubeconfig.parent.parent / "node/lib/kubelet"
    if not state.is_dir():
        pytest.skip(
            "needs the files of a node, which only a cluster of scripts/cluster on this machine shows"
        )
    file = state / "seccomp" / f"{marker()}.json"
    forbidden = {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [forbidden]}))
    yield file.name
    file.unlink()


@pytest.fixture
def untraceable(profile: str, workshop: Workshop) -> str:
    """A pod in which nobody can trace."""
    context: Object = {"seccompProfile": {"type": "Localhost", "localhostProfile": profile}}
    return workshop.pod(pod("untraceable", container(securityContext=context)))


def test_where_a_profile_forbids_tracing_the_session_says_so_or_a_policy_forbids_it(
    admin: Kubectl, agent: Kubectl, untraceable: str, audit: Audit
) -> None:
    mark, wanted = marker(), marker()
    script = f"env echo {PAN} $0"
    told = agent.run("exec", "-n", NAMESPACE, untraceable, "--", "sh", "-c", script, mark)
    assert told == f"{MASKED} {mark}\n"
    recorded = audit.recorded(mark)
    assert (recorded.status["untraced"], recorded.of("program")) == (WHY, [])
    assert recorded.data("stdout").decode() == told
    match: Object = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{wanted}')"}
    rule: Object = {"name": "seen", "action": "audit", "match": match, "session": {"tracing": "required"}}
    with policy(admin, rule):
        command = ("exec", "-n", NAMESPACE, untraceable, "--", "sh", "-c", script, wanted)
        until(lambda: all(agent.try_(*command).code for _ in range(6)), what="all replicas follow the policy")
        refused = agent.try_(*command)
    assert refused.text == ""
    assert "a policy wants every program seen, so nothing runs here" in refused.error
    ended = [item for item in audit.find(wanted) if item["status"].get("how") == "policy"]
    assert ended
    for item in ended:
        record = audit.record_of(item)
        assert record.of("program") == []
        assert record.data("stdout") == b""
