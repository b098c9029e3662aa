"""What reviews are made of, and what is planted in them that nobody may ever be shown."""

from __future__ import annotations

import base64
import copy
from typing import Any, Final

Object = dict[str, Any]
PANS: Final = ("4111111111111111", "5555555555554444", "378282246310005")
"""Published test numbers of the card schemes."""
SECRET: Final = "s3cr3t-of-the-fuzzer"
ENCODED: Final = base64.b64encode(SECRET.encode()).decode()
PLANTED: Final = (*PANS, SECRET, ENCODED)
ALICE: Final = {"username": "alice", "uid": "u-1", "groups": ["agents"], "extra": {"iss": ["https://idp"]}}
CAROL: Final = {"username": "carol", "uid": "u-3", "groups": ["approvers"]}
OURS: Final[Object] = {"group": "chaperone.dev", "version": "v1alpha1"}
METADATA: Final = {"name": "app", "namespace": "payments", "annotations": {"note": f"{SECRET} {PANS[0]}"}}


def review(
    resource: str,
    kind_name: str,
    operation: str,
    obj: object,
    *,
    group: str = "",
    version: str = "v1",
    sub: str = "",
    **fields: Any,
) -> Object:
    """Give a review by alice in payments, but for the given fields."""
    kinds = {"group": group, "version": version, "kind": kind_name}
    resources = {"group": group, "version": version, "resource": resource}
    request: Object = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kinds,
        "resource": resources,
        "requestKind": kinds,
        "requestResource": resources,
        "name": "web",
        "namespace": "payments",
        "operation": operation,
        "userInfo": ALICE,
        "object": obj,
        "oldObject": None,
        "dryRun": False,
        "options": None,
    }
    if sub:
        request |= {"subResource": sub, "requestSubResource": sub}
    request |= fields
    return copy.deepcopy({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
