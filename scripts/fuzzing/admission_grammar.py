"""What becomes of a review: values of other types, huge, deep, twice, misplaced, and bytes that are no text.

Nothing here knows what a review is, but where to find its request.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Final, cast

from fuzzing.admission_values import ENCODED, PANS, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fuzzing.choices import Choices

Object = dict[str, Any]
_MOST_PLACES: Final = 65_536


class Literal:
    """JSON as it stands, however wrong."""

    def __init__(self, text: bytes) -> None:
        self.text = text


class Twice:
    """An object in which one key stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def encode(value: Any) -> bytes:
    """Give a value as JSON."""
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, Twice):
        return _object(value.pairs)
    if isinstance(value, dict):
        return _object(list(_mapping(cast("Object", value)).items()))
    if isinstance(value, list):
        return b"[" + b",".join(encode(item) for item in cast("list[Any]", value)) + b"]"
    return json.dumps(value).encode()


def _object(pairs: list[tuple[str, Any]]) -> bytes:
    return b"{" + b",".join(json.dumps(key).encode() + b":" + encode(item) for key, item in pairs) + b"}"


_NUMBERS: Final = (0, -1, 1.5, 2**31, 2**63, -(2**63) - 1, 2**64, 10**40, True, False, None)
_TEXTS: Final = (
    "",
    "x",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff\ud800",
    "é",
    "４１１１",
    "\u202eexe.app",
    "a" * 300,
    "a" * 70_000,
    "../../secrets",
    "a/b",
    "a%2fb",
    "web/exec",
    ".",
    "..",
    " web",
    "web\n",
    "\r\nX: y",
    '"}',
    "*",
    "${jndi:x}",
    "/.chaperone/shim",
    "//.chaperone/./shim",
    "/.chaperone",
    "/",
    "chaperone-recorder",
    "chaperone",
    "kube-system",
    "chaperone-system",
    "system:masters",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:chaperone-system:chaperone-admission",
    "system:serviceaccount:",
)
_LITERALS: Final = (
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"1E-999",
    b"0123",
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b'"\\ud800"',
    b'"\\x"',
    b"'x'",
    b"undefined",
    b"// x\n1",
    b"",
    b"[" * 60 + b"]" * 60,
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
    b"[" * 200_000,
    b"[" + b"0," * 50_000 + b"0]",
)
_USERS: Final[tuple[Any, ...]] = (
    None,
    {},
    [],
    {"username": None},
    {"username": ""},
    {"groups": ["system:masters"]},
    {"username": "alice", "groups": None, "extra": None},
    {"username": "alice", "groups": "agents"},
    {"username": "carol", "groups": ["approvers"]},
    {"username": "alice", "groups": [f"group-{number}" for number in range(4000)]},
    {"username": "alice", "extra": {"k" * 200: ["v" * 400] * 200}},
    {"username": "system:node:node-1", "groups": ["system:nodes"]},
    {"username": "kubernetes-admin", "groups": ["system:masters"]},
)
_COLLECTIONS: Final[tuple[Any, ...]] = ([], {}, [None], [[]], {"": {}}, [{}], {"name": "x"})
_OBJECTS: Final[tuple[Any, ...]] = (None, {}, [], "x", {"metadata": None}, {"spec": {}})
_OPTIONS: Final[tuple[Any, ...]] = ({}, [], {"kind": "CreateOptions", "dryRun": ["All"]})
_OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT", "connect", "PATCH", "*", "", None, 7)
_SUBRESOURCES: Final = (
    "",
    "exec",
    "attach",
    "ephemeralcontainers",
    "status",
    "resize",
    "log",
    "binding",
    None,
)
_RESOURCES: Final = (
    "pods",
    "secrets",
    "nodes",
    "services",
    "Pods",
    "guardpolicies",
    "approvalrequests",
    "",
    None,
)
_VERSIONS: Final = ("admission.k8s.io/v1beta1", "admission.k8s.io/v2", "v1", "", None)
_KINDS: Final = ("Pod", "Status", "List", "PodExecOptions", "admissionreview", "", None)


