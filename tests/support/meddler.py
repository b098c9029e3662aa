"""A mutating webhook of somebody else on the cluster, called after Chaperone's: labels say what it does."""

import base64
import json
from pathlib import Path
from typing import Final

from kube import NAMESPACE, Kubectl, Object
from people import As
from pods import APP_IMAGE, container, pod
from tls_files import make_tls_files

PLACE: Final = "meddling"
LABEL: Final = "meddle"
"""Says how a pod is meddled with."""
AGAIN: Final = "meddle-again"
"""Label of pods that are meddled with again when somebody changed them since."""
_CONFIGURATION: Final = "zz-meddler"
_HOST: Final = f"meddler.{PLACE}.svc"
_SERVER: Final = """
import base64, http.server, json, ssl, uuid

def late(name):
    return {"name": name, "image": "%s", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"]}

def steps(how, pod):
    spec, main = pod["spec"], pod["spec"]["containers"]
    initial = spec.get("initContainers") or [{}]
    ours = initial[0].get("name") == "chaperone-recorder"
    add = lambda path, value: [{"op": "add", "path": path, "value": value}]
    found = add("/metadata/labels/meddled", "true")
    found += add("/metadata/annotations/meddled-by", "meddler")
    if how == "sidecar" and len(main) == 1:
        found += add("/spec/containers/0", late("late"))
    if how == "sidecars":
        found += add("/spec/containers/-", late(f"late-{len(main)}"))
    if how == "host-path" and all(volume["name"] != "host" for volume in spec["volumes"]):
        found += add("/spec/volumes/0", {"name": "host", "hostPath": {"path": "/etc"}})
    if how == "privileged":
        found += add("/spec/containers/0/securityContext", {"privileged": True})
    if how == "no-recorder" and ours:
        found += [{"op": "remove", "path": "/spec/initContainers/0"}]
    if how == "variable" and ours:
        found += add("/spec/initContainers/0/env/-", {"name": "MEDDLED", "value": "x"})
    if how == "mount":
        mount = [n for n, one in enumerate(main[0]["volumeMounts"]) if one["mountPath"] == "/.chaperone"]
        found += [step for n in mount for step in add(f"/spec/containers/0/volumeMounts/{n}/subPath", "x")]
    if how == "random-note":
        found += add("/metadata/annotations/meddled-at", uuid.uuid4().hex)
    if how == "random":
        found += add("/spec/containers/0/env", [{"name": "TRY", "value": uuid.uuid4().hex}])
    return found

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        patch = steps(request["object"]["metadata"]["labels"]["meddle"], request["object"])
        response = {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch"}
        response["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
        head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        body = json.dumps({**head, "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server = http.server.ThreadingHTTPServer(("", 8443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
""".replace("%s", APP_IMAGE)


class Meddler:
    """The webhook, with a pod in a namespace of its own that is not guarded."""

    def __init__(self, admin: Kubectl, folder: Path) -> None:
        self._admin = admin
        self._operator = As(admin, "tests", "system:masters", "chaperone-operators")
        self._folder = folder

    def open(self) -> None:
        """Start it, and have it called once it answers."""
        files = make_tls_files(self._folder, _HOST)
        metadata = {"name": "meddler", "namespace": PLACE}
        pems = {"tls.crt": files.certificate.read_text(), "tls.key": files.key.read_text()}
        secret: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": pems}
        ports = {"selector": {"app": "meddler"}, "ports": [{"port": 443, "targetPort": 8443}]}
        service: Object = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports}
        mounts = [{"name": "tls", "mountPath": "/tls"}]
        probe = {"tcpSocket": {"port": 8443}, "periodSeconds": 1}
        command = ["python3", "-c", _SERVER]
        one = container(command=command, volumeMounts=mounts, readinessProbe=probe)
        volumes: list[Object] = [{"name": "tls", "secret": {"secretName": "meddler"}}]
        self._admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}})
        self._admin.apply(secret, service, pod("meddler", one, namespace=PLACE, volumes=volumes))
        self._admin.run("wait", "-n", PLACE, "--for=condition=Ready", "pod/meddler", "--timeout=90s")
        bundle = base64.b64encode(files.ca.read_bytes()).decode()
        configuration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": _CONFIGURATION},
            "webhooks": [_webhook("once", bundle), _webhook("again", bundle)],
        }
        self._operator.run("apply", "-f", "-", stdin=as_json(configuration))

    def close(self) -> None:
        """Take everything away again."""
        self._operator.run("delete", "mutatingwebhookconfiguration", _CONFIGURATION, "--ignore-not-found")
        self._admin.run("delete", "namespace", PLACE, "--ignore-not-found", "--wait=true", timeout=180)


def _webhook(name: str, bundle: str) -> Object:
    again = name == "again"
    service = {"name": "meddler", "namespace": PLACE, "path": "/"}
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    known = {"key": AGAIN, "operator": "Exists" if again else "DoesNotExist"}
    return {
        "name": f"{name}.meddler.example",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service, "caBundle": bundle},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "objectSelector": {"matchExpressions": [{"key": LABEL, "operator": "Exists"}, known]},
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded" if again else "Never",
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }


def meddled(name: str, how: str, *, again: bool = True, security: Object | None = None) -> Object:
    """Give a pod that is meddled with; ``security`` is the security context of its container."""
    manifest = pod(name, container(securityContext=security or {}), annotations={"a": "b"})
    manifest["metadata"]["labels"] |= {LABEL: how, **({AGAIN: "true"} if again else {})}
    return manifest


def as_json(manifest: Object) -> bytes:
    """Give a manifest as ``kubectl create -f -`` reads it."""
    return json.dumps(manifest).encode()
