"""AdmissionReviews, keys and pods for tests of the admission side, and a JSON Patch applier."""

import base64
import copy
import datetime as dt
import json
import os
from typing import Any

import msgspec
from approvals import approving, redaction

from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import Limits
from sidecar.masking import Engine, Profile, scan_object
from webhook.admission import review
from webhook.admission.approving import Approving
from webhook.admission.attach import AttachDoor
from webhook.admission.connections import ConnectionDoor
from webhook.admission.debug_injection import DebugInjectionDoor
from webhook.admission.ephemeral import EphemeralDoor
from webhook.admission.exec import ExecDoor
from webhook.admission.grants import Granter, Keys
from webhook.admission.injection import InjectionDoor
from webhook.admission.objects import ObjectDoor
from webhook.admission.pod import PodDoor
from webhook.admission.pods import Pod
from webhook.admission.recorder import RecorderSettings, Trust
from webhook.admission.templates import Templates
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Policy
from webhook.policy.evaluation import PolicySet
from webhook.policy.rights import Right
from webhook.registry.errors import ImageError
from webhook.registry.manifests import Program
from webhook.trust import material

Object = dict[str, Any]
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
NOW_SECONDS = int(NOW.timestamp())
ROOT = material.new_root(NOW)
KEYS = Keys(material.read_grant_key(material.new_grant_key(ROOT, NOW)), bytes(32), ROOT.roots)
TRUST = Trust(ROOT.roots, ROOT.bundle, "10.96.0.77")
SETTINGS = RecorderSettings(
    image="registry.example/recorder:1",
    collector="wss://chaperone-collector.chaperone-system.svc:8443/v1/intake",
    requests={"cpu": "10m", "memory": "32Mi"},
    limits={"memory": "256Mi"},
)
BUILTIN = PolicySet((), otherwise=RecordEverything(profile="strict", limits=Limits()).decision)
"""What decides where there is no rule."""
_KINDS = {"exec": "PodExecOptions", "attach": "PodAttachOptions"}
EXEMPT = (
    review.UserInfo("system:apiserver", groups=("system:masters",)),
    review.UserInfo("system:node:node-1", groups=("system:nodes",)),
    review.UserInfo("system:serviceaccount:kube-system:metrics"),
)
"""Who is never held up where objects are changed and connections made."""
ALICE = {"username": "alice", "uid": "u-1", "groups": ["agents"], "extra": {"iss": ["https://idp"]}}


class Lookup:
    """Pods that are there, or a cluster that does not answer."""

    def __init__(self, *pods: Object, error: str | None = None) -> None:
        self._pods = {pod["metadata"]["name"]: msgspec.convert(pod, Pod) for pod in pods}
        self._error = error

    async def find(self, namespace: str, name: str) -> Pod | None:
        if self._error:
            raise ClusterError(self._error)
        return self._pods.get(name)


class Namespaces:
    """One namespace's labels for all."""

    def __init__(self, labels: dict[str, str] | None = None) -> None:
        self._labels = labels or {}

    async def labels(self, namespace: str) -> dict[str, str]:
        return self._labels


def exec_door(
    *pods: Object,
    error: str | None = None,
    policy: Policy | None = None,
    namespaces: Namespaces | None = None,
    asking: Approving | None = None,
    audit_mode: bool = False,
) -> ExecDoor:
    policy = policy or RecordEverything(profile="strict", limits=Limits())
    granter = new_granter()
    lookup = Lookup(*pods, error=error)
    return ExecDoor(
        pods=lookup,
        namespaces=namespaces or Namespaces(),
        policy=policy,
        granter=granter,
        approving=asking or approving(),
        audit_mode=audit_mode,
    )


def new_granter() -> Granter:
    return Granter(
        lambda: KEYS,
        shown=redaction().identity,
        clock=lambda: NOW_SECONDS * 10**9,
        randomness=os.urandom,
    )


class Images:
    """Programs of images, by name; others cannot be asked. Counts how often it is asked."""

    def __init__(self, **programs: Program) -> None:
        self._programs = programs
        self.asked = 0

    async def program(self, image: str, pod: Pod, namespace: str) -> Program:
        self.asked += 1
        if image not in self._programs:
            raise ImageError("its registry is on fire")
        return self._programs[image]


def injection_door(images: Images | None = None, policy: Policy | None = None) -> InjectionDoor:
    return InjectionDoor(
        settings=SETTINGS,
        trust=lambda: TRUST,
        exempt=frozenset({"kube-system"}),
        granter=new_granter(),
        images=images or Images(),
        namespaces=Namespaces(),
        policy=policy or RecordEverything(profile="strict", limits=Limits()),
    )


