"""The doors keep their promises whatever is posted to them, and doors that do not are noticed."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fuzzing import plain
from fuzzing.admission import Storyteller
from fuzzing.admission_approved import Approved
from fuzzing.admission_cluster import Installation
from fuzzing.admission_grammar import Literal, Mutation, encode
from fuzzing.admission_oracle import BrokenPromiseError, Oracle
from fuzzing.admission_patches import PatchError, patched
from fuzzing.admission_seeds import seeds
from fuzzing.admission_stories import stories
from fuzzing.admission_values import PANS, SECRET, STANDING, TOOL
from fuzzing.choices import Choices

from webhook.admission.denials import deny
from webhook.admission.review import Answer, PatchOperation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook.admission.review import Request

ROOT = Path(__file__).resolve().parents[3]
POSTS = 100_000 if os.environ.get("CHAPERONE_LONG") else 2000


@pytest.fixture(scope="module")
def installation() -> Installation:
    return Installation()


@pytest.fixture
def teller(installation: Installation) -> Iterator[Storyteller]:
    level, teller = logging.getLogger().level, Storyteller(installation)
    yield teller
    teller.close()
    logging.getLogger().setLevel(level)


def test_promises_are_kept(teller: Storyteller) -> None:
    assert plain.run(POSTS, 3, teller).feeds >= POSTS
    for door in teller.doors:
        assert sum(teller.outcomes[door, kind] for kind in ("malformed", "denied", "allowed")) > 50


def test_every_door_is_asked_with_reviews_of_its_own(teller: Storyteller) -> None:
    """A door that is added needs seeds and something the oracle knows of it."""
    assert set(seeds()) == set(teller.doors) == teller.known


def test_reviews_of_api_servers_are_judged(teller: Storyteller) -> None:
    teller.untouched()
    outcomes = teller.outcomes
    assert not any(outcomes[door, "malformed"] for door in teller.doors)
    assert {door for door in teller.doors if not outcomes[door, "denied"]} == {"injection", "debugging"}
    for door in ("exec", "injection", "pods", "guardpolicies", "approvalrequests"):
        assert outcomes[door, "allowed"]


@pytest.mark.parametrize("where", ["object", "oldObject"])
@pytest.mark.parametrize("metadata", [3, "x", [], None])
def test_metadata_that_is_none_lets_nothing_through(
    teller: Storyteller, where: str, metadata: object
) -> None:
    for door in ("approvalrequests", "standingapprovals"):
        review = next(one for one in seeds()[door] if one["request"]["operation"] == "UPDATE")
        review["request"][where]["metadata"] = metadata
        assert teller.post(door, encode(review)) != "allowed"


def test_a_time_that_cannot_be_counted_lets_nothing_through(teller: Storyteller) -> None:
    review = seeds()["approvalrequests"][0]
    for where in ("object", "oldObject"):
        review["request"][where]["spec"]["usableSeconds"] = 2**62
    assert teller.post("approvalrequests", encode(review)) == "denied"


def test_a_number_that_is_none_lets_nothing_through(teller: Storyteller) -> None:
    privileged = next(one for one in seeds()["pods"] if "hostPID" in one["request"]["object"]["spec"])
    privileged["request"]["object"]["spec"]["priority"] = Literal(b"1e999")
    assert teller.post("pods", encode(privileged)) == "denied"


def test_a_number_that_is_none_in_a_connection_lets_nothing_through(teller: Storyteller) -> None:
    forward = next(one for one in seeds()["connections"] if "ports" in one["request"]["object"])
    forward["request"]["object"]["unknown"] = [Literal(b"1e999")]
    assert teller.post("connections", encode(forward)) == "denied"


def test_a_resource_of_another_group_is_not_judged_as_what_it_says_it_is(teller: Storyteller) -> None:
    grown = next(one for one in seeds()["objects"] if "hostPID" in str(one["request"]["object"]))
    grown["request"]["resource"] = {"group": "apps", "version": "v1", "resource": "pods"}
    assert teller.post("objects", encode(grown)) == "malformed"


def by(user: str, door: str = "exec", /, **options: object) -> dict[str, Any]:
    """The first seed of somebody with these options."""
    reviews = [one["request"] for one in seeds()[door] if one["request"]["userInfo"]["username"] == user]
    found = next(one for one in reviews if options.items() <= (one["object"] or {}).items())
    head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return {**head, "request": found}


def test_what_is_approved_meanwhile_goes_through_once() -> None:
    told = Storyteller()
    for door in ("exec", "objects", "connections"):
        sent = encode(by("dave", door))
        assert [told.post(door, sent) for _ in range(3)] == ["denied", "allowed", "denied"], door
    told.close()


def test_stories_that_are_known_end_as_they_must() -> None:
    teller = Storyteller()
    teller.remember()
    assert teller.feeds == sum(len(story.steps) for story in stories())
    teller.remember()
    assert teller.feeds == sum(len(story.steps) for story in stories()), "they are told once"
    teller.close()


def test_a_story_that_ends_otherwise_is_noticed(installation: Installation) -> None:
    changed = copy.copy(installation)
    changed.app, changed.approved = installation.serving({"objects": Asked(), "exec": Asked()}), Approved()
    told = Storyteller(changed)
    with pytest.raises(BrokenPromiseError, match=r"a Secret|the same change after a landed use"):
        told.remember()
    told.close()


class Slow:
    """A door that computes for long, or waits for long."""

    def __init__(self, seconds: float, *, asleep: bool) -> None:
        self._seconds, self._asleep = seconds, asleep

    async def review(self, request: Request) -> Answer:
        if self._asleep:
            await asyncio.sleep(self._seconds)
        began = time.process_time()
        while not self._asleep and time.process_time() - began < self._seconds:
            pass
        return deny("x", why="y", remedy="z", rule="R")


@pytest.mark.parametrize(("asleep", "complaint"), [(False, "of a processor"), (True, "no answer came")])
def test_what_takes_long_is_noticed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, asleep: bool, complaint: str
) -> None:
    limit = "_MOST_WAITING" if asleep else "_MOST_SECONDS"
    monkeypatch.setattr(f"fuzzing.admission.{limit}", 0.2)
    changed = copy.copy(installation)
    changed.app = installation.serving({"attach": Slow(60.0 if asleep else 0.3, asleep=asleep)})
    told = Storyteller(changed)
    with pytest.raises(BrokenPromiseError, match=complaint):
        told.post("attach", encode(seeds()["attach"][0]))
    told.close()


def test_broken_glass_and_standing_approvals_let_through_what_they_are_for(teller: Storyteller) -> None:
    assert teller.post("exec", encode(by("frank"))) == "allowed"
    standing = [*STANDING, "x"]
    assert teller.post("exec", encode(by("alice", container="app", command=standing))) == "allowed"
    assert teller.post("exec", encode(by("alice", tty=True, command=standing))) == "denied"
    assert teller.post("exec", encode(by("carol", command=[*STANDING]))) == "denied"
    assert teller.post("exec", encode(by("alice", command=[*TOOL, "x"]))) == "denied"


def test_an_approval_that_is_used_twice_is_noticed(installation: Installation) -> None:
    sent = encode(by("dave", "objects"))
    changed = copy.copy(installation)
    changed.app, changed.approved = installation.serving({"objects": Asked()}), Approved()
    told = Storyteller(changed)
    assert [told.post("objects", sent) for _ in range(2)] == ["denied", "allowed"]
    with pytest.raises(BrokenPromiseError, match="a Secret"):
        told.post("objects", sent)
    told.close()


class Asked:
    """A door that refuses once, and then lets everything through."""

    def __init__(self) -> None:
        self._asks = True

    async def review(self, request: Request) -> Answer:
        asks, self._asks = self._asks, False
        return deny("x", why="y", remedy="z", rule="R") if asks else Answer()


class Lax:
    """A door that gives one answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def review(self, request: Request) -> Answer:
        logging.getLogger("lax").info("asked by %s", request.user_info.username)
        return self._answer


