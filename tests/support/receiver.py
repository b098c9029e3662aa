"""Receivers of notifications on the cluster: one that takes what it is told, and some that do not."""

import json
import subprocess
from typing import Final

from kube import REPOSITORY, SYSTEM, Kubectl, Object, until
from pods import container, pod

SECRET: Final = "test-receivers"
SETTINGS: Final = (f"notifications.secretName={SECRET}", "notifications.timeoutSeconds=2")
"""Values of the chart. Nobody is told as long as there is no such Secret."""
_PLACE: Final = "test-receivers"
_SERVER: Final = """
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/hangs":
            time.sleep(600)
        os.write(1, f"{self.path} {body.decode()}\\n".encode())
        self.send_response(403 if self.path == "/refuses" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""


class Receiver:
    """A pod that is told, with receivers beside it that hang, refuse and are not there."""

    def __init__(self, admin: Kubectl, cluster: str) -> None:
        self._admin = admin
        self._cluster = cluster

    def open(self) -> None:
        """Start the pod, and have the installation tell it."""
        namespace: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _PLACE}}
        one = container(command=["python3", "-c", _SERVER])
        selector = {"selector": {"app": "receiver"}, "ports": [{"port": 8080}]}
        metadata = {"name": "receiver", "namespace": _PLACE}
        service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": selector}
        self._admin.apply(namespace)
        self._admin.apply(pod("receiver", one, namespace=_PLACE), service)
        self._admin.run("wait", "-n", _PLACE, "--for=condition=Ready", "pod/receiver", "--timeout=90s")
        host = f"json://receiver.{_PLACE}.svc.cluster.local"
        urls = {
            "hook": f"{host}:8080/hook",
            "hangs": f"{host}:8080/hangs",
            "refuses": f"{host}:8080/refuses",
            "gone": f"{host}:9/",
        }
        secret = {"name": SECRET, "namespace": SYSTEM}
        self._admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": urls})
        if self._is_set():
            deployment = ("-n", SYSTEM, "deployment/chaperone-collector")
            self._admin.run("rollout", "restart", *deployment)
            self._admin.run("rollout", "status", *deployment, "--timeout=120s")
        else:
            values = [word for value in SETTINGS for word in ("--set", value)]
            command = [REPOSITORY / "scripts/cluster", "install", "--name", self._cluster, *values]
            subprocess.run(command, check=True, capture_output=True)

    def close(self) -> None:
        """Take everything away again, but for the setting."""
        self._admin.run("delete", "secret", SECRET, "-n", SYSTEM, "--ignore-not-found")
        self._admin.run("delete", "namespace", _PLACE, "--ignore-not-found", "--wait=false")

    def _is_set(self) -> bool:
        collector = self._admin.get("-n", SYSTEM, "deployment/chaperone-collector")
        volumes = collector["spec"]["template"]["spec"]["volumes"]
        return any(volume.get("secret", {}).get("secretName") == SECRET for volume in volumes)

    def log(self) -> str:
        """Give everything that arrived, line by line: path and body."""
        return self._admin.run("logs", "-n", _PLACE, "receiver", "--tail=-1")

    def told(self) -> list[Object]:
        """Give the notifications that were taken."""
        lines = [line.partition(" ")[2] for line in self.log().splitlines() if line.startswith("/hook ")]
        return [json.loads(line) for line in lines]

    def hears(self, title: str, *words: str, seconds: float = 60) -> Object:
        """Give the notification whose title begins so, and that holds all words, once it is there."""

        def found() -> Object | None:
            return next((one for one in self.told() if _is_it(one, title, words)), None)

        return until(found, what=f"a notification {title} with {words}", seconds=seconds)


def _is_it(told: Object, title: str, words: tuple[str, ...]) -> bool:
    return told["title"].startswith(title) and all(word in json.dumps(told) for word in words)
