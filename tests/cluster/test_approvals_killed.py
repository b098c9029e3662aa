"""Replicas killed at any point of a request's life, with their disks: nothing is lost or used twice.

Whoever asks, approves or goes on meets replicas that are gone, and tries again, as people and agents do.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, TypeVar
from urllib.parse import quote

import pytest
from direct import Direct
from kube import NAMESPACE, Kubectl, Object, Result, until
from people import As
from replicas import Replicas
from sessions import marker
from tickets import for_word, policy, ticket_of, waiting

from webhook.kube.api import MERGE_PATCH, KubeApi, Reply

SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
REQUESTS = f"/apis/chaperone.dev/v1alpha1/namespaces/{NAMESPACE}/approvalrequests"
EVENTS = f"/apis/audit.chaperone.dev/v1alpha1/namespaces/{NAMESPACE}/auditevents"
APPROVE = {"decision": {"verdict": "approve"}}
RANDOM_KILLS = 10
PATIENCE = 150.0
_T = TypeVar("_T")


def causes(reply: Reply) -> dict[str, str]:
    found: Any = json.loads(reply.body)
    return {cause["reason"]: cause["message"] for cause in found.get("details", {}).get("causes", [])}


@dataclass
class People:
    """Who asks for Secrets and sessions, who approves, and what they have seen."""

    asker: KubeApi
    agent: Direct
    approver: KubeApi
    app: str
    mark: str
    seen: set[str] = field(default_factory=set[str])
    uses: Counter[str] = field(default_factory=Counter[str])

    def create_once(self, name: str) -> Reply:
        return self.asker.request("POST", SECRETS, body={"metadata": {"name": name}}, seconds=60)

    def create(self, name: str) -> Reply:
        """Create a Secret, as often as it takes to be answered; count what came of it."""
        return answered(lambda: self.create_once(name), lambda reply: reply.status in {201, 403, 409})

    def ask(self, name: str) -> str:
        """Ask for a Secret, and give the request that waits."""
        reply = self.create(name)
        assert reply.status == 403, reply.body
        told = causes(reply)
        assert "ApprovalNeeded" in told, told
        ticket = told["ApprovalRequest"].partition("/")[2]
        self.seen.add(ticket)
        return ticket

    def approve_once(self, ticket: str) -> Reply:
        path = f"{REQUESTS}/{ticket}"
        return self.approver.request("PATCH", path, body=APPROVE, content_type=MERGE_PATCH, seconds=60)

    def approve(self, ticket: str) -> None:
        """Approve; that it is approved already is as good."""
        reply = answered(lambda: self.approve_once(ticket), lambda reply: reply.status in {200, 403})
        assert reply.status == 200 or "approved already" in causes(reply)["TooLate"], reply.body

    def remove(self, name: str) -> None:
        self.asker.request("DELETE", f"{SECRETS}/{name}", seconds=60)

    def go_on(self, name: str, ticket: str) -> str:
        """Do what was approved, and give what became of that: ``done``, ``in use`` or ``spent``.

        A replica that dies between taking the approval and its answer leaves it in use, or spent.
        """
        reply = self.create(name)
        told = causes(reply) if reply.status == 403 else {}
        match reply.status, "ApprovalInUse" in told:
            case 201, _:
                self.uses[ticket] += 1
                return "done"
            case 403, True:
                return "in use"
            case _:
                other = told.get("ApprovalRequest", "").partition("/")[2]
                assert other != ticket, f"{ticket} is approved, and is asked for again: {told}"
                self.seen.add(other)
                assert self.phase(ticket) == "Used", "another is asked for only once this one is spent"
                return "spent"

    def get(self, ticket: str) -> Object | None:
        reply = self.asker.request("GET", f"{REQUESTS}/{ticket}", seconds=60)
        return None if reply.status == 404 else json.loads(reply.body)

    def phase(self, ticket: str) -> str:
        found = self.get(ticket)
        return "" if found is None else found["status"]["phase"]

    def run_once(self, word: str) -> Result:
        return self.agent.exec(self.app, "sh", "-c", 'echo "$1" >> /tmp/ran', self.mark, word)

    def run(self, word: str) -> Result:
        return answered(
            lambda: self.run_once(word), lambda result: "failed calling webhook" not in result.error
        )


def answered(ask: Callable[[], _T], is_answer: Callable[[_T], bool]) -> _T:
    """Ask until a replica answers."""
    deadline = time.monotonic() + PATIENCE
    while not is_answer(reply := ask()):
        assert time.monotonic() < deadline, reply
        time.sleep(0.2)
    return reply


@pytest.fixture(scope="module")
def people(admin: Kubectl, agent: Kubectl, approver: Kubectl, app: str) -> Iterator[People]:
    """The people, under a policy that wants their Secrets and sessions approved."""
    mark = marker()
    match = {"doors": ["secret"], "operations": ["CREATE"], "namespaces": [NAMESPACE], "names": [f"{mark}-*"]}
    asker, other = (KubeApi(kubeconfig=user.kubeconfig, connections=16) for user in (admin, approver))
    with policy(admin, for_word(mark), {"name": "secret", "action": "approve", "match": match}):
        found = People(asker, Direct(agent.kubeconfig), other, app, mark)
        waiting(lambda: found.run("settle"))
        yield found
    names = [f"secret/{name}" for name in _secrets(admin) if name.startswith(mark)]
    if names:
        As(admin, "system:apiserver", "system:masters").run("delete", "-n", NAMESPACE, *names)
    asker.close()
    other.close()


def _secrets(admin: Kubectl) -> list[str]:
    return [item["metadata"]["name"] for item in admin.get("secrets", "-n", NAMESPACE)["items"]]


@pytest.fixture(scope="module")
def replicas(admin: Kubectl, people: People) -> Replicas:
    return Replicas(admin, people.asker)


def until_two(replicas: Replicas, people: People) -> None:
    """Wait until both replicas run and are asked."""
    until(lambda: len(replicas.pids()) == 2, seconds=PATIENCE, what="two replicas")
    people.create(f"{people.mark}-probe")


def killed_at(
    replicas: Replicas, people: People, ask: Callable[[], object], has_come: Callable[[], bool]
) -> bool:
    """Kill all replicas when something has come of a request; False when it was answered before."""
    until_two(replicas, people)
    with ThreadPoolExecutor(1) as pool:
        futures: list[Future[object]] = []

        def submit() -> Future[object]:
            futures.append(pool.submit(ask))
            return futures[0]

        return replicas.kill_when(submit, has_come)


def is_in(people: People, ticket: str, phase: str) -> bool:
    return people.phase(ticket) == phase


def test_no_point_of_its_life_loses_a_request(replicas: Replicas, people: People) -> None:
    name = f"{people.mark}-life"
    first = people.ask(name)
    people.approve(first)
    assert people.go_on(name, first) == "done"
    people.remove(name)
    second = f"{first.removesuffix('-1')}-2"

    other = people.ask(f"{name}-verdict")

    killed_at(replicas, people, lambda: people.create_once(name), lambda: people.phase(second) != "")
    assert people.ask(name) == second, "made, not answered: it is met again"
    people.approve(second)

    def use_and_approve() -> None:
        with ThreadPoolExecutor(2) as pool:
            pool.submit(people.create_once, name)
            pool.submit(people.approve_once, other)

    killed_at(replicas, people, use_and_approve, lambda: True)
    assert people.go_on(name, second) == "done", "approved, and not taken yet: it is used now"
    assert people.ask(f"{name}-verdict") == other, "the verdict was not taken"
    people.approve(other)
    people.remove(name)
    assert people.ask(name) == f"{first.removesuffix('-1')}-3"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("phase", "then"), [("Granted", "in use"), ("Used", "spent")])
def test_what_was_taken_is_used_by_nobody_else(
    replicas: Replicas, people: People, phase: str, then: str
) -> None:
    """The replica that dies has taken the approval of an object, and has not answered.

    It may have got further than it was seen to be, or have answered: then another one is tried.
    On a machine that others load the moment between the two is missed more often.
    """
    for number in range(40):
        name = f"{people.mark}-{phase.lower()}-{number}"
        ticket = people.ask(name)
        people.approve(ticket)
        if not killed_at(
            replicas, people, partial(people.create_once, name), partial(is_in, people, ticket, phase)
        ):
            continue
        came = people.go_on(name, ticket), people.phase(ticket)
        assert came in {("in use", "Granted"), ("spent", "Used")}
        assert people.uses[ticket] == 0
        if came == (then, phase):
            return
    raise AssertionError(f"no replica was killed while a request was {phase} and not answered")


def test_a_grant_starts_one_session_or_none(replicas: Replicas, people: People) -> None:
    ticket = ticket_of(people.run("granted"))
    people.seen.add(ticket)
    people.approve(ticket)
    killed_at(replicas, people, lambda: people.run_once("granted"), lambda: people.phase(ticket) == "Granted")
    again = people.run("granted")
    assert again.code != 0
    if "was used a moment ago" not in again.error:
        assert ticket_of(again) != ticket, "the answer was out already, and the session has begun"
        assert people.phase(ticket) == "Used"
        people.seen.add(ticket_of(again))


def test_at_random_times_nothing_is_lost_or_used_twice(
    replicas: Replicas, people: People, auditor: Kubectl
) -> None:
    until_two(replicas, people)
    ended, random = threading.Event(), Random(20260302)
    outcomes: Counter[str] = Counter()

    def live(kind: str, live_once: Callable[[str], str]) -> None:
        for number in range(1000):
            if ended.is_set():
                return
            outcomes[live_once(f"{people.mark}-{kind}{number}")] += 1

    def object_life(name: str) -> str:
        ticket = people.ask(name)
        people.approve(ticket)
        outcome = people.go_on(name, ticket)
        people.remove(name)
        if outcome == "done":
            assert people.ask(name) != ticket, "what is used is used"
        return outcome

    def session_life(word: str) -> str:
        ticket = ticket_of(people.run(word))
        people.seen.add(ticket)
        people.approve(ticket)
        result = people.run(word)
        people.uses[ticket] += result.code == 0
        assert people.run(word).code != 0, "what is used is used"
        return "done" if result.code == 0 else "in use"

    with ThreadPoolExecutor(4) as pool:
        lives = [pool.submit(live, kind, object_life) for kind in ("a", "b")]
        lives.append(pool.submit(live, "s", session_life))
        for number in range(RANDOM_KILLS):
            time.sleep(random.uniform(0.2, 2.0))
            pids = until(replicas.pids, seconds=PATIENCE, what="a replica")
            victim = sorted(pids)[number % len(pids)]
            replicas.kill({victim: pids[victim]})
        ended.set()
        for one in lives:
            one.result(timeout=2 * PATIENCE)
    assert outcomes["done"] > sum(outcomes.values()) / 2, outcomes
    assert replicas.killed >= RANDOM_KILLS


def test_afterwards_all_is_there_and_each_use_is_on_record_once(people: People, auditor: Kubectl) -> None:
    reader = KubeApi(kubeconfig=auditor.kubeconfig)

    def kinds(ticket: str) -> Counter[str]:
        reply = reader.request("GET", f"{EVENTS}?fieldSelector=approval%3D{quote(ticket)}", seconds=60)
        return Counter(item["type"] for item in json.loads(reply.body)["items"] if reply.status == 200)

    for ticket in sorted(people.seen):
        found = people.get(ticket)
        assert found is not None, f"{ticket} is lost"
        phase = found["status"]["phase"]
        assert people.uses[ticket] <= 1
        if people.uses[ticket]:
            until(lambda: people.phase(ticket) == "Used", what=f"{ticket} used")  # noqa: B023  asked at once
            phase = "Used"
        expected = {
            "approval-asked": 1,
            "approval-decided": phase != "Pending",
            "approval-used": phase == "Used",
        }
        until(
            lambda: all(kinds(ticket)[kind] == count for kind, count in expected.items()),  # noqa: B023  asked at once
            what=f"{expected} of {ticket}, which is {phase}, on record",
        )
    reader.close()
    ran = Counter(people.agent.exec(people.app, "cat", "/tmp/ran").text.split())
    assert set(ran.values()) == {1}, "no command ran twice"