class Broken:
    """A door with a bug."""

    async def review(self, request: Request) -> Answer:
        raise KeyError(request.name)


COMMAND = PatchOperation("add", "/command", ["/.chaperone/shim", "x", "--", "ls", "-la"])
LAX = (
    ("exec", Lax(Answer()), "is not rewritten"),
    ("exec", Lax(Answer(patch=(COMMAND,))), "another one|grant does not hold|may get into"),
    ("injection", Lax(Answer()), "does not fit"),
    ("attach", Lax(Answer()), "wants it approved"),
    ("approvalrequests", Lax(Answer()), "is not stamped"),
    ("guardpolicies", Lax(deny("x", why=SECRET, remedy="y", rule="Z")), "nobody may see"),
    ("guardpolicies", Lax(deny("x", why=PANS[0], remedy="y", rule="Z")), "nobody may see"),
)


@pytest.mark.parametrize(("door", "lax", "complaint"), LAX)
def test_a_lax_door_is_noticed(
    installation: Installation, teller: Storyteller, door: str, lax: Lax, complaint: str
) -> None:
    changed = copy.copy(installation)
    changed.app = installation.serving({**installation.doors, door: lax})
    told = Storyteller(changed)
    try:
        with pytest.raises(BrokenPromiseError, match=complaint):
            told.post(door, encode(seeds()[door][0]))
    finally:
        told.close()


