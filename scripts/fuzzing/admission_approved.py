"""What may be let through although it is to be approved: for an approval, a standing one, or broken glass."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final, cast

from fuzzing.admission_values import DAVE, STANDING, TOOL

Object = dict[str, Any]
_BEGINNINGS: Final = (
    "the pack wants it approved",
    "it reaches beyond itself",
    "a Secret",
    "card data",
    "a token",
    "pods that",
    "rights that",
    "a namespace",
    "it changes Chaperone",
    "what flows",
)
"""How complaints begin that an approval answers."""


class Approved:
    """Remembers what was refused to who is always approved: that much may be let through, and no more."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()

    def refused(self, door: str, request: Object) -> None:
        """Take note of a refusal."""
        if _is_dave(request):
            self._asked[_action(door, request)] += 1

    def answers(self, complaint: str, door: str, request: Object) -> bool:
        """Tell whether an approval is why something was let through; it is used up then."""
        action = _action(door, request)
        if not complaint.startswith(_BEGINNINGS) or not _is_dave(request) or self._asked[action] <= 0:
            return False
        if not request.get("dryRun"):
            self._asked[action] -= 1
        return True

    def session(self, request: Object, argv: list[str], container: str, *, of_team: bool) -> bool:
        """Tell whether something stands for the approval that a session needs, be it the team's alone.

        Nothing is used up: a grant that comes to nothing is given once more.
        """
        user, options = cast("Object", request["userInfo"]), cast("Object", request["object"])
        if "firefighters" in (user.get("groups") or ()):
            return True
        calm = of_team and options.get("tty") is not True and options.get("stdin") is not True
        stands = tuple(argv[: len(STANDING)]) == STANDING and container == "app" and calm
        if stands and user.get("username") == "alice" and request.get("namespace") == "payments":
            return True
        return _is_dave(request) and self._asked[_action("exec", request)] > 0


def is_tool(argv: list[str]) -> bool:
    """Tell whether the team's policy wants a command line approved."""
    return tuple(argv[: len(TOOL)]) == TOOL


def _is_dave(request: Object) -> bool:
    user: object = request.get("userInfo")
    return isinstance(user, dict) and cast("Object", user).get("username") == DAVE["username"]


def _action(door: str, request: Object) -> str:
    """Give what is asked, as far as two that differ in it are surely not the same action."""
    told: list[Any] = [door, *(request.get(key) or "" for key in ("namespace", "operation", "subResource"))]
    if door == "exec":
        found: object = request.get("object")
        options = cast("Object", found) if isinstance(found, dict) else {}
        told += [request.get("name"), options.get("command"), options.get("container") or ""]
        told += [options.get("tty") is True, options.get("stdin") is True]
    return json.dumps(told)
