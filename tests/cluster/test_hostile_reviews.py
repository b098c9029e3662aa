"""Reviews that no API server would send, posted to the Service on the cluster from a pod that is a stranger.

Every answer is judged by the oracle of ``scripts/fuzz admission``; people go on working meanwhile.
"""

import base64
import json
import os
import random
import re
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from changes import pack_in_force
from fuzzing.admission_approved import Approved
from fuzzing.admission_cluster import TEAM
from fuzzing.admission_grammar import Mutation, encode
from fuzzing.admission_oracle import Oracle
from fuzzing.admission_seeds import seeds
from fuzzing.admission_values import PANS
from fuzzing.choices import Choices
from hostile_wire import HOSTILE, MIB
from kube import NAMESPACE, SYSTEM, Kubectl, Object, until
from people import As
from pods import container, pod
from workshop import Workshop

from sidecar.contract import environment

SEED = 4242
STORIES = 5000 if os.environ.get("CHAPERONE_LONG") else 400
PLACE = "strangers"
SERVICE = f"chaperone-admission.{SYSTEM}.svc"
SILENT, SLOW = 150, 20
ADMISSION = ("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=admission")
COLLECTOR_OF_GARBAGE = "system:serviceaccount:kube-system:generic-garbage-collector"


@pytest.fixture(scope="module")
def stranger(admin: Kubectl, machinery: As) -> Iterator[str]:
    """A pod that nobody guards."""
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}
    admin.apply(namespace)
    admin.apply(pod("stranger", container(), namespace=PLACE))
    admin.run("wait", "-n", PLACE, "--for=condition=Ready", "pod/stranger", "--timeout=90s")
    yield "stranger"
    machinery.run("delete", "namespace", PLACE, "--wait=false")


@pytest.fixture(scope="module")
def there(admin: Kubectl) -> Iterator[dict[str, Object]]:
    """The pods that the reviews are about."""
    workshop = Workshop(admin)
    for name, containers in (("web", ["app"]), ("two", ["app", "side"])):
        workshop.pod(pod(name, *(container(one) for one in containers)))
    yield {name: admin.get("-n", NAMESPACE, f"pod/{name}") for name in ("web", "two")}
    workshop.close()


@pytest.fixture(scope="module", autouse=True)
def _policies(machinery: As, tester: As, admin: Kubectl) -> Iterator[None]:
    """The default pack, and the policy that the oracle knows beside it; what is asked for goes with them."""
    before = {_key(item) for item in admin.get("approvalrequests", "-A")["items"]}
    policy = {**TEAM, "metadata": {"name": TEAM["metadata"]["name"]}}
    machinery.run("create", "-f", "-", stdin=json.dumps(policy).encode())
    try:
        with pack_in_force(machinery, tester):
            yield
    finally:
        machinery.run("delete", "guardpolicy", TEAM["metadata"]["name"])
        made = {_key(item) for item in admin.get("approvalrequests", "-A")["items"]} - before
        for namespace in {place for place, _ in made}:
            names = sorted(name for place, name in made if place == namespace)
            remover = As(admin, COLLECTOR_OF_GARBAGE, "system:masters")
            remover.run("delete", "approvalrequests", "--ignore-not-found", "-n", namespace, *names)


def _key(item: Object) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


class Stranger:
    """The program in that pod, fed and read."""

    def __init__(self, admin: Kubectl, name: str) -> None:
        configuration = admin.get("validatingwebhookconfiguration", "chaperone-objects")
        authority = configuration["webhooks"][0]["clientConfig"]["caBundle"]
        source = (Path(__file__).parent / "attacks/on_doors.py").read_text()
        words = ("python3", "-c", source, SERVICE, authority, str(SILENT), str(SLOW))
        self._process = admin.start("exec", "-i", "-n", PLACE, name, "--", *words)

    def tell(self, stories: list[Object]) -> Iterator[Object]:
        """Send stories, and give the answers as they come."""
        feeding = threading.Thread(target=self._feed, args=(stories,))
        feeding.start()
        assert self._process.stdout
        for line in self._process.stdout:
            yield json.loads(line)
        feeding.join()
        assert self._process.stderr
        errors = self._process.stderr.read().decode()
        assert self._process.wait() == 0, errors

    def _feed(self, stories: list[Object]) -> None:
        assert self._process.stdin
        for story in stories:
            self._process.stdin.write(json.dumps(story).encode() + b"\n")
        self._process.stdin.close()

    def end(self) -> None:
        with self._process:
            self._process.kill()


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def reviews() -> list[tuple[str, bytes]]:
    """Give doors and bodies: every seed at its own door, then what became of them."""
    known, rng = seeds(), random.Random(SEED)
    others = [review for some in known.values() for review in some]
    given = [(door, encode(review)) for door, some in known.items() for review in some]
    for _ in range(STORIES):
        choices = Choices(rng.randbytes(60))
        door = choices.one_of(sorted(known))
        review = choices.one_of(others if choices.below(6) == 0 else known[door])
        given.append((door, Mutation(review, others, choices).mutated()))
    return given


