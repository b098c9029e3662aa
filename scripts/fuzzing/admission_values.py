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
DAVE: Final = {"username": "dave", "uid": "u-4", "groups": ["agents"]}
"""Whatever he asks for, somebody approves at once."""
FRANK: Final = {"username": "frank", "uid": "u-5", "groups": ["agents", "firefighters"]}
"""He may break the glass."""
TOOL: Final = ("ls", "--tool")
"""A team's policy wants command lines that begin so approved."""
STANDING: Final = (*TOOL, "-c")
"""Alice has a standing approval for these."""
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
