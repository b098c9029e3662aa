"""The audit API as kubectl sees it, and who may see it."""

import json
import select

from kube import NAMESPACE, Kubectl, chaperone, until
from sessions import API, Audit, marker


def run_one(agent: Kubectl, app: str, audit: Audit) -> str:
    mark = marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", "the quick brown fox", mark)
    return audit.recorded(mark).name


def test_kubectl_get_shows_columns(agent: Kubectl, auditor: Kubectl, app: str, audit: Audit) -> None:
    name = run_one(agent, app, audit)
    header, *rows = auditor.run("get", "sessions", "-n", NAMESPACE).splitlines()
    assert header.split()[:3] == ["NAME", "USER", "POD"]
    (row,) = [line for line in rows if line.startswith(name)]
    assert row.split()[1:3] == ["agent", app]


def test_kubectl_get_one_and_describe(agent: Kubectl, auditor: Kubectl, app: str, audit: Audit) -> None:
    name = run_one(agent, app, audit)
    assert auditor.get("-n", NAMESPACE, f"sessions/{name}")["status"]["exitCode"] == 0
    assert name in auditor.run("describe", "-n", NAMESPACE, f"sessions/{name}")


def test_kubectl_watch_shows_a_session_as_it_happens(agent: Kubectl, auditor: Kubectl, app: str) -> None:
    watch = auditor.start("get", "sessions", "-n", NAMESPACE, "--watch-only", "-o", "name")
    shown = watch.stdout
    assert shown is not None

    def is_shown() -> bool:
        """From when the watch has begun."""
        agent.run("exec", "-n", NAMESPACE, app, "--", "true")
        return bool(select.select([shown], [], [], 2)[0])

    try:
        until(is_shown, what="a session in the watch")
        assert shown.readline().startswith(b"session.audit.chaperone.dev/")
    finally:
        watch.kill()
        watch.communicate()


def test_without_the_right_rbac_refuses(agent: Kubectl) -> None:
    for arguments in (("get", "sessions", "-n", NAMESPACE), ("get", "--raw", f"{API}/sessions")):
        result = agent.try_(*arguments)
        assert result.code == 1
        assert "forbidden" in result.error.lower()


def test_the_auditor_changes_nothing(agent: Kubectl, auditor: Kubectl, app: str, audit: Audit) -> None:
    name = run_one(agent, app, audit)
    result = auditor.try_("delete", "-n", NAMESPACE, f"sessions/{name}")
    assert result.code == 1
    assert audit.kubectl.get("-n", NAMESPACE, f"sessions/{name}")


def test_the_api_is_discoverable(auditor: Kubectl) -> None:
    assert "sessions" in auditor.run("api-resources", "--api-group=audit.chaperone.dev", "-o", "name")


def test_the_command_line_lists_shows_plays_and_casts(
    agent: Kubectl, auditor: Kubectl, app: str, audit: Audit
) -> None:
    name = run_one(agent, app, audit)
    listed = json.loads(chaperone(auditor, "sessions", "list", "-n", NAMESPACE, "-o", "json"))
    assert name in [item["metadata"]["name"] for item in listed["items"]]
    assert name in chaperone(auditor, "sessions", "list", "-n", NAMESPACE, "--limit", "500")
    assert "the quick brown fox" in chaperone(auditor, "sessions", "show", name, "-n", NAMESPACE)
    assert "the quick brown fox" in chaperone(
        auditor, "sessions", "play", name, "-n", NAMESPACE, "--speed", "100"
    )
    header, *events = chaperone(auditor, "sessions", "cast", name, "-n", NAMESPACE).splitlines()
    assert json.loads(header)["version"] in {2, 3}
    assert "the quick brown fox" in "".join(json.loads(event)[2] for event in events)


def test_a_word_leads_to_its_session(agent: Kubectl, auditor: Kubectl, app: str, audit: Audit) -> None:
    mark, word = marker(), marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "sh", "-c", f"echo {word[:6]}{word[6:]}", mark)
    name = audit.recorded(mark).name
    assert name in chaperone(auditor, "search", word, "-n", NAMESPACE)
