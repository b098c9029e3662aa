"""What answers must be, worked out anew from what was sent: nothing here asks the doors' own code.

The one exception is what recorders themselves do with a grant: read it, and compare it with what they see.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final, cast

from fuzzing.admission_approved import is_tool
from fuzzing.admission_object_oracle import connection_complaint, object_complaint
from fuzzing.admission_own_oracle import approval_complaint, policy_complaint, standing_complaint
from fuzzing.admission_pod_oracle import (
    debug_complaint,
    debugging_complaint,
    injection_complaint,
    pod_complaint,
)
from fuzzing.admission_values import PANS, PLANTED
from sidecar.contract.grants import DialIn, GrantError, check_dial_in, verify_grant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fuzzing.admission_approved import Approved

Object = dict[str, Any]
Must = "Callable[[Object, list[Object]], str]"
_FITTING: Final = {
    "exec": ("", {"pods"}, "exec", {"CONNECT"}),
    "attach": ("", {"pods"}, "attach", {"CONNECT"}),
    "ephemeralcontainers": ("", {"pods"}, "ephemeralcontainers", {"UPDATE"}),
    "debugging": ("", {"pods"}, "ephemeralcontainers", {"UPDATE"}),
    "injection": ("", {"pods"}, "", {"CREATE"}),
    "pods": ("", {"pods"}, "", {"CREATE"}),
    "guardpolicies": ("chaperone.dev", {"guardpolicies"}, "", {"CREATE", "UPDATE"}),
    "approvalrequests": ("chaperone.dev", {"approvalrequests"}, "", {"CREATE", "UPDATE", "DELETE"}),
    "standingapprovals": ("chaperone.dev", {"standingapprovals"}, "", {"CREATE", "UPDATE", "DELETE"}),
}
"""Group, resources, subresource and operations that doors are for."""
_OPERATIONS: Final = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})
_READING: Final = frozenset(
    [
        "ls",
        "cat",
        "head",
        "tail",
        "grep",
        "wc",
        "stat",
        "df",
        "du",
        "ps",
        "pgrep",
        "free",
        "id",
        "uname",
        "date",
        "hostname",
        "uptime",
        "whoami",
        "pwd",
    ]
)
"""Programs that the pack lets run without anybody being asked."""
_OPEN_PODS: Final = frozenset({"web", "two"})
_NAMED: Final = frozenset(
    {"name", "generateName", "namespace", "username", "uid", "container", "containers", "mountPath"}
    | {"devicePath", "hostnames", "reason", "status", "resource", "kind", "subResource"}
    | {"groups", "extra"}
)
"""Fields whose values may be shown: they are names, or said to be shown."""
_SKEW: Final = 5
_IMAGE: Final = "registry.example/recorder:1"
_CARDS: Final = re.compile("|".join(rf"(?<!\d){pan}(?!\d)" for pan in PANS))
"""Planted numbers as they stand; in the middle of more digits they are none."""
_HEX_BEFORE: Final = re.compile(r"[0-9A-Fa-f]{0,129}\Z")
_HEX_AFTER: Final = re.compile(r"[0-9A-Fa-f]{0,129}")
_IDENTIFIERS: Final = frozenset({24, 32, 40, 48, 56, 64, 96, 128})
"""So many hex digits are a digest or an identifier, which masking leaves."""


class BrokenPromiseError(AssertionError):
    """A promise of the doors does not hold. The review is generated, so it is named."""


class Oracle:
    """Judges answers. ``pods`` are those that are there, ``roots`` what their recorders trust.

    ``approved`` is what was approved there, ``image`` the recorder's.
    """

    def __init__(
        self, pods: Mapping[str, Object], roots: tuple[bytes, ...], approved: Approved, *, image: str = _IMAGE
    ) -> None:
        self._pods = pods
        self._roots = roots
        self._approved = approved
        self._musts: dict[str, Callable[[Object, list[Object]], str]] = {
            "exec": self._exec,
            "attach": lambda _, __: "the pack wants it approved, and nobody has",
            "ephemeralcontainers": debug_complaint,
            "debugging": debugging_complaint,
            "injection": lambda request, patch: injection_complaint(request, patch, image),
            "pods": lambda request, patch: pod_complaint(request, patch, image),
            "guardpolicies": policy_complaint,
            "approvalrequests": approval_complaint,
            "standingapprovals": standing_complaint,
            "objects": object_complaint,
            "connections": connection_complaint,
        }

    @property
    def doors(self) -> frozenset[str]:
        """The doors that more is known of than what holds for all."""
        return frozenset(self._musts)

    def judge(
        self, door: str, sent: bytes, status: int, answer: bytes, lines: list[str], events: str = ""
    ) -> str:
        """Give what the answer was: malformed, denied or allowed. Raises BrokenPromiseError.

        ``lines`` went to the log, ``events`` into the record, where command lines may be; card data may be
        in neither, whatever it stands as.
        """
        review = _parsed(sent)
        try:
            _demand(not any(_has_card(text) for text in (events, *lines)), "card data was written down")
            return self._judged(door, review, status, answer, lines)
        except BrokenPromiseError as error:
            raise BrokenPromiseError(
                f"{error}; door {door}, sent {sent[:6000]!r}, answered {status} {answer[:3000]!r}"
            ) from None

    def _judged(self, door: str, review: Object | None, status: int, answer: bytes, lines: list[str]) -> str:
        _demand(status in {200, 400}, "the answer is neither a review nor a 400")
        for line in lines:
            _demand(
                json.loads(line)["level"] in {"INFO", "WARNING"}, f"the log tells of an error: {line[:2000]}"
            )
        if status == 400:
            _demand(b"allowed" not in answer and len(answer) < 2000, "a 400 says more than why")
            _shows_nothing(door, review, answer.decode(), lines)
            return "malformed"
        response = _response(review, answer)
        patch = _patch(response)
        if not response["allowed"]:
            _demand(not patch, "a denial has a patch")
            self._approved.refused(door, cast("Object", (review or {})["request"]))
            _shows_nothing(door, review, answer.decode(), lines)
            return "denied"
        request = _allowable(door, review)
        must = self._musts.get(door)
        complaint = must(request, patch) if must is not None else ""
        if complaint and self._approved.answers(complaint, door, request):
            complaint = ""
        _demand(not complaint, f"it was let through, but {complaint}")
        shown = json.dumps([step for step in patch if door != "exec"])
        _shows_nothing(door, review, shown, lines)
        return "allowed"

    def _exec(self, request: Object, patch: list[Object]) -> str:
        options, name = request.get("object"), request.get("name")
        if name not in _OPEN_PODS or not isinstance(options, dict):
            return "nobody may get into that pod"
        options = cast("Object", options)
        argv = options.get("command")
        if (
            not isinstance(argv, list)
            or not argv
            or not all(_argument(word) for word in cast("list[Any]", argv))
        ):
            return "that is no command line"
        argv = cast("list[str]", argv)
        container = options.get("container") or self._only_container(name)
        if len(patch) != 1 or (patch[0]["op"], patch[0]["path"]) != ("add", "/command"):
            return "the command line is not rewritten, or something else is"
        command: list[str] = patch[0]["value"]
        if command[0] != "/.chaperone/shim" or command[2:] != ["--", *argv]:
            return "the command line is rewritten to another one"
        to_be_approved = argv[0] not in _READING or "run/secrets" in " ".join(argv)
        waits = to_be_approved or is_tool(argv)
        if waits and not self._approved.session(request, argv, str(container), of_team=not to_be_approved):
            return "it is to be approved, and nobody has approved it"
        return self._grant(request, command[1], argv, str(container), tty=options.get("tty") is True)

    def _grant(self, request: Object, token: str, argv: list[str], container: str, *, tty: bool) -> str:
        pod, now = self._pods[request["name"]], int(time.time())
        names = [one["name"] for one in pod["spec"]["containers"]]
        seen = DialIn(pod["metadata"]["uid"], container, tuple(word.encode() for word in argv), tty)
        try:
            grant = verify_grant(token.encode(), roots=self._roots, now=now)
            check_dial_in(grant, seen, now=now, skew_seconds=_SKEW)
        except GrantError as error:
            return f"its grant does not hold: {error}"
        if container not in names or (grant.namespace, grant.pod) != (
            request.get("namespace", ""),
            request["name"],
        ):
            return "its grant is for another place"
        return ""

    def _only_container(self, name: str) -> str:
        names = [one["name"] for one in self._pods[name]["spec"]["containers"]]
        return names[0] if len(names) == 1 else ""


def _has_card(text: str) -> bool:
    """Tell whether a planted number is in a text that is no part of something in hex."""
    for found in _CARDS.finditer(text):
        before = _HEX_BEFORE.search(text[max(0, found.start() - 129) : found.start()])
        after = _HEX_AFTER.match(text, found.end())
        length = sum(len(part.group()) for part in (before, found, after) if part is not None)
        if length not in _IDENTIFIERS:
            return True
    return False


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenPromiseError(what)


def _parsed(sent: bytes) -> Object | None:
    """Give the review as another reader of JSON has it; None when it has none."""
    try:
        found = json.loads(sent.decode())
    except (ValueError, RecursionError):
        return None
    return cast("Object", found) if isinstance(found, dict) else None


def _response(review: Object | None, answer: bytes) -> Object:
    try:
        given: Object = json.loads(answer)
    except ValueError:
        raise BrokenPromiseError("the answer is no JSON") from None
    head = (given.get("apiVersion"), given.get("kind"))
    _demand(head == ("admission.k8s.io/v1", "AdmissionReview"), "the answer is no AdmissionReview")
    response: Object = given["response"]
    _demand(isinstance(response.get("allowed"), bool), "the answer does not say whether it is allowed")
    request = (review or {}).get("request")
    _demand(isinstance(request, dict), "what cannot be read got an answer")
    _demand(response["uid"] == cast("Object", request).get("uid"), "the answer is to another request")
    if not response["allowed"]:
        status: Object = response["status"]
        _demand(bool(status["message"]) and 400 <= status["code"] < 600, "a denial does not say why")
        _demand(bool(status["details"]["causes"]), "a denial does not say why to machines")
    return response


def _patch(response: Object) -> list[Object]:
    if "patch" not in response:
        return []
    _demand(response.get("patchType") == "JSONPatch", "a patch of no kind")
    return json.loads(base64.b64decode(response["patch"], validate=True))


def _allowable(door: str, review: Object | None) -> Object:
    """Give the request, provided that such a one may be let through at all."""
    _demand(review is not None, "what cannot be read was let through")
    whole = cast("Object", review)
    head = (whole.get("apiVersion"), whole.get("kind"))
    _demand(head == ("admission.k8s.io/v1", "AdmissionReview"), "what is no AdmissionReview was let through")
    request = cast("Object", whole["request"])
    _demand(request.get("operation") in _OPERATIONS, "an operation that there is not was let through")
    _demand(isinstance(request.get("userInfo"), dict), "nobody was let through")
    if door in _FITTING:
        group, resources, sub, operations = _FITTING[door]
        resource = cast("Object", request.get("resource") or {})
        fits = resource.get("group", "") == group and resource.get("resource") in resources
        fits = fits and request.get("subResource", "") == sub and request["operation"] in operations
        _demand(fits, "something was let through that this door is not for")
    return request


def _argument(word: object) -> bool:
    return isinstance(word, str) and "\0" not in word and not any("\ud800" <= c <= "\udfff" for c in word)


def _shows_nothing(
    door: str, review: Object | None, answer: str, lines: list[str], planted: Sequence[str] = PLANTED
) -> None:
    """Demand that nothing planted is shown, but where it stands as a name, which may be shown."""
    shown = [text for text in planted if text in answer or any(text in line for line in lines)]
    if not shown:
        return
    names = json.dumps(list(_names(door, review, named=False)))
    for text in shown:
        _demand(text in names, f"what nobody may see is shown: {text}")


def _names(door: str, part: Any, *, named: bool) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in cast("Object", part).items():
            yield from _names(
                door, value, named=named or key in _NAMED or (key, door) == ("spec", "guardpolicies")
            )
    elif isinstance(part, list):
        for value in cast("list[Any]", part):
            yield from _names(door, value, named=named)
    elif named and isinstance(part, str):
        yield part
