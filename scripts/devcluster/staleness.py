"""Telling what an API server remembers from what is so now."""

from datetime import UTC, datetime
from typing import Any, cast


def stale_pods(pods: dict[str, Any], node_started: datetime) -> list[str]:
    """Pods whose containers are said to run since before the node itself started.

    `pods` is a PodList. After a node was killed its pods' last statuses stay until the new kubelet has
    looked; until then a `Ready` means nothing.
    """
    stale: list[str] = []
    for pod in cast("list[dict[str, Any]]", pods["items"]):
        status = cast("dict[str, Any]", pod.get("status", {}))
        kinds = ("initContainerStatuses", "containerStatuses")
        containers = [
            found for kind in kinds for found in cast("list[dict[str, Any]]", status.get(kind) or [])
        ]
        starts = [
            found["state"]["running"]["startedAt"] for found in containers if "running" in found["state"]
        ]
        if any(parse_time(start) < node_started for start in starts):
            stale.append(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
    return stale


def parse_time(text: str) -> datetime:
    """A Kubernetes timestamp (RFC 3339 in UTC, whole seconds)."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
