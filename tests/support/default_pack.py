"""The doors of objects under the default pack."""

import base64
from typing import Any

from reviews import Object, object_door

from sidecar.contract.grants import Limits
from webhook.admission.review import Request
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Policy
from webhook.policy.packs import read_packs
from webhook.settings import PACKS


def default_pack() -> Policy:
    otherwise = RecordEverything(profile="strict", limits=Limits()).decision
    active = ActivePolicies(otherwise=otherwise, audit=False, packs=read_packs(PACKS, ["pci-dss"]))
    active.take({})
    return active


PACK = default_pack()


async def asked(request: Request, **more: Any) -> str:
    """Give the rule that wants an approval, nothing when the request passes."""
    answer = await object_door(PACK, **more).review(request)
    if answer.allowed:
        return ""
    assert answer.denial is not None
    assert answer.denial.code == 403
    assert "To approve, somebody else may run: kubectl patch" in answer.denial.message
    assert answer.decision is not None
    return answer.decision.rule


def secret(values: dict[str, str], **metadata: Any) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "payments", **metadata},
        "type": "Opaque",
        "data": data,
    }
