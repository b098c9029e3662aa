"""What a policy lists for the inside of sessions, on a real cluster: `allow`, and the end of the session."""

from collections.abc import Iterator

import pytest
from kube import NAMESPACE, Kubectl, Object, Result, until
from sessions import Audit, marker
from tickets import policy

Words = tuple[str, str]


@pytest.fixture(scope="module")
def words(admin: Kubectl) -> Iterator[Words]:
    """Words that allow a shell, ``true`` and busybox alone, and that end a session for ``id``."""
    allowed, ended = marker(), marker()
    rules = (
        (allowed, {"allow": [{"prefix": [name]} for name in ("dash", "/usr/bin/true", "busybox")]}),
        (ended, {"deny": [{"prefix": ["id"]}], "endSession": True}),
    )
    with policy(admin, *(rule(word, commands) for word, commands in rules)):
        yield allowed, ended


def rule(word: str, commands: Object) -> Object:
    match = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{word}')"}
    return {"name": word, "action": "audit", "reason": "as agreed", "match": match, "commands": commands}


def in_shell(agent: Kubectl, app: str, script: str, *words: str) -> Result:
    return agent.try_("exec", "-n", NAMESPACE, app, "--", "sh", "-c", script, *words)


def settled(agent: Kubectl, app: str, word: str) -> None:
    """Wait until every replica follows the policy."""

    def is_settled() -> bool:
        return all("by rule" in in_shell(agent, app, "id", word).error for _ in range(4))

    until(is_settled, what="a program that is refused")


def test_what_is_not_listed_does_not_run_under_any_name(
    agent: Kubectl, app: str, audit: Audit, words: Words
) -> None:
    settled(agent, app, words[0])
    mark = marker()
    script = (
        "true && echo ran; id; echo $?; busybox cp /usr/bin/id /tmp/true; /tmp/true; echo $?;"
        " rm -f /tmp/true; busybox rm /tmp/true"
    )
    told = in_shell(agent, app, script, words[0], mark)
    assert told.text == "ran\n126\n126\n"
    assert told.error.count("it is none of those allowed inside sessions (as agreed)") == 3
    programs = audit.recorded(mark).of("program")
    denied = [program["argv"][0] for program in programs if program.get("denied")]
    assert denied == ["id", "/tmp/true", "rm"]
    assert {program["denied"].rpartition("/")[2] for program in programs if program.get("denied")} == {
        words[0]
    }


def test_what_may_not_run_ends_the_session(agent: Kubectl, app: str, audit: Audit, words: Words) -> None:
    settled(agent, app, words[1])
    mark = marker()
    told = in_shell(agent, app, "echo before; id; echo after; sleep 1000", words[1], mark)
    assert told.text == "before\n"
    assert told.code not in {0, 126}
    assert "it is denied inside sessions (as agreed)" in told.error
    assert "this session was ended" in told.error
    assert audit.recorded(mark).status["how"] == "policy"
