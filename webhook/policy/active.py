"""The policies that decide now: the last good version of each, swapped as a whole.

A policy that does not compile never opens or locks anything: its last good version stays, also after a
restart, because the object's status keeps it for as long. Where there is none, it is left out. Compiling may
happen on any thread; the set that decides is replaced in one assignment.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import ClusterError, ConfigurationError
from webhook.policy.cases import check_cases
from webhook.policy.compiling import CompiledRule, Workshop, compile_policy
from webhook.policy.decision import Action, Approval, Decision, Question
from webhook.policy.document import GuardPolicy
from webhook.policy.evaluation import PolicySet, without_rest
from webhook.policy.loading import read_object
from webhook.policy.places import Place
from webhook.policy.remarks import without_effect


@dataclass(frozen=True)
class State:
    """What became of one object."""

    name: str
    generation: int
    resource_version: str
    error: str = ""
    """Why this version does not hold; nothing when it does."""
    active: bool = True
    """Whether a version of this policy decides, this one or an earlier."""
    digest: str = ""
    """See :func:`spec_digest`."""
    remarks: tuple[str, ...] = ()
    """What of the version that decides has no effect."""
    good: str = ""
    """Spec of the version that decides, as JSON, where that is an earlier one than the object's."""


class _Header(msgspec.Struct, frozen=True):
    metadata: "_Named"


class LastGood(msgspec.Struct, frozen=True):
    """What the status of a policy that does not compile keeps of the version that decides."""

    spec: str = ""
    """As JSON."""


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    last_good: LastGood | None = None


class _Body(msgspec.Struct, frozen=True):
    spec: object = None
    status: _Status | None = None


class _Named(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    uid: str = ""
    generation: int = 0
    resource_version: str = ""


@dataclass(frozen=True)
class _Taken:
    version: tuple[str, int]
    rules: tuple[CompiledRule, ...] | None
    """Of this version or the last good one, None when there was none."""
    error: str = ""
    digest: str = ""
    source: str = ""
    """Spec that the rules are of, as JSON."""

    @property
    def good(self) -> str:
        """The spec of the version that decides, where the object has another."""
        return self.source if self.error else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        return tuple(remark for _, remark in without_effect(one.rule for one in self.rules or ()))

    @property
    def is_active(self) -> bool:
        return self.rules is not None


class ActivePolicies:
    """Decides by the set of the moment, and takes new ones."""

    def __init__(
        self, *, otherwise: Decision, audit: bool, packs: Iterable[tuple[GuardPolicy, Place]] = ()
    ) -> None:
        """``packs`` are policies that are always there. Raises ConfigurationError when one is broken."""
        self._otherwise = otherwise
        self._audit = audit
        self._workshop = Workshop()
        self._packs = [rule for pack in packs for rule in self._compile(*pack)]
        self._taken: dict[str, _Taken] = {}
        self._set: PolicySet | None = None

    @property
    def known(self) -> bool:
        """Whether the policies were told once."""
        return self._set is not None

    def decide(self, question: Question) -> Decision:
        """Give the decision on one question. Raises ClusterError while policies are not known yet."""
        if self._set is None:
            raise ClusterError("Chaperone's policies are not known yet")
        return self._set.decide(question)

    def approval(self, policy: str, rule: str) -> Approval | None:
        """Give how a rule in force wants approvals; None when it asks for none, or is not there.

        Raises ClusterError while policies are not known yet.
        """
        if self._set is None:
            raise ClusterError("Chaperone's policies are not known yet")
        return next(
            (
                one.rule.approval or Approval()
                for one in self._set.rules
                if (one.policy, one.rule.name) == (policy, rule) and one.rule.action is Action.APPROVE
            ),
            None,
        )

    def take(
        self, objects: Mapping[str, bytes | msgspec.Raw], pace: Callable[[], None] = without_rest
    ) -> list[State]:
        """Take the objects there are now, by name, and give what became of each.

        Not to be called twice at a time. ``pace`` is called between any two of them and may rest, so that
        others have the interpreter meanwhile.
        """
        headers: dict[str, _Named] = {}
        taken: dict[str, _Taken] = {}
        for name, obj in objects.items():
            headers[name] = msgspec.json.decode(obj, type=_Header).metadata
            taken[name] = self._taking(name, headers[name], obj)
            pace()
        rules = [*self._packs, *(rule for one in taken.values() for rule in one.rules or ())]
        self._set = PolicySet(rules, otherwise=self._otherwise, audit=self._audit, pace=pace)
        self._taken = taken
        return [
            State(
                name,
                header.generation,
                header.resource_version,
                one.error,
                one.is_active,
                one.digest,
                one.remarks,
                one.good,
            )
            for (name, header), one in zip(headers.items(), taken.values(), strict=True)
        ]

    def _taking(self, name: str, header: _Named, obj: bytes | msgspec.Raw) -> _Taken:
        """Compile what is new; a spec changes only together with its generation.

        Where no version is known to be good, another replica may have put the last one into the status.
        """
        before, version = self._taken.get(name), (header.uid, header.generation)
        if before is not None and before.version == version:
            return before if before.is_active else self._restored(before, obj)
        digest = spec_digest(obj)
        try:
            return _Taken(version, self._compile(*read_object(obj)), digest=digest, source=_source(obj))
        except ConfigurationError as error:
            if before is not None and before.is_active:
                return _Taken(version, before.rules, str(error), digest, before.source)
            return self._restored(_Taken(version, None, str(error), digest), obj)

    def _restored(self, broken: _Taken, obj: bytes | msgspec.Raw) -> _Taken:
        """Give a broken policy with the good version that its status keeps, if there is one."""
        body = msgspec.json.decode(obj, type=_Body)
        kept = body.status.last_good if body.status else None
        if kept is None:
            return broken
        try:
            rules = self._compile(*read_object(_with_spec(obj, kept.spec)))
        except ConfigurationError:
            return broken
        return replace(broken, rules=rules, source=kept.spec)

    def _compile(self, policy: GuardPolicy, place: Place) -> tuple[CompiledRule, ...]:
        return compile_policy(policy, place, self._workshop)


def _source(obj: bytes | msgspec.Raw) -> str:
    return msgspec.json.encode(msgspec.json.decode(obj, type=_Body).spec, order="sorted").decode()


def _with_spec(obj: bytes | msgspec.Raw, spec: str) -> bytes:
    """Give an object with another spec, JSON. Raises ConfigurationError."""
    try:
        value = msgspec.json.decode(obj, type=dict[str, object])
        return msgspec.json.encode({**value, "spec": msgspec.json.decode(spec)})
    except UNREADABLE:
        raise ConfigurationError("the good version that its status keeps is no JSON") from None


def spec_digest(obj: bytes | msgspec.Raw) -> str:
    """Give the SHA-256 of an object's spec as JSON: keys sorted, no spaces, UTF-8, in hexadecimal."""
    return hashlib.sha256(_source(obj).encode()).hexdigest()


def check_object(data: bytes | msgspec.Raw) -> list[str]:
    """Check a policy before it is let into the cluster, its cases too, and give what of it has no effect.

    Raises ConfigurationError.
    """
    policy, place = read_object(data)
    check_cases(policy, compile_policy(policy, place, Workshop()), place)
    return [remark for _, remark in without_effect(policy.spec.rules)]
