"""Controllers that manage Secrets of their own, under the default pack."""

import json
from functools import cache
from typing import Any

import msgspec
import pytest
from policy_samples import BUILTIN, Object, question

from sidecar.contract.errors import ConfigurationError
from sidecar.masking import FieldFinding
from webhook.policy.active import ActivePolicies
from webhook.policy.decision import Action, Door, Operation
from webhook.policy.packs import read_packs
from webhook.policy.secret_managers import SecretManager
from webhook.settings import PACKS

CERTS = "system:serviceaccount:cert-manager:cert-manager"
OWNED = {"owner": "SealedSecret.bitnami.com"}
LABELLED = {"labels": {"controller.cert-manager.io/fao": "true"}}
NAMED = {"names": ["tls-*"]}
OWNER = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "db"}


def manager(**limits: Any) -> SecretManager:
    return msgspec.convert({"serviceAccount": "cert-manager/cert-manager", **limits}, SecretManager)


def pack(*managers: SecretManager) -> ActivePolicies:
    return compiled(msgspec.json.encode(managers))


@cache
def compiled(written: bytes) -> ActivePolicies:
    managers = msgspec.json.decode(written, type=list[SecretManager])
    active = ActivePolicies(otherwise=BUILTIN, audit=False, packs=read_packs(PACKS, ["pci-dss"], managers))
    active.take({})
    return active


def secret(**metadata: Any) -> Object:
    return {"kind": "Secret", "metadata": {"name": "tls-web", **metadata}, "data": {"a": "b"}}


def held(
    managers: list[SecretManager],
    after: Object,
    before: Object | None = None,
    user: str = CERTS,
    **asked: Any,
) -> bool:
    """Whether it waits for an approval."""
    fields: dict[str, Any] = {
        "door": Door.SECRET,
        "operation": Operation.CREATE if before is None else Operation.UPDATE,
        "name": after["metadata"]["name"],
        "labels": after["metadata"].get("labels", {}),
        "object": msgspec.Raw(json.dumps(after).encode()),
        "old_object": msgspec.Raw(json.dumps(before).encode()),
        "argv": (),
    }
    decided = pack(*managers).decide(question(user=user, **{**fields, **asked}))
    assert decided.action in {Action.APPROVE, Action.AUDIT}, decided
    return decided.action is Action.APPROVE


@pytest.mark.parametrize(
    ("limits", "own", "other"),
    [
        (OWNED, secret(ownerReferences=[OWNER]), secret(ownerReferences=[{**OWNER, "kind": "Pod"}])),
        (OWNED, secret(ownerReferences=[OWNER]), secret(ownerReferences=[{**OWNER, "apiVersion": "v1"}])),
        (OWNED, secret(ownerReferences=[OWNER]), secret()),
        (LABELLED, secret(labels=LABELLED["labels"]), secret(labels={"other": "true"})),
        (LABELLED, secret(labels=LABELLED["labels"]), secret()),
        (NAMED, secret(), {**secret(), "metadata": {"name": "db"}}),
        (
            {**NAMED, **LABELLED},
            secret(labels=LABELLED["labels"]),
            {**secret(), "metadata": {"name": "db", **LABELLED}},
        ),
    ],
)
def test_it_writes_its_own_and_nobody_elses(limits: Object, own: Object, other: Object) -> None:
    named = [manager(**limits)]
    assert not held(named, own)
    assert not held(named, own, own)
    assert not held(named, own, operation=Operation.DELETE)
    assert held(named, other)
    assert held(named, other, operation=Operation.DELETE)
    assert held(named, own, user="somebody")
    assert held(named, own, user="system:serviceaccount:cert-manager:other")
    assert held([], own)


@pytest.mark.parametrize(("limits", "mark"), [(OWNED, {"ownerReferences": [OWNER]}), (LABELLED, LABELLED)])
def test_nobodys_secret_becomes_its_own_by_being_written(limits: Object, mark: Object) -> None:
    assert held([manager(**limits)], secret(**mark), secret())
    assert held([manager(**limits)], secret(), secret(**mark))


def test_tokens_and_card_data_are_nobodys_own() -> None:
    token = {**secret(), "type": "kubernetes.io/service-account-token"}
    assert held([manager(**NAMED)], token)
    assert not held([manager(**NAMED)], {**secret(), "type": "kubernetes.io/tls"})
    assert held([manager(**NAMED)], secret(), findings=(FieldFinding("/data/a", "pan", "visa"),))


def test_where_it_may_is_said_too() -> None:
    somewhere = [manager(namespaces=["pay*"], **NAMED)]
    assert not held(somewhere, secret())
    assert held(somewhere, secret(), namespace="other")


def test_of_several_one_suffices_and_other_packs_stay_as_they_are() -> None:
    assert not held([manager(names=["x"]), manager(**NAMED)], secret())
    [(policy, _)] = read_packs(PACKS, ["read-only-agents"], [manager(**NAMED)])
    [(plain, _)] = read_packs(PACKS, ["read-only-agents"])
    assert policy == plain


def test_one_without_limits_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="say which Secrets are its own"):
        pack(manager())
    with pytest.raises(msgspec.ValidationError):
        manager(owner='x" || true || "')