class Mutation:
    """Changes one review. ``others`` are the reviews whose parts it may get."""

    def __init__(self, review: Object, others: list[Object], choices: Choices) -> None:
        self._review: Any = copy.deepcopy(review)
        self._others = others
        self._choices = choices

    def mutated(self) -> bytes:
        """Give what is sent."""
        ways: tuple[Callable[[], None], ...] = (
            self._replace,
            self._replace,
            self._remove,
            self._double,
            self._swap,
            self._target,
            self._target,
            self._target,
            self._write,
            self._repeat,
            self._wrap,
            self._add,
            self._graft,
        )
        for _ in range(self._choices.below(4)):
            self._choices.one_of(ways)()
        data = encode(self._review)
        return self._damage(data) if self._choices.below(8) == 0 else data

    def _place(self) -> tuple[Any, Any]:
        """Give a place as its parent and the key there."""
        found = list(_places(self._review))
        return found[self._choices.below(min(len(found), _MOST_PLACES))] if found else ({"": None}, "")

    def _odd(self) -> Any:
        kind = self._choices.below(5)
        if kind == 0:
            return self._choices.one_of(_NUMBERS)
        if kind == 1:
            return Literal(self._choices.one_of(_LITERALS))
        if kind == 2:
            return copy.deepcopy(self._choices.one_of(_COLLECTIONS))
        return self._choices.one_of(_TEXTS)

    def _replace(self) -> None:
        parent, key = self._place()
        parent[key] = self._odd()

    def _remove(self) -> None:
        parent, key = self._place()
        del parent[key]

    def _double(self) -> None:
        """Give the object at a place one of its keys twice: readers differ in which of them counts."""
        parent, key = self._place()
        inside = parent[key]
        if _mapping(inside):
            pairs = list(_mapping(inside).items())
            again = pairs[self._choices.below(len(pairs))]
            value = self._odd() if self._choices.below(2) else again[1]
            pairs.insert(self._choices.below(len(pairs) + 1), (again[0], value))
            parent[key] = Twice(pairs)

    def _swap(self) -> None:
        (one, here), (other, there) = self._place(), self._place()
        taken = copy.deepcopy(one[here])
        one[here] = copy.deepcopy(other[there])
        other[there] = taken

    def _target(self) -> None:
        review = _mapping(self._review)
        request = _mapping(review.get("request"))
        one_of = self._choices.one_of
        changes: tuple[tuple[str, Callable[[], Any]], ...] = (
            ("operation", lambda: one_of(_OPERATIONS)),
            ("subResource", lambda: one_of(_SUBRESOURCES)),
            (
                "resource",
                lambda: {"group": one_of(("", "apps", "chaperone.dev")), "resource": one_of(_RESOURCES)},
            ),
            ("kind", lambda: {"group": "", "version": "v1", "kind": one_of(_KINDS)}),
            ("userInfo", lambda: copy.deepcopy(one_of(_USERS))),
            ("namespace", lambda: one_of((*_TEXTS, "payments", None))),
            ("name", lambda: one_of((*_TEXTS, "two", "plain", "mighty", "down", "unreachable"))),
            ("object", lambda: copy.deepcopy(one_of(_OBJECTS))),
            ("oldObject", lambda: copy.deepcopy(one_of((*_OBJECTS, request.get("object"))))),
            ("dryRun", lambda: one_of((True, False, None, "true", 1))),
            ("uid", lambda: one_of((*_TEXTS, None, 7))),
            ("options", lambda: copy.deepcopy(one_of(_OPTIONS))),
        )
        key, value = one_of(changes)
        request[key] = value()
        if self._choices.below(16) == 0:
            review["apiVersion"] = one_of(_VERSIONS)
        if self._choices.below(16) == 0:
            review["kind"] = one_of(_KINDS)

    def _write(self) -> None:
        """Change a text in its middle."""
        parent, key = self._place()
        if isinstance(parent[key], str):
            at = self._choices.below(len(parent[key]) + 1)
            parent[key] = parent[key][:at] + self._choices.one_of(_TEXTS) + parent[key][at:]

    def _repeat(self) -> None:
        parent, key = self._place()
        if isinstance(parent[key], list):
            parent[key] = parent[key] * self._choices.one_of((0, 2, 50, 3000))

    def _wrap(self) -> None:
        parent, key = self._place()
        for _ in range(self._choices.one_of((1, 2, 20))):
            parent[key] = [parent[key]] if self._choices.below(2) else {"x": parent[key]}

    def _add(self) -> None:
        parent, key = self._place()
        inside = parent[key]
        if isinstance(inside, dict):
            name = self._choices.one_of(
                ("unknown", "status", "decision", "commands", "Object", "SPEC", "command")
            )
            inside[name] = self._choices.one_of((SECRET, ENCODED, *PANS, [PANS[0]], {"x": SECRET}))

    def _graft(self) -> None:
        """Put a part of another review in."""
        parent, key = self._place()
        found = [(p, k) for p, k in _places(self._choices.one_of(self._others)) if k == key]
        if found:
            other, there = found[self._choices.below(len(found))]
            parent[key] = copy.deepcopy(other[there])

    def _damage(self, data: bytes) -> bytes:
        at = self._choices.below(min(len(data), _MOST_PLACES - 1) + 1)
        ways: tuple[Callable[[], bytes], ...] = (
            lambda: data[:at],
            lambda: data[:at] + self._choices.raw(8) + data[at:],
            lambda: data[:at] + self._choices.raw(8) + data[at + 8 :],
            lambda: b"\xef\xbb\xbf" + data,
            lambda: data + data,
            lambda: data + b"\0",
            lambda: data.decode("utf-8", "replace").encode("utf-16"),
            lambda: b" " * 100_000 + data,
            lambda: data + b" " * 9_000_000,
            lambda: self._choices.raw(200),
            lambda: b"",
        )
        return self._choices.one_of(ways)()


def _mapping(value: Any) -> Object:
    """Give an object as it is; for anything else one that belongs to nothing."""
    return cast("Object", value) if isinstance(value, dict) else {}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place in a JSON value, as its parent and the key there."""
    waiting: list[Any] = [value]
    while waiting:
        part = waiting.pop()
        children: list[tuple[Any, Any]] = list(_mapping(part).items())
        if isinstance(part, list):
            children = list(enumerate(cast("list[Any]", part)[:64]))
        for key, child in children:
            yield part, key
            waiting.append(child)
