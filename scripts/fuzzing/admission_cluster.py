"""The doors as the server makes them, over a cluster in memory: pods to find, approval requests, rights."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from reviews import Images, Namespaces, Roles, body, plain_pod

from fuzzing.admission_approved import Approved
from fuzzing.admission_patches import patched
from fuzzing.admission_seeds import seeds
from fuzzing.admission_values import DAVE, STANDING, TOOL
from sidecar.contract.errors import ClusterError
from sidecar.masking import Engine, Profile
from webhook.admission.pods import Pod
from webhook.admission.review import decode_review
from webhook.journal.making import Maker
from webhook.journal.masked import MaskedJournal
from webhook.kube.api import KubeApi, Reply
from webhook.server.admission import Held, load_policies, make_doors
from webhook.server.approvals import Approvals
from webhook.server.doors import doors_app
from webhook.server.noting import AnswerNotes
from webhook.settings import read_settings
from webhook.trust import material
from webhook.trust.keeper import AdmissionMaterial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp

    from webhook.journal.events import AuditEvent
    from webhook.journal.journal import Journal
    from webhook.server.doors import Door

Object = dict[str, Any]
IMAGE: Final = "registry.example/recorder:1"
_ANYTHING: Final[Object] = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
_LOOKING: Final[Object] = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
_MOST_KEPT: Final = 2000
_ENVIRONMENT: Final = {
    "CHAPERONE_POLICY_PACKS": "pci-dss",
    "CHAPERONE_RECORDER": json.dumps({"image": IMAGE, "requests": {"cpu": "10m"}}),
}
_LABEL: Final = "chaperone.dev/ask"
_LONG_AGO: Final = "2026-01-01T00:00:00Z"
_LATE: Final = "2099-01-01T00:00:00Z"
_LONG: Final = 30 * 86400
TEAM: Final[Object] = {
    "apiVersion": "chaperone.dev/v1alpha1",
    "kind": "GuardPolicy",
    "metadata": {"name": "team", "uid": "p-1", "generation": 1, "resourceVersion": "1"},
    "spec": {
        "rules": [
            {
                "name": "tool",
                "action": "approve",
                "match": {"doors": ["exec"], "argv": [{"prefix": list(TOOL)}]},
                "approval": {"standing": {"maxSeconds": _LONG}},
            },
            {
                "name": "glass",
                "action": "audit",
                "breakGlass": True,
                "reasonRequired": False,
                "match": {"doors": ["exec"], "groups": ["firefighters"]},
            },
        ]
    },
}
"""A policy beside the pack: its approvals may stand, and its people may break the glass."""
_STANDING: Final[Object] = {
    "metadata": {"name": "s", "namespace": "payments", "uid": "s-1"},
    "spec": {
        "user": "alice",
        "policy": "team",
        "rule": "tool",
        "argvPrefix": list(STANDING),
        "container": "app",
        "seconds": _LONG,
    },
    "status": {"by": {"username": "carol"}, "at": _LONG_AGO, "until": _LATE},
}
_APPROVED: Final[Object] = {
    "phase": "Approved",
    "decisions": [{"verdict": "approve", "by": {"username": "carol"}, "at": _LONG_AGO}],
    "usableUntil": _LATE,
}


class MemoryCluster(KubeApi):
    """An API server that keeps approval requests and lets ``carol`` approve; there is little else.

    What ``dave`` asks for is approved as soon as it is asked.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Object] = {}
        self._lock = threading.Lock()
        self._version = 0
        made = {"creationTimestamp": dt.datetime.now(dt.UTC).isoformat()}
        self._standing = {**_STANDING, "metadata": {**_STANDING["metadata"], **made}}

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object | None = None,
        content_type: str = "",  # noqa: ARG002
        seconds: float = 10.0,  # noqa: ARG002
    ) -> Reply:
        """Give the reply to a request."""
        sent: Any = msgspec.json.decode(msgspec.json.encode(body)) if body is not None else None
        parts = urlsplit(path)
        with self._lock:
            status, answer = self._answer(method, unquote(parts.path), parse_qs(parts.query), sent)
        return Reply(status, msgspec.json.encode(answer))

    def _answer(
        self, method: str, path: str, query: Mapping[str, list[str]], sent: Any
    ) -> tuple[int, object]:
        if path.endswith("/subjectaccessreviews"):
            return 201, {"status": {"allowed": sent["spec"]["user"] == "carol"}}
        if path.endswith("/standingapprovals"):
            return 200, {"items": [self._standing] if "/namespaces/payments/" in path else []}
        if "/approvalrequests" not in path:
            return 404, {}
        match method:
            case "GET" if path.endswith("/approvalrequests"):
                wanted = query.get("labelSelector", [""])[0].partition("=")[2]
                namespace = path.split("/")[-2]
                found = [kept for kept in self._kept.values() if _is(kept, namespace, wanted)]
                return 200, {"items": found}
            case "POST":
                return self._create(f"{path}/{sent['metadata']['name']}", sent)
            case "PATCH" if path in self._kept:
                return self._update(path, sent)
            case _:
                return 404, {}

    def _create(self, path: str, sent: Object) -> tuple[int, object]:
        if path in self._kept:
            return 409, {}
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        is_approved = sent["spec"]["requester"]["username"] == DAVE["username"]
        self._keep(path, {**sent, "status": _APPROVED} if is_approved else sent)
        return 201, sent

    def _update(self, path: str, sent: Object) -> tuple[int, object]:
        kept = self._kept[path]
        if kept["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"]:
            return 409, {}
        self._keep(path, {**kept, "status": sent["status"]})
        return 200, self._kept[path]

    def _keep(self, path: str, obj: Object) -> None:
        self._version += 1
        self._kept[path] = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}}


