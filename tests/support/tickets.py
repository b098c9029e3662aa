"""Approval requests on the real cluster: policies that ask for them, and what people say to them."""

import json
import re
import shlex
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from kube import NAMESPACE, Kubectl, Object, Result, until

_T = TypeVar("_T")
APPROVE: Object = {"decision": {"verdict": "approve"}}


@contextmanager
def policy(admin: Kubectl, *rules: Object) -> Generator[str]:
    """Have a policy of these rules for the length of a test."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    document = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy", "metadata": {"name": name}}
    admin.apply({**document, "spec": {"rules": list(rules)}})
    until(lambda: _is_active(admin, name), what="the policy active")
    try:
        yield name
    finally:
        admin.run("delete", "guardpolicy", name)


def _is_active(admin: Kubectl, name: str) -> bool:
    conditions = admin.get("guardpolicy", name).get("status", {}).get("conditions", [])
    return any(c["type"] == "Active" and c["status"] == "True" for c in conditions)


def for_word(word: str, **fields: Any) -> Object:
    """Give a rule that asks for an approval of every exec with a word in its command line."""
    match = {"doors": ["exec"], "namespaces": [NAMESPACE], "cel": f"argv.exists(a, a == '{word}')"}
    return {"name": "ask", "action": "approve", "match": match, **fields}


def echo(user: Kubectl, app: str, *words: str) -> Result:
    return user.try_("exec", "-n", NAMESPACE, app, "--", "echo", *words)


def waiting(ask: Callable[[], Result]) -> Result:
    """Ask until every replica follows the policy."""
    last: list[Result] = []

    def is_settled() -> bool:
        last[:] = [ask() for _ in range(4)]
        return all(result.code for result in last)

    until(is_settled, what="all replicas ask for an approval")
    return last[0]


def ticket_of(refused: Result) -> str:
    """Give the name of the request that a refusal names."""
    found = re.search(r"Approval request payments/(\S+) is waiting", refused.error)
    assert found, refused.error
    return found[1]


def needs_approval(refused: Result) -> bool:
    """Tell whether a refusal names a request that waits."""
    return "Approval request payments/" in refused.error and " is waiting for " in refused.error


def told(refused: Result, program: str, *, holds: str = "") -> list[str]:
    """Give the arguments of a command that a refusal tells, without ``kubectl``."""
    [line] = [line for line in refused.error.splitlines() if program in line and holds in line]
    return shlex.split(line[line.index(program) :])[1:]


def write(who: Kubectl, name: str, body: Object = APPROVE, kind: str = "approvalrequest") -> Result:
    """Write something into a request."""
    return who.try_("patch", kind, name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(body))


def say(who: Kubectl, name: str, verdict: str, reason: str = "") -> Result:
    return write(who, name, {"decision": {"verdict": verdict, "reason": reason}})


def get(admin: Kubectl, name: str) -> Object:
    return admin.get("approvalrequest", name, "-n", NAMESPACE)


def phase(admin: Kubectl, name: str) -> str:
    return get(admin, name)["status"]["phase"]


def at_once(ask: Callable[[], _T], count: int, *, threads: int = 25) -> list[_T]:
    """Ask so many times, many at once."""
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(ask) for _ in range(count)]
        return [future.result() for future in futures]


def audit_events(auditor: Kubectl, approval: str) -> list[Object]:
    """Give what happened to an approval, in the order of time, but for decisions and notifications."""
    path = "/apis/audit.chaperone.dev/v1alpha1/namespaces/payments/auditevents"
    items = auditor.raw(f"{path}?fieldSelector=approval%3D{quote(approval, safe='')}")["items"]
    others = {"decision", "notification-sent", "notification-failed"}
    return sorted((item for item in items if item["type"] not in others), key=lambda item: item["at"])


def recorded(auditor: Kubectl, approval: str, count: int) -> list[str]:
    """Give the kinds of so many audit events of an approval, once they are on record."""
    found = until(
        lambda: events if len(events := audit_events(auditor, approval)) >= count else None,
        what=f"{count} audit events of {approval}",
    )
    return [event["type"] for event in found]
