"""Stories that went wrong once, or would be the worst to go wrong: each step has one right outcome.

They are told before any other. Whatever dave asks for is approved at once, for one use.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

from fuzzing.admission_seeds import seeds
from fuzzing.admission_values import ALICE, DAVE, ENCODED, FRANK, METADATA, Object, review

_ONCE: Final = {
    "exec": ("denied", "allowed", "denied", "denied"),  # whether the session began is not known yet
    "attach": ("denied", "allowed", "denied", "allowed", "denied"),
    "ephemeralcontainers": ("denied", "allowed", "denied", "allowed", "denied"),
    "objects": ("denied", "allowed", "denied", "allowed", "denied"),
    "connections": ("denied", "allowed", "denied", "allowed", "denied"),
}
"""What comes of the same again and again, by door: every approval is one use."""


@dataclass(frozen=True)
class Step:
    """One review, and what must come of it."""

    door: str
    review: Object
    outcome: str


@dataclass(frozen=True)
class Story:
    """Steps in order."""

    name: str
    steps: tuple[Step, ...]


def stories() -> tuple[Story, ...]:
    """Give all of them."""
    return (
        _landed(),
        _dry_run_first(),
        _of_somebody_else(),
        _broken_dry(),
        *(_again_and_again(door) for door in _ONCE),
    )


def _change(old: str, new: str, **fields: object) -> Object:
    """Give dave's change of a Secret from one value to another."""
    before, after = (
        {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA, "data": {"password": value}}
        for value in (old, new)
    )
    who: Object = {"userInfo": DAVE, "name": "app", **fields}
    return review("secrets", "Secret", "UPDATE", after, oldObject=before, **who)


def _landed() -> Story:
    """One approval is one use, also when the change was made, undone, and is made again within seconds."""
    change = _change("b25l", ENCODED)
    steps = (
        Step("objects", change, "denied"),
        Step("objects", change, "allowed"),
        Step("objects", _change(ENCODED, ENCODED), "allowed"),  # it is there already
        Step("objects", _change(ENCODED, "b25l"), "denied"),
        Step("objects", _change(ENCODED, "b25l"), "allowed"),  # undone
        Step("objects", change, "denied"),
        Step("objects", change, "allowed"),
        Step("objects", change, "denied"),
    )
    return Story("the same change after a landed use", steps)


def _dry_run_first() -> Story:
    """A dry run spends nothing."""
    change, dry = _change("dHdv", ENCODED), _change("dHdv", ENCODED, dryRun=True)
    outcomes = ("denied", "denied", "allowed", "allowed", "allowed", "denied")
    sent = (dry, change, dry, dry, change, change)
    steps = tuple(Step("objects", one, outcome) for one, outcome in zip(sent, outcomes, strict=True))
    return Story("dry runs of what is approved", steps)


def _of_somebody_else() -> Story:
    """What is approved for one is approved for nobody else."""
    mine, other = _change("dGhyZWU=", ENCODED), _change("dGhyZWU=", ENCODED, userInfo=ALICE)
    sent = ((mine, "denied"), (other, "denied"), (other, "denied"), (mine, "allowed"), (other, "denied"))
    return Story("somebody else's approval", tuple(Step("objects", one, outcome) for one, outcome in sent))


def _broken_dry() -> Story:
    """A dry run of who may break the glass breaks none; once its grant named no session."""
    own = next(one for one in seeds()["exec"] if one["request"]["userInfo"] == FRANK)
    dry = copy.deepcopy(own)
    dry["request"]["dryRun"] = True
    sent = (dry, own, dry, own)
    return Story("broken glass in a dry run", tuple(Step("exec", one, "allowed") for one in sent))


def _again_and_again(door: str) -> Story:
    found = next(one for one in seeds()[door] if one["request"]["userInfo"] == DAVE)
    sent = copy.deepcopy(found)
    sent["request"]["name"] = "again" if door in {"objects", "connections"} else "two"
    if door == "exec":
        sent["request"]["object"]["container"] = "side"
    return Story(f"the same again and again at {door}", tuple(Step(door, sent, one) for one in _ONCE[door]))