class Working(threading.Thread):
    """Somebody who works in a guarded pod all the while."""

    def __init__(self, agent: Kubectl, app: str) -> None:
        super().__init__()
        self._agent, self._app = agent, app
        self.over = threading.Event()
        self.refused: list[str] = []
        self.done = 0

    def run(self) -> None:
        while not self.over.wait(0.5):
            result = self._agent.try_("exec", "-n", NAMESPACE, self._app, "--", "ls", "-d", "/")
            if (result.code, result.text) == (0, "/\n"):
                self.done += 1
            else:
                self.refused.append(result.error)


@pytest.fixture
def working(agent: Kubectl, app: str) -> Iterator[Working]:
    working = Working(agent, app)
    working.start()
    yield working
    working.over.set()
    working.join()


def state(admin: Kubectl) -> dict[str, tuple[int, bool]]:
    """The replicas: how often each was started anew, and whether it is ready."""
    found: dict[str, Any] = {
        item["metadata"]["name"]: item["status"]["containerStatuses"][0]
        for item in admin.get(*ADMISSION)["items"]
    }
    return {name: (status["restartCount"], status["ready"]) for name, status in found.items()}


@pytest.fixture
def teller(admin: Kubectl, stranger: str) -> Iterator[Stranger]:
    teller = Stranger(admin, stranger)
    yield teller
    teller.end()


def test_nothing_is_let_through_that_must_not_and_people_go_on_working(
    admin: Kubectl, agent: Kubectl, app: str, there: dict[str, Object], teller: Stranger, working: Working
) -> None:
    before = state(admin)
    assert len(before) == 2
    assert all(ready for _, ready in before.values())
    recorder = there["web"]["spec"]["initContainers"][0]
    [keys] = [one["value"] for one in recorder["env"] if one["name"] == environment.ROOT_KEYS]
    oracle = Oracle(there, environment.read_roots(keys), Approved(), image=recorder["image"])
    bodies = reviews()
    stories: list[Object] = [
        {"id": number, "path": f"/v1/{door}", "body": packed(body)}
        for number, (door, body) in enumerate(bodies)
    ]
    stories += [{"id": what, "raw": packed(sent)} for what, (sent, _) in HOSTILE.items()]
    outcomes = Counter[str]()
    told = teller.tell(stories)
    assert next(told) == {"held": SILENT + SLOW}
    for one in told:
        answer = base64.b64decode(one["answer"])
        if isinstance(one["id"], str):
            _, statuses = HOSTILE[one["id"]]
            assert one["status"] in statuses, (one["id"], answer[:500])
            assert b'"allowed":true' not in answer, one["id"]
            outcomes["on the wire"] += 1
            continue
        number: int = one["id"]
        door, body = bodies[number]
        if one["status"] == 0:
            assert len(body) > 8 * MIB, f"{door}: cut off without an answer: {body[:2000]!r}"
            outcomes["cut off"] += 1
            continue
        outcomes[oracle.judge(door, body, one["status"], answer, [])] += 1
    assert outcomes.total() == len(stories)
    assert outcomes["on the wire"] == len(HOSTILE)
    assert min(outcomes[kind] for kind in ("allowed", "denied", "malformed")) > 30, outcomes
    until(lambda: working.done >= 3, what="work beside it")
    assert not working.refused
    assert state(admin) == before, "no replica ended or stopped being ready"
    assert agent.run("exec", "-n", NAMESPACE, app, "--", "ls", "-d", "/") == "/\n"


def test_what_was_posted_is_written_down_without_card_data_and_without_errors(admin: Kubectl) -> None:
    numbers = re.compile(rf"(?<!\d)(?:{'|'.join(PANS)})(?!\d)")
    for name in state(admin):
        logged = admin.run("logs", "-n", SYSTEM, name, "--tail=-1")
        assert "malformed review" in logged, "it was asked, too"
        assert not numbers.search(logged)
        lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
        assert {line["level"] for line in lines} <= {"INFO", "WARNING"}
