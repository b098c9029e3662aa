"""Policies, reviews and doors to measure with."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from reviews import exec_door, injected, injection_door, object_door, plain_pod, pod_door
from starlette.types import ASGIApp

from sidecar.contract.grants import Limits
from sidecar.masking import Engine, Profile
from webhook.journal.fanout import FanOut
from webhook.journal.making import Maker
from webhook.journal.masked import MaskedJournal
from webhook.metrics.exposition import with_metrics
from webhook.metrics.reviews import ReviewMetrics
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.packs import read_packs
from webhook.server.disk_journal import DiskJournal
from webhook.server.doors import doors_app
from webhook.server.noting import AnswerNotes
from webhook.settings import PACKS

Object = dict[str, Any]
_READING = [{"prefix": [word]} for word in ("ls", "cat", "head", "tail", "grep")]


def policy(number: int, generation: int = 1) -> Object:
    """Give a team's policy: three rules with words, a regular expression and a CEL expression."""
    namespaces, team = [f"team-{number}", f"team-{number}-*"], f"group-{number}"
    rules: list[Object] = [
        {
            "name": "beyond-reading",
            "action": "approve",
            "match": {"doors": ["exec"], "namespaces": namespaces, "groups": [team]},
            "except": [{"argv": _READING}],
        },
        {
            "name": "no-secrets",
            "action": "deny",
            "match": {"namespaces": namespaces, "argv": [{"regex": f".*secret-{number % 50}/.*"}]},
        },
        {
            "name": "not-on-terminals",
            "action": "deny",
            "match": {"groups": [team], "cel": 'tty && !user.name.startsWith("admin-") && size(argv) > 5'},
        },
    ]
    metadata = {
        "name": f"team-{number}",
        "uid": str(number),
        "generation": generation,
        "resourceVersion": "1",
    }
    head = {"apiVersion": "chaperone.dev/v1alpha1", "kind": "GuardPolicy"}
    return {**head, "metadata": metadata, "spec": {"rules": rules}}


def objects(count: int, generation: int = 1) -> dict[str, bytes]:
    """Give so many policies as the API server gives them."""
    return {f"team-{n}": msgspec.json.encode(policy(n, generation)) for n in range(count)}


def policies(count: int) -> ActivePolicies:
    """Give so many policies in force, with the default pack."""
    otherwise = RecordEverything(profile="strict", limits=Limits()).decision
    active = ActivePolicies(otherwise=otherwise, audit=False, packs=read_packs(PACKS, ["pci-dss"]))
    active.take(objects(count))
    return active


def review(number: int) -> bytes:
    """Give an exec of one of the teams' agents."""
    options = {
        "kind": "PodExecOptions",
        "apiVersion": "v1",
        "stdout": True,
        "stderr": True,
        "container": "app",
        "command": ["cat", f"/var/log/app-{number}.log"],
    }
    return _review(number, options, "exec")


def pod_review(number: int) -> bytes:
    """Give the creation of a pod of two containers, as it is sent to have a recorder put in."""
    return _review(number, _pod(), "")


def judged_review(pod: Object) -> Callable[[int], bytes]:
    """Give what gives the creation of an injected pod, as it is sent to be judged."""
    return lambda number: _review(number, pod, "")


async def guarded_pod() -> Object:
    """Give the pod of these reviews once its recorder is in it; other keys make another one."""
    return await injected(_pod())


def _pod() -> Object:
    containers = [_container(name) for name in ("app", "proxy")]
    pod = plain_pod(*containers, volumes=[{"name": "config", "configMap": {"name": "config"}}])
    pod["metadata"] |= {"labels": {"app": "web"}, "managedFields": [_managed()]}
    return pod


def object_review(number: int) -> bytes:
    """Give a change of a Deployment of two containers by one of the teams, which no rule is about."""
    objects: list[Object] = []
    for image in ("one", "two"):
        template = {
            "spec": {"containers": [{**_container(name), "image": image} for name in ("app", "proxy")]}
        }
        metadata = {"name": "web", "labels": {"app": "web"}, "managedFields": [_managed()]}
        objects.append({"metadata": metadata, "spec": {"replicas": 2, "template": template}})
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    resource = {"group": "apps", "version": "v1", "resource": "deployments"}
    before, after = objects
    fields = {"kind": kind, "resource": resource, "operation": "UPDATE", "oldObject": before}
    return _review(number, after, "", **fields)


def _container(name: str) -> Object:
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    return {
        "name": name,
        "image": f"registry.example/{name}:1",
        "env": [{"name": f"SETTING_{number}", "value": "value"} for number in range(12)],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/config", "readOnly": True}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _managed() -> Object:
    fields: Object = {f"f:field-{number}": {"f:part": {}, ".": {}} for number in range(40)}
    return {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:spec": fields}}


def _review(number: int, obj: Object, subresource: str, **fields: object) -> bytes:
    team = number % 200
    kind = {"group": "", "version": "v1", "kind": "PodExecOptions" if subresource else "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    user = {
        "username": f"agent-{number % 20}",
        "uid": f"u-{number % 20}",
        "groups": ["system:authenticated", f"group-{team}"],
        "extra": {"authentication.kubernetes.io/credential-id": [f"JTI={number % 20}"]},
    }
    request = {
        "uid": f"705ab4f5-6393-11e8-b7cc-{number:012d}",
        "kind": kind,
        "resource": resource,
        "subResource": subresource,
        "requestKind": kind,
        "requestResource": resource,
        "requestSubResource": subresource,
        "operation": "CONNECT" if subresource else "CREATE",
        "namespace": f"team-{team}",
        "name": "web",
        "userInfo": user,
        "object": obj,
        "oldObject": None,
        "dryRun": False,
        "options": None,
        **fields,
    }
    head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return json.dumps({**head, "request": request}).encode()


async def application(active: ActivePolicies, journal: Path) -> ASGIApp:
    """Give the doors as they are served: what they answer is counted, and noted in a journal on disk."""
    guarded = await injected(plain_pod())
    doors = {
        "exec": exec_door(guarded, policy=active),
        "injection": injection_door(),
        "pods": pod_door(active),
        "objects": object_door(active),
    }
    maker = Maker(origin="pod", namespace="s", account="a", clock=time.time_ns, randomness=os.urandom)
    masks = Engine.load(Profile.STRICT).masks()
    kept = FanOut(MaskedJournal(DiskJournal(journal, limit_bytes=2**31, maker=maker), masks), ())
    notes = AnswerNotes(kept, maker, audit_mode=False)
    registry = CollectorRegistry()
    app = doors_app(ReviewMetrics(registry).counted(doors), lambda: None, notes=notes)
    return with_metrics(app, registry)
