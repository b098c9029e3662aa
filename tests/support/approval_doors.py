"""The doors of approvals over HTTP, above requests that are kept in memory."""

import copy
import datetime as dt
import json
from typing import Any

import msgspec
from approvals import NOW, MemoryJournal, MemoryTickets, approving, request_door
from httpish import Asgi
from policy_samples import BUILTIN, Object, policy, rule
from reviews import apply, body, exec_door, injected, plain_pod, pod_door

from webhook.admission import review
from webhook.approvals.asking import Terms
from webhook.approvals.objects import ApprovalRequest
from webhook.policy.active import ActivePolicies
from webhook.server.doors import doors_app

BOB = {"username": "bob", "groups": ["approvers"]}
KIND = {"group": "", "version": "v1", "kind": "Pod"}


class Cluster:
    """The doors over requests kept in memory, and a person who writes verdicts into them."""

    def __init__(self, *rules: Object) -> None:
        self.tickets = MemoryTickets()
        self._policies = ActivePolicies(otherwise=BUILTIN, audit=False)
        document = policy(*rules)
        metadata = {**document["metadata"], "uid": "u", "generation": 1, "resourceVersion": "7"}
        self._policies.take({"test": msgspec.json.encode({**document, "metadata": metadata})})
        self.journal = MemoryJournal()
        self._approving = approving(self.tickets, journal=self.journal)

    def hold(self, holding: Any, now: dt.datetime = NOW) -> None:
        """Have requests held back for eight seconds."""
        terms = Terms(pending_seconds=3600, usable_seconds=900, hold_seconds=8)
        self._approving = approving(self.tickets, now, terms=terms, holding=holding)

    def limit(self, most: int) -> None:
        """Let only so many requests of one person wait."""
        terms = Terms(pending_seconds=3600, usable_seconds=900, most_open_per_requester=most)
        self._approving = approving(self.tickets, journal=self.journal, terms=terms)

    async def exec(self, *command: str) -> Object:
        door = exec_door(await injected(plain_pod()), policy=self._policies, asking=self._approving)
        sent = body({"command": command}, operation="CONNECT", subresource="exec")
        return await ask(door, sent)

    async def create(self, pod: Object, **fields: Any) -> Object:
        door = pod_door(self._policies, asking=self._approving)
        return await ask(door, body(await injected(pod), operation="CREATE", kind=KIND, **fields))

    @property
    def ticket(self) -> ApprovalRequest:
        [found] = self.tickets.kept.values()
        return found

    async def write(
        self, change: Any, user: Object = BOB, may: tuple[str, ...] = ("bob", "carol"), **door: Any
    ) -> Object:
        """Give the response to an update of the one request, after storing what came of it."""
        before = msgspec.to_builtins(self.ticket, builtin_types=())
        before = json.loads(msgspec.json.encode(before))
        after = copy.deepcopy(before)
        merge(after, change)
        sent = body(after, operation="UPDATE", oldObject=before, userInfo=user, name="t")
        response = await ask(request_door(*may, journal=self.journal, **door), sent)
        if "patch" in response:
            answer = await request_door(*may).review(review.decode_review(sent))
            stored = apply(after, answer)
            assert "decision" not in stored
            found = msgspec.convert(stored, ApprovalRequest)
            assert self.tickets.update(self.ticket, found.status)
        return response


def merge(target: Any, change: Any) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


async def ask(door: Any, sent: bytes) -> Object:
    status, answer = await Asgi(doors_app({"door": door}, lambda: None)).post("/v1/door", sent)
    assert status == 200, answer
    return json.loads(answer)["response"]


def causes(response: Object) -> dict[str, str]:
    return {cause["reason"]: cause["message"] for cause in response["status"]["details"]["causes"]}


def verdict(word: str = "approve", **more: str) -> Object:
    return {"decision": {"verdict": word, **more}}


def shells(**approval: object) -> Object:
    return rule("approve", name="shells", reason="shells do anything", approval=approval or None)
