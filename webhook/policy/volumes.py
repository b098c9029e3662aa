"""Volumes of a path on a node: a pod mounts one by a claim, and nothing in the pod says what it reaches.

Source: PersistentVolumeSource of core/v1, whose ``hostPath`` and ``local`` are paths on nodes.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from sidecar.contract.decoding import UNREADABLE
from webhook.policy.decision import Door
from webhook.policy.document import GuardPolicy, Match, Rule
from webhook.policy.privileges import Privilege, UnreadableObjectError

KIND: Final = "PersistentVolume"


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    """What decides which path on a node who mounts."""

    host_path: dict[str, Any] | None = None
    local: dict[str, Any] | None = None
    claim_ref: dict[str, Any] | None = None

    @property
    def claim(self) -> tuple[Any, Any]:
        """Namespace and name of the claim it is for."""
        claim = self.claim_ref or {}
        return claim.get("namespace"), claim.get("name")


class _Volume(msgspec.Struct, frozen=True):
    spec: _Spec | None = None


_volumes = msgspec.json.Decoder(_Volume | None)


def volume_privileges(after: bytes | msgspec.Raw, before: bytes | msgspec.Raw) -> tuple[Privilege, ...]:
    """Give whether a volume newly gives a path on a node, or gives it to another claim than before.

    ``before`` is null for a new one. Raises UnreadableObjectError.
    """
    new, old = _spec(after), _spec(before)
    if new.host_path is None and new.local is None:
        return ()
    is_as_before = (new.host_path, new.local, new.claim) == (old.host_path, old.local, old.claim)
    return () if is_as_before else (Privilege.HOST_PATH,)


def with_provisioners(policy: GuardPolicy, accounts: Iterable[str]) -> GuardPolicy:
    """Give a policy whose rules about volumes leave these service accounts, ``namespace/name``, out."""
    names = tuple(accounts)
    if not names:
        return policy
    rules = tuple(_leaving_out(rule, Match(service_accounts=names)) for rule in policy.spec.rules)
    return replace(policy, spec=replace(policy.spec, rules=rules))


def _leaving_out(rule: Rule, exception: Match) -> Rule:
    if rule.match.doors != (Door.PERSISTENT_VOLUME,) or not rule.action.refuses:
        return rule
    return replace(rule, except_=(*rule.except_, exception))


def _spec(data: bytes | msgspec.Raw) -> _Spec:
    try:
        found = _volumes.decode(data)
    except UNREADABLE:
        raise UnreadableObjectError(f"the object is no {KIND} that can be read") from None
    return (found.spec if found else None) or _Spec()
