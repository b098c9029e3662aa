"""Lines typed into a shell of a real pod, judged before they are entered, with an unchanged kubectl."""

from collections.abc import Iterator

import pexpect
import pytest
from kube import NAMESPACE, Kubectl, Object, chaperone, prompted, until
from sessions import Audit, marker
from tickets import phase, policy, say


@pytest.fixture(scope="module")
def word(admin: Kubectl) -> Iterator[str]:
    """A word whose sessions have lines judged."""
    mark = marker()
    match: Object = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{mark}')"}
    commands: Object = {
        "deny": [{"prefix": ["cd", "/etc"]}, {"cel": "typed && line.contains('nowhere')"}],
        "approve": [{"prefix": ["export"]}],
        "waitSeconds": 600,
        "shellLines": True,
    }
    rule = {"name": mark, "action": "audit", "reason": "stay here", "match": match, "commands": commands}
    with policy(admin, rule):
        yield mark


def settled(agent: Kubectl, app: str, word: str) -> None:
    """Wait until every replica follows the policy."""
    command = ("exec", "-n", NAMESPACE, app, "--", "sh", "-c", "pwd; cd /etc; pwd", word)

    def is_settled() -> bool:
        said = [agent.try_(*command) for _ in range(4)]
        return all(one.code == 126 and "by rule" in one.error for one in said)

    until(is_settled, what="a shell's text that is denied")


def test_builtins_wait_or_do_not_happen(
    admin: Kubectl, agent: Kubectl, approver: Kubectl, auditor: Kubectl, audit: Audit, app: str, word: str
) -> None:
    settled(agent, app, word)
    mark = marker()
    script = 'exec env PS1="ready> " HISTFILE= bash --norc -i'
    shell = agent.terminal("exec", "-it", "-n", NAMESPACE, app, "--", "sh", "-c", script, mark, word)
    shell.expect_exact("ready> ")
    shell.sendline("cd /etc")
    shell.expect_exact("the line was not entered: by rule")
    prompted(shell)
    shell.sendline("echo to nowhere")
    shell.expect_exact("the line was not entered: by rule")
    prompted(shell)
    shell.sendline("export CARD=4111111111111111; pwd")
    shell.expect_exact("approvals approve ")
    shell.expect_exact(" -n")
    name = bytes(shell.before or b"").decode()
    until(lambda: phase(admin, name) == "Pending", what="the approval request")
    assert admin.get("approvalrequest", name, "-n", NAMESPACE)["spec"]["argv"] == [
        "export CARD=411111******1111; pwd"
    ]
    assert say(approver, name, "approve").code == 0
    shell.expect_exact("/\r\n")
    shell.expect_exact("ready> ")
    shell.sendline("exit 5")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 5
    recorded = audit.recorded(mark)
    typed = [event for event in recorded.of("program") if event.get("typed")]
    assert [(event["argv"][0], bool(event.get("denied"))) for event in typed] == [
        ("cd /etc", True),
        ("echo to nowhere", True),
        ("export CARD=411111******1111; pwd", False),
    ]
    shown = chaperone(auditor, "sessions", "show", recorded.name, "-n", NAMESPACE, "--programs")
    assert "[typed] cd /etc (denied by" in shown
