"""Pod start: from the create request until the application's first instruction, in turn on every side.

A pod with a native sidecar that does nothing shows how much of the difference every sidecar costs. The node
is left alone meanwhile: the pod before has ended, and nobody asks before the pod should run.
"""

import argparse
import json
import subprocess
import time

from kube import NAMESPACE, Object, until
from pods import container, pod, static

from benchmarks.pair import RAW_NAMESPACE, Side, administrator, raw_namespace
from benchmarks.report import compare

SETTLE_SECONDS = 2.0
CLOCK = ["python3", "-c", "import time; print(time.time(), flush=True); time.sleep(3600)"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--pods", type=int, default=15, help="pods on each side (default: 15)")


def once(side: Side, *initial: Object) -> float:
    """Give the seconds until the application runs. Pod and host share a clock on a local cluster."""
    manifest = json.dumps(
        pod("bench-start", container(command=CLOCK), namespace=side.namespace, initContainers=list(initial))
    ).encode()
    start = time.time()
    subprocess.run(side.kubectl.command("create", "-f", "-"), input=manifest, check=True, capture_output=True)
    time.sleep(SETTLE_SECONDS)
    logs = ("logs", "-n", side.namespace, "bench-start", "-c", "app")
    started = until(lambda: float(side.kubectl.try_(*logs).text or 0), what="the pod's first line")
    side.kubectl.run("delete", "-n", side.namespace, "--now", "pod/bench-start")
    time.sleep(SETTLE_SECONDS)
    return started - start


def run(args: argparse.Namespace) -> dict[str, float]:
    """Measure, print, give the figures."""
    kubectl = administrator(args.name)
    raw_namespace(kubectl)
    guarded, raw = Side("guarded", NAMESPACE, kubectl), Side("raw", RAW_NAMESPACE, kubectl)
    times: dict[str, list[float]] = {"guarded": [], "raw": [], "idle sidecar": []}
    for _ in range(args.pods):
        times["guarded"].append(once(guarded))
        times["raw"].append(once(raw))
        times["idle sidecar"].append(once(raw, static("idle") | {"restartPolicy": "Always"}))
    figures = compare("pod start", times, 0.95)
    beside = compare("beside idle sidecar", {"guarded": times["guarded"], "raw": times["idle sidecar"]}, 0.95)
    return figures | {f"{name}_beside_idle_sidecar": value for name, value in beside.items()}
