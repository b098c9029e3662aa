"""The life of approvals on the cluster, to every end there is, for tests of what is told of it."""

import json
import re
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from installation import changed, setting
from kube import NAMESPACE, Kubectl, Object, Result, until
from sessions import Audit
from tickets import for_word, phase, policy, say, told, waiting

GROUP = "test-life-firefighters"
LATE, REASON = "too late for that", "seen and agreed"


@dataclass
class Life:
    """Who does it, where, and what came of it."""

    admin: Kubectl
    agent: Kubectl
    approver: Kubectl
    erin: Kubectl
    app: str
    word: str
    policy: str = ""
    tickets: dict[str, str] = field(default_factory=dict[str, str])
    """Approval requests by what becomes of them."""
    sessions: dict[str, str] = field(default_factory=dict[str, str])
    """Sessions by what let them start."""
    took: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds that somebody waited."""

    def echo(self, who: Kubectl, *words: str) -> Result:
        """Have a pod say the word and others."""
        return who.try_("exec", "-n", NAMESPACE, self.app, "--", "echo", self.word, *words)

    def timed(self, what: str, ask: Callable[[], Result]) -> Result:
        """Do something, and note how long it took."""
        began = time.monotonic()
        result = ask()
        self.took[what] = time.monotonic() - began
        return result

    def live(self, audit: Audit) -> None:
        """Do everything once."""
        self._approved(audit)
        self._denied()
        self._broken_glass(audit)
        self._objects()
        assert self.echo(self.agent, "no").code != 0
        for words, what in ((("free",), "allowed"), (("would",), "audit mode")):
            assert self.echo(self.agent, *words).code == 0
            self.sessions[what] = self._session(audit, *words)

    def _approved(self, audit: Audit) -> None:
        refused = self.timed("asking", lambda: self.echo(self.agent, "ask", "approved"))
        name = self.tickets["approved"] = ticket_of(refused)
        time.sleep(2)  # what waits is measured in whole seconds
        said = self.timed("approving", lambda: say(self.approver, name, "approve", REASON))
        assert said.code == 0, said.error
        assert self.echo(self.agent, "ask", "approved").code == 0
        self.sessions["approved"] = self._session(audit, "ask", "approved")
        assert say(self.approver, name, "deny", LATE).code != 0

    def _denied(self) -> None:
        name = self.tickets["denied"] = ticket_of(self.echo(self.agent, "ask", "denied"))
        assert say(self.approver, name, "deny", "not today").code == 0
        assert self.echo(self.agent, "ask", "denied").code != 0

    def _broken_glass(self, audit: Audit) -> None:
        refused = self.echo(self.erin, "ask", "glass")
        name = self.tickets["glass"] = ticket_of(refused)
        words = told(refused, "kubectl patch", holds="glass")
        self.erin.run(*(word.replace("WHY", "the shop is down") for word in words))
        assert self.echo(self.erin, "ask", "glass").code == 0
        self.sessions["glass"] = self._session(audit, "ask", "glass")
        until(lambda: phase(self.admin, name) == "Used", what="the approval used up")
        assert say(self.approver, name, "review", "it was needed").code == 0

    def _objects(self) -> None:
        for kind, change in (
            ("secret", {"stringData": {"a": "changed"}}),
            ("deployment", {"spec": {"template": {"spec": {"hostNetwork": True}}}}),
        ):
            body = ("patch", kind, self.word, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(change))
            name = self.tickets[kind] = ticket_of(self.agent.try_(*body))
            assert say(self.approver, name, "approve", REASON).code == 0
            self.agent.run(*body)

    def expire(self) -> None:
        """Have a request asked that nobody decides in its time."""
        terms = json.loads(setting(self.admin, "admission", "CHAPERONE_APPROVALS"))
        short = json.dumps({**terms, "pending_seconds": 1})
        with changed(self.admin, "admission", "CHAPERONE_APPROVALS", short):
            name = self.tickets["expired"] = ticket_of(waiting(lambda: self.echo(self.agent, "ask", "late")))
        until(lambda: phase(self.admin, name) == "Expired", what="the request expired")

    def _session(self, audit: Audit, *words: str) -> str:
        found = until(lambda: audit.find(" ".join((self.word, *words))), what=f"the session {words}")
        return found[0]["metadata"]["name"]


def ticket_of(refused: Result) -> str:
    """Give the name of the request that a refusal names, wherever it is said."""
    found = re.search(r"pproval request payments/(\S+) is waiting", refused.error)
    assert found, refused.error
    return found[1]


@contextmanager
def prepared(life: Life) -> Generator[None]:
    """Have the objects, rights and policies that a life needs."""
    binding = ("rolebinding", GROUP, "-n", NAMESPACE)
    life.admin.run("create", *binding, "--clusterrole=chaperone-break-glass", f"--group={GROUP}")
    life.admin.run("create", "secret", "generic", life.word, "-n", NAMESPACE, "--from-literal=a=b")
    image = ("--image=localhost/nothing:1", "--replicas=0")
    life.admin.run("create", "deployment", life.word, "-n", NAMESPACE, *image)
    would: Object = {"name": "would", "action": "deny", "match": _saying(life.word, "would")}
    audit = {"metadata": {"name": f"{life.word}-audit"}, "spec": {"mode": "audit", "rules": [would]}}
    life.admin.apply({"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", **audit})
    objects = {
        "doors": ["secret", "workload"],
        "namespaces": [NAMESPACE],
        "names": [life.word],
    }
    rules: list[Object] = [
        {**for_word(life.word), "match": _saying(life.word, "ask")},
        {"name": "no", "action": "deny", "match": _saying(life.word, "no")},
        {"name": "objects", "action": "approve", "match": {**objects, "groups": ["agents"]}},
        {"name": "glass", "action": "audit", "breakGlass": True, "match": {"groups": [GROUP]}},
    ]
    try:
        with policy(life.admin, *rules) as life.policy:
            until(lambda: all(life.echo(life.agent, "no").code for _ in range(6)), what="the policy followed")
            yield
    finally:
        life.admin.run("delete", "guardpolicy", f"{life.word}-audit", "--ignore-not-found")
        for kind in ("secret", "deployment"):
            life.admin.run("delete", kind, life.word, "-n", NAMESPACE, "--ignore-not-found")
        life.admin.run("delete", *binding)


def _saying(word: str, other: str) -> Object:
    expression = f"argv.exists(a, a == '{word}') && argv.exists(a, a == '{other}')"
    return {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": expression}
