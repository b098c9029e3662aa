"""Controllers outside ``kube-system`` that manage Secrets of their own, as exceptions of packs.

Packs cannot be changed, and every cluster has other such controllers (cert-manager, external-secrets,
sealed-secrets). An exception is for one service account and the Secrets it says are its own: by name, by
labels or by owner, before the change as well as after it, so that nobody's Secret becomes theirs by being
written. Secrets that have a service account's token put into them are nobody's own.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from sidecar.contract.errors import ConfigurationError
from webhook.policy.decision import Door
from webhook.policy.document import GuardPolicy, Match, Rule

_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  the name of a type
_LIMITS: Final = "names, labels or owner"


class SecretManager(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A controller and its Secrets; of the limits that are given, all must fit."""

    service_account: Annotated[str, Meta(pattern="^[a-z0-9.-]+/[a-z0-9.-]+$")]
    """``namespace/name``."""
    namespaces: tuple[str, ...] = ()
    """Where, anywhere when left out; with ``*`` and ``?``, as ``names``."""
    names: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    owner: Annotated[str, Meta(pattern="^([A-Z][A-Za-z0-9]*\\.[a-z0-9.-]+)?$")] = ""
    """``Kind.group`` of an owner that they have, as in ``SealedSecret.bitnami.com``."""


def with_managers(policy: GuardPolicy, managers: Sequence[SecretManager]) -> GuardPolicy:
    """Give a policy whose rules about Secrets leave these controllers out. Raises ConfigurationError."""
    exceptions = tuple(_exception(manager) for manager in managers)
    if not exceptions:
        return policy
    rules = tuple(_leaving_out(rule, exceptions) for rule in policy.spec.rules)
    return replace(policy, spec=replace(policy.spec, rules=rules))


def _leaving_out(rule: Rule, exceptions: tuple[Match, ...]) -> Rule:
    if rule.match.doors != (Door.SECRET,) or not rule.action.refuses:
        return rule
    return replace(rule, except_=rule.except_ + exceptions)


def _exception(manager: SecretManager) -> Match:
    if not (manager.names or manager.labels or manager.owner):
        account = manager.service_account
        raise ConfigurationError(f"secret manager {account}: say which Secrets are its own: {_LIMITS}")
    return Match(
        service_accounts=(manager.service_account,),
        namespaces=manager.namespaces or None,
        names=manager.names or None,
        cel=_all((f"(!has(object.type) || object.type != {_text(_TOKEN_TYPE)})", *_own(manager))),
    )


def _own(manager: SecretManager) -> Iterator[str]:
    """Give what must hold of the Secret as it would be, and as it is."""
    after = list(_marks(manager, "object"))
    if after:
        yield from after
        yield f"(oldObject == null || ({_all(_marks(manager, 'oldObject'))}))"


def _marks(manager: SecretManager, which: str) -> Iterator[str]:
    metadata = f"{which}.metadata"
    if manager.owner:
        kind, _, group = manager.owner.partition(".")
        owned = f"o.kind == {_text(kind)} && o.apiVersion.startsWith({_text(group + '/')})"
        yield f"has({metadata}.ownerReferences) && {metadata}.ownerReferences.exists(o, {owned})"
    for key, value in manager.labels.items():
        label = f"{metadata}.labels[{_text(key)}] == {_text(value)}"
        yield f"has({metadata}.labels) && {_text(key)} in {metadata}.labels && {label}"


def _all(conditions: Iterable[str]) -> str:
    return " && ".join(conditions)


def _text(value: str) -> str:
    """Give a literal; CEL reads those of JSON."""
    return json.dumps(value)
