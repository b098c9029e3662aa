"""Policies, reviews and a server of the doors to measure with."""

import asyncio
import json
import multiprocessing
import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from fastapi import FastAPI
from reviews import exec_door, injected, plain_pod, pod_door

from sidecar.contract.grants import Limits
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.packs import read_packs
from webhook.server.doors import doors_app
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
    return _review(number, {"command": ["cat", f"/var/log/app-{number}.log"], "container": "app"}, "exec")


def pod_review(number: int) -> bytes:
    """Give the creation of a pod with two containers."""
    containers = [{"name": name, "image": "app:1"} for name in ("app", "proxy")]
    return _review(number, plain_pod(*containers), "")


def _review(number: int, obj: Object, subresource: str) -> bytes:
    team = number % 200
    user = {"username": f"agent-{number % 20}", "groups": ["system:authenticated", f"group-{team}"]}
    request = {
        "uid": f"u-{number}",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "subResource": subresource,
        "operation": "CONNECT" if subresource else "CREATE",
        "namespace": f"team-{team}",
        "name": "web",
        "userInfo": user,
        "object": obj,
    }
    head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return json.dumps({**head, "request": request}).encode()


@contextmanager
def server(count: int, *, reload_seconds: float = 0.0) -> Generator[tuple[int, int]]:
    """Serve the doors from a process of its own on one core; give its port and its id."""
    context = multiprocessing.get_context("spawn")
    parent, child = context.Pipe()
    process = context.Process(target=_serve, args=(child, count, reload_seconds), daemon=True)
    process.start()
    try:
        yield parent.recv(), process.pid or 0
    finally:
        process.terminate()
        process.join()


def processor_seconds(pid: int) -> float:
    """Give the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _serve(ready: Any, count: int, reload_seconds: float) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    asyncio.run(_run(ready, count, reload_seconds))


async def application(active: ActivePolicies) -> FastAPI:
    """Give the doors as they are served."""
    guarded = await injected(plain_pod())
    return doors_app({"exec": exec_door(guarded, policy=active), "pods": pod_door(active)}, lambda: None)


async def _run(ready: Any, count: int, reload_seconds: float) -> None:
    sys.setswitchinterval(0.001)  # as the server does
    active = policies(count)
    app = await application(active)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    ready.send(listener.getsockname()[1])
    async with asyncio.TaskGroup() as group:
        group.create_task(uvicorn.Server(config).serve(sockets=[listener]))
        if reload_seconds:
            group.create_task(_reload(active, count, reload_seconds))


async def _reload(active: ActivePolicies, count: int, seconds: float) -> None:
    """Compile all policies anew, again and again, as when each of them changed."""
    generation = 1
    while True:
        await asyncio.sleep(seconds)
        generation += 1
        await asyncio.to_thread(active.take, objects(count, generation))
