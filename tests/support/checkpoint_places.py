"""Where a test's installation gives checkpoints out of its cluster: a volume, and a web hook in a pod."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kube import SYSTEM, Kubectl, Object
from node import container_id, processes
from places import replicas
from pods import container, pod

NAME = "test-checkpoints"
"""Of the claim, the Secret, and the namespace of the web hook."""
VALUES = (f"ledger.export.existingClaim={NAME}", f"ledger.export.webhookSecret={NAME}")
_SERVER = """
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = {"body": body, **{name.lower(): value for name, value in self.headers.items()}}
        os.write(1, json.dumps(told).encode() + b"\\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Places:
    """What arrived."""

    admin: Kubectl

    def posted(self) -> list[Object]:
        """What was posted: ``body``, and headers by their names in small letters."""
        log = self.admin.run("logs", "-n", NAME, "hook", "--tail=-1")
        return [json.loads(line) for line in log.splitlines()]

    def written(self) -> dict[str, str]:
        """The files of the volume, as the collector has it, read on its node."""
        [name] = replicas(self.admin, "collector")
        process = processes(container_id(self.admin, SYSTEM, name, "collector"))[0]
        folder = Path(f"/proc/{process}/root/var/lib/chaperone-checkpoints")
        return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}


@contextmanager
def checkpoint_places(admin: Kubectl) -> Generator[Places]:
    """Make the places, and take them away when nothing is installed any more that needs them."""
    metadata = {"name": NAME, "namespace": SYSTEM}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }
    url = {"url": f"http://hook.{NAME}.svc.cluster.local:8080/checkpoints"}
    secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": url}
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hook", "namespace": NAME},
        "spec": {"selector": {"app": "hook"}, "ports": [{"port": 8080}]},
    }
    namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}}
    server = container(command=["python3", "-c", _SERVER])
    admin.apply(namespace, claim, secret)
    admin.apply(pod("hook", server, namespace=NAME), service)
    admin.run("wait", "-n", NAME, "--for=condition=Ready", "pod/hook", "--timeout=120s")
    try:
        yield Places(admin)
    finally:
        for what in (f"secret/{NAME}", f"persistentvolumeclaim/{NAME}"):
            admin.run("delete", what, "-n", SYSTEM, "--ignore-not-found", "--wait=false")
        admin.run("delete", "namespace", NAME, "--ignore-not-found", "--wait=false")