def _is(kept: Object, namespace: str, wanted: str) -> bool:
    metadata = kept["metadata"]
    return metadata["namespace"] == namespace and metadata["labels"].get(_LABEL) == wanted


class MemoryPods:
    """Pods by name, in every namespace; of ``unreachable`` nothing can be known."""

    def __init__(self) -> None:
        self.there: dict[str, Object] = {}

    async def find(self, namespace: str, name: str) -> Pod | None:
        """Give one."""
        if name == "unreachable":
            raise ClusterError(f"the API server does not answer about {namespace}")
        return msgspec.convert(self.there[name], Pod) if name in self.there else None


class MemoryJournal:
    """Keeps audit events until they are taken."""

    def __init__(self) -> None:
        self._events: list[AuditEvent] = []

    def note(self, event: AuditEvent) -> None:
        """Keep one."""
        self._events.append(event)

    def take(self) -> str:
        """Give the events since the last time, as JSON."""
        events, self._events = self._events, []
        return msgspec.json.encode(events).decode()


class Installation:
    """Doors that are served, and what is known of their surroundings."""

    def __init__(self) -> None:
        now = dt.datetime.now(dt.UTC)
        root = material.new_root(now)
        self.roots = root.roots
        held, self._pods = Held(), MemoryPods()
        held.hold(
            AdmissionMaterial(
                tls={},
                signer=material.read_grant_key(material.new_grant_key(root, now)),
                seal_key=bytes(32),
                roots=root.roots,
                bundle=root.bundle,
                collector_address="10.96.0.77",
            )
        )
        self.approved = Approved()
        self.journal = MemoryJournal()
        noted = MaskedJournal(self.journal, Engine.load(Profile.STRICT).masks())
        self._answers = _notes(noted)
        self.doors = _doors(held, self._pods, noted)
        self.app = self.serving(self.doors)
        self._pods.there = asyncio.run(self._some_pods())

    def serving(self, doors: Mapping[str, Door]) -> ASGIApp:
        """Give the application that serves these doors, and notes what they answer."""
        return doors_app(doors, lambda: None, notes=self._answers)

    @property
    def pods(self) -> dict[str, Object]:
        """The pods that are there: guarded ones, and ones that nobody may get into."""
        return self._pods.there

    async def _some_pods(self) -> dict[str, Object]:
        app, side = {"name": "app", "image": "app:1"}, {"name": "side", "image": "side:1"}
        guarded = await self._injected(plain_pod(app))
        waiting = {"name": "chaperone-recorder", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        mighty = copy.deepcopy(guarded)
        mighty["spec"]["containers"][0]["securityContext"] = {"capabilities": {"add": ["SYS_ADMIN"]}}
        return {
            "web": guarded,
            "two": await self._injected(plain_pod(app, side)),
            "plain": plain_pod(app),
            "down": {**guarded, "status": {"initContainerStatuses": [waiting]}},
            "mighty": mighty,
        }

    async def _injected(self, pod: Object) -> Object:
        kind = {"group": "", "version": "v1", "kind": "Pod"}
        answer = await self.doors["injection"].review(decode_review(body(pod, operation="CREATE", kind=kind)))
        return patched(pod, msgspec.to_builtins(answer.patch))

    def seeds(self) -> dict[str, list[Object]]:
        """Give the reviews that mutations begin with; pods come to be judged once they were injected."""
        found = seeds()
        for one in found["pods"]:
            request = one["request"]
            if request["namespace"] != "kube-system":
                request["object"] = asyncio.run(self._injected(request["object"]))
        return found


def _doors(held: Held, pods: MemoryPods, journal: Journal) -> dict[str, Door]:
    """Give the doors as the server makes them. A door that is added there is asked from then on."""
    settings = read_settings(_ENVIRONMENT)
    policies = load_policies(settings)
    taken = policies.take({"team": msgspec.json.encode(TEAM)})
    assert not any(state.error for state in taken), taken
    approvals = Approvals(MemoryCluster(), settings, journal, observe=lambda _: None)
    approvals.prepare()
    roles = Roles(**{"cluster-admin": [_ANYTHING], "view": [_LOOKING]})
    return make_doors(
        settings, held, pods, Namespaces(), policies, roles=roles, images=Images(), approvals=approvals
    )


def _notes(journal: Journal) -> AnswerNotes:
    maker = Maker(
        origin="pod", namespace="chaperone-system", account="a", clock=time.time_ns, randomness=os.urandom
    )
    return AnswerNotes(journal, maker, audit_mode=False)