TEXTS = [
    (PANS[0], True),
    (f"card={PANS[0]}aaa", True),
    (f"x{PANS[0]}", True),
    (f"1{PANS[0]}", False),
    ("a" * 16 + PANS[0], False),  # an MD5 looks so
    (PANS[0] + "a" * 112, False),  # and a SHA-512 so
    (PANS[0] + "a" * 113, True),
    (f"{PANS[0]}{'a' * 112} {PANS[1]}", True),
]


@pytest.mark.parametrize(("text", "is_card"), TEXTS, ids=map(str, range(len(TEXTS))))
def test_card_data_that_is_written_down_is_noticed(
    installation: Installation, text: str, is_card: bool
) -> None:
    oracle = Oracle(installation.pods, installation.roots, Approved())
    sent = encode(seeds()["attach"][0])
    noticed = pytest.raises(BrokenPromiseError, match="card data was written down")
    with noticed if is_card else nullcontext():
        assert oracle.judge("attach", sent, 400, b"no review", [], text) == "malformed"


def test_an_exception_is_no_answer(installation: Installation) -> None:
    changed = copy.copy(installation)
    changed.app = installation.serving({"exec": Broken()})
    told = Storyteller(changed)
    try:
        with pytest.raises(KeyError):
            told.post("exec", encode(seeds()["exec"][0]))
    finally:
        told.close()


def test_mutations_leave_what_they_begin_with_alone() -> None:
    review = seeds()["pods"][0]
    before = copy.deepcopy(review)
    sent = {Mutation(review, [review], Choices(bytes([n]) * 60)).mutated() for n in range(256)}
    assert review == before
    assert len(sent) > 50
    assert encode(review) == json.dumps(review, separators=(",", ":")).encode()


STEPS: list[tuple[list[dict[str, Any]], Any]] = [
    ([{"op": "add", "path": "/b", "value": 1}], {"a": [1, {"c": 2}], "b": 1}),
    ([{"op": "add", "path": "/a/-", "value": 3}], {"a": [1, {"c": 2}, 3]}),
    ([{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1, {"c": 2}]}),
    ([{"op": "replace", "path": "/a/1/c", "value": 3}], {"a": [1, {"c": 3}]}),
    ([{"op": "remove", "path": "/a/0"}, {"op": "remove", "path": "/a/0/c"}], {"a": [{}]}),
    ([{"op": "add", "path": "/a/1/x~1y~0", "value": 3}], {"a": [1, {"c": 2, "x/y~": 3}]}),
]


@pytest.mark.parametrize(("steps", "result"), STEPS)
def test_patches_are_applied(steps: list[dict[str, Any]], result: object) -> None:
    assert patched({"a": [1, {"c": 2}]}, steps) == result


@pytest.mark.parametrize("path", ["/a/3", "/a/x", "/b/c", "/a/0/c", "/a/-1", "/a/01x"])
def test_what_does_not_fit_is_an_error(path: str) -> None:
    with pytest.raises((PatchError, KeyError, TypeError)):
        patched({"a": [1, {"c": 2}]}, [{"op": "add", "path": path, "value": 1}])


def test_the_command(tmp_path: Path) -> None:
    story = tmp_path / "story"
    story.write_bytes(bytes(range(200)))
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/fuzz", "admission", "--replay", str(story)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "every promise kept" in done.stdout
