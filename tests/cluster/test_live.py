"""``chaperone sessions follow`` and ``kill`` on a real cluster: a session that floods, and one that idles."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kube import NAMESPACE, Kubectl, chaperone, chaperone_terminal, try_chaperone, until
from sessions import Audit, marker

from webhook.replay.safety import RESET

FLOOD = "i=0; while :; do i=$((i+1)); echo flood $i card 4111111111111111; done"
WHY = "tried by a test"


def running(audit: Audit, mark: str) -> str:
    """Wait until a session with a word in its command line is on record; give its id."""

    def find() -> str | None:
        items: list[Any] = audit.kubectl.get("sessions", "-n", NAMESPACE)["items"]
        return next((one["metadata"]["name"] for one in items if mark in one["spec"]["command"]), None)

    return until(find, what="a running session", seconds=90)


def over(session: str) -> str:
    """What a viewer is told in the end, on a line of its own."""
    return rf"\n{re.escape(RESET)}Session {session} is over: killed"


def test_a_flood_is_followed_masked_and_ended_by_order(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, audit: Audit, app: str
) -> None:
    mark = marker()
    process = agent.start("exec", "-n", NAMESPACE, app, "--", "sh", "-c", FLOOD, mark)
    assert process.stdout is not None
    process.stdout.readline()
    # What a client leaves unread may cost it the last words: then the connection is reset.
    with ThreadPoolExecutor(1) as client:
        told = client.submit(process.communicate, timeout=300)
        session = running(audit, mark)
        viewer = chaperone_terminal(auditor, "sessions", "follow", session, "-n", NAMESPACE, "--new")
        viewer.expect(r"flood \d+ card 411111\*{6}1111\r\n")
        out = try_chaperone(admin, "sessions", "kill", session, "-n", NAMESPACE, "--reason", WHY)
        assert (out.code, f"admin ended this session: {WHY}" in out.error) == (0, True)
        shown, error = told.result()
    assert f"chaperone: admin ended this session: {WHY}".encode() in error
    assert process.returncode != 0
    viewer.expect(over(session))
    viewer.expect_exact(WHY)
    assert b"4111111111111111" not in shown
    recorded = audit.recorded(mark, seconds=120)
    assert recorded.status["how"] == "killed"
    assert recorded.data("stdout").endswith(shown[-200:])


def test_an_idle_terminal_is_followed_and_ended_by_order(
    admin: Kubectl, agent: Kubectl, auditor: Kubectl, audit: Audit, app: str
) -> None:
    mark = marker()
    terminal = agent.terminal("exec", "-it", "-n", NAMESPACE, app, "--", "sh", "-c", "echo ready; cat", mark)
    terminal.expect_exact("ready")
    session = running(audit, mark)
    viewer = chaperone_terminal(auditor, "sessions", "follow", session, "-n", NAMESPACE)
    viewer.expect_exact("ready")
    terminal.sendline("hello 5500000000000004")
    viewer.expect(r"hello 5500\d\d\*+0004")
    refused = try_chaperone(auditor, "sessions", "kill", session, "-n", NAMESPACE, "--reason", WHY)
    assert (refused.code, "--clusterrole=chaperone-kill" in refused.error) == (4, True)
    chaperone(admin, "sessions", "kill", session, "-n", NAMESPACE, "--reason", WHY)
    terminal.expect_exact(f"admin ended this session: {WHY}", timeout=120)
    viewer.expect(over(session))
    assert audit.recorded(mark, seconds=120).status["how"] == "killed"
    events = auditor.get("auditevents", "-n", NAMESPACE, "--field-selector", f"session={session}")["items"]
    [order] = [event for event in events if event["type"] == "session-killed"]
    assert (order["actor"]["username"], order["reason"]) == ("admin", WHY)
