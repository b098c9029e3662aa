from datetime import UTC, datetime
from typing import Any

from devcluster.staleness import parse_time, stale_pods

NODE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def pod(name: str, *states: dict[str, Any], kind: str = "containerStatuses") -> dict[str, Any]:
    statuses = [{"state": state} for state in states]
    return {"metadata": {"namespace": "n", "name": name}, "status": {kind: statuses}}


def running(started: str) -> dict[str, Any]:
    return {"running": {"startedAt": started}}


def test_what_runs_since_before_the_node_is_stale() -> None:
    pods = [
        pod("old", running("2026-01-02T03:04:04Z")),
        pod("new", running("2026-01-02T03:04:06Z")),
        pod("mixed", running("2026-01-02T03:04:06Z"), running("2025-01-02T03:04:06Z")),
        pod("sidecar", running("2026-01-02T03:04:04Z"), kind="initContainerStatuses"),
        pod("ended", {"terminated": {"startedAt": "2025-01-02T03:04:06Z"}}),
        pod("waiting", {"waiting": {"reason": "ContainerCreating"}}),
        {"metadata": {"namespace": "n", "name": "unscheduled"}},
    ]
    assert stale_pods({"items": pods}, NODE) == ["n/old", "n/mixed", "n/sidecar"]


def test_times() -> None:
    assert parse_time("2026-01-02T03:04:05Z") == NODE