class Objects:
    """Objects that are there, by resource and name."""

    def __init__(self, **objects: Object) -> None:
        """``objects`` by ``resource/name``."""
        self._objects = objects

    async def find(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._objects.get(f"{resource}/{name}")


def pod_door(
    policy: Policy | None = None, asking: Approving | None = None, objects: Objects | None = None
) -> PodDoor:
    return PodDoor(
        settings=SETTINGS,
        trust=lambda: TRUST,
        exempt=frozenset({"kube-system"}),
        namespaces=Namespaces(),
        templates=Templates(objects or Objects()),
        policy=policy or RecordEverything(profile="strict", limits=Limits()),
        approving=asking or approving(),
        granter=new_granter(),
    )


class Roles:
    """Roles that are there, by kind and name."""

    def __init__(self, **roles: list[Object]) -> None:
        self._roles = roles

    async def rights(self, kind: str, namespace: str, name: str) -> list[Right] | None:
        found = self._roles.get(name)
        return None if found is None else msgspec.convert(found, list[Right])


def object_door(
    policy: Policy | None = None, asking: Approving | None = None, roles: Roles | None = None
) -> ObjectDoor:
    engine = Engine.load(Profile.STRICT)
    return ObjectDoor(
        own="chaperone-system",
        ours=frozenset({"system:serviceaccount:chaperone-system:chaperone-admission"}),
        exempt=frozenset({"kube-system", "chaperone-system"}),
        namespaces=Namespaces(),
        roles=roles or Roles(),
        policy=policy or RecordEverything(profile="strict", limits=Limits()),
        approving=asking or approving(),
        scan=lambda document: scan_object(engine, document),
        clock=lambda: NOW_SECONDS,
    )


def attach_door(
    *pods: Object, error: str | None = None, policy: Policy | None = None, asking: Approving | None = None
) -> AttachDoor:
    return AttachDoor(
        pods=Lookup(*pods, error=error),
        namespaces=Namespaces(),
        policy=policy or BUILTIN,
        approving=asking or approving(),
        clock=lambda: NOW_SECONDS,
        roots=lambda: ROOT.roots,
    )


def ephemeral_door(
    policy: Policy | None = None, asking: Approving | None = None, images: Images | None = None
) -> EphemeralDoor:
    return EphemeralDoor(
        namespaces=Namespaces(),
        policy=policy or BUILTIN,
        approving=asking or approving(),
        roots=lambda: ROOT.roots,
        images=images or Images(),
        clock=lambda: NOW_SECONDS,
    )


def debug_injection_door(policy: Policy | None = None, images: Images | None = None) -> DebugInjectionDoor:
    return DebugInjectionDoor(
        namespaces=Namespaces(),
        policy=policy or BUILTIN,
        granter=new_granter(),
        images=images or Images(),
    )


def connection_door(policy: Policy | None = None, asking: Approving | None = None) -> ConnectionDoor:
    return ConnectionDoor(
        own="chaperone-system",
        namespaces=Namespaces(),
        policy=policy or RecordEverything(profile="strict", limits=Limits()),
        approving=asking or approving(),
        clock=lambda: NOW_SECONDS,
    )


def object_request(
    kind: str,
    resource: str,
    after: Object | None = None,
    before: Object | None = None,
    **fields: Any,
) -> review.Request:
    """Read the review that ``object_body`` gives."""
    return review.decode_review(object_body(kind, resource, after, before, **fields))


def object_body(
    kind: str,
    resource: str,
    after: Object | None = None,
    before: Object | None = None,
    **fields: Any,
) -> bytes:
    """A CREATE, UPDATE or DELETE by what is given; ``resource`` is written ``plural.group/subresource``."""
    written, _, subresource = resource.partition("/")
    plural, _, group = written.partition(".")
    operation = "DELETE" if after is None else "UPDATE" if before is not None else "CREATE"
    standard: Object = {
        "kind": {"group": group, "version": "v1", "kind": kind},
        "resource": {"group": group, "version": "v1", "resource": plural},
        "oldObject": before,
    }
    return body(after, operation=operation, subresource=subresource, **{**standard, **fields})


def body(obj: object, *, operation: str, subresource: str = "", name: str = "web", **fields: object) -> bytes:
    request = {
        "uid": "8d4f",
        "kind": {"group": "", "version": "v1", "kind": _KINDS.get(subresource, "Pod")},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "subResource": subresource,
        "operation": operation,
        "namespace": "payments",
        "name": name,
        "userInfo": ALICE,
        "object": obj,
        "oldObject": None,
        "dryRun": False,
        "options": None,
        **fields,
    }
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


def exec_request(command: object = ("sh",), **options: object) -> review.Request:
    obj = {"kind": "PodExecOptions", "apiVersion": "v1", "stdout": True, "command": command, **options}
    return review.decode_review(body(obj, operation="CONNECT", subresource="exec"))


def pod_request(pod: object, **fields: Any) -> review.Request:
    return review.decode_review(body(pod, operation="CREATE", **fields))


def plain_pod(*containers: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "payments", "uid": "pod-uid-1"},
        "spec": {"containers": list(containers) or [{"name": "app", "image": "app:1"}], **spec},
    }


async def injected(pod: Object, images: Images | None = None, policy: Policy | None = None) -> Object:
    """Give the pod as it is after injection."""
    answer = await injection_door(images, policy).review(pod_request(pod))
    assert answer.denial is None, answer.denial
    return apply(pod, answer)


async def injected_request(pod: Object, **fields: Any) -> review.Request:
    """Give the review of a pod's creation once it was injected."""
    return pod_request(await injected(pod), **fields)


def apply(pod: Object, answer: review.Answer) -> Object:
    """Apply an answer's patch as the API server does (RFC 6902)."""
    encoded = json.loads(review.encode_answer("u", answer))["response"]
    assert encoded["patchType"] == "JSONPatch"
    patched: Any = copy.deepcopy(pod)
    for step in json.loads(base64.b64decode(encoded["patch"])):
        _step(patched, step)
    return patched


def _step(document: Any, step: Object) -> None:
    """Members of lists are named by numbers and "-", which no member of an object here is."""
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    for part in path:
        document = document[int(part) if part.isdigit() else part]
    if last != "-" and not last.isdigit():
        if step["op"] == "remove":
            del document[last]
        else:
            document[last] = step["value"]
        return
    index = len(document) if last == "-" else int(last)
    assert index <= len(document)
    if step["op"] in {"remove", "replace"}:
        del document[index]
    if step["op"] != "remove":
        document.insert(index, step["value"])
