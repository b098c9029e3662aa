"""What an image starts, asked of a registry: a real pod of an image that the node has, run under the shim.

The registry is a pod that stands in for the host of the tests' images, as the proxy by which it is asked.
"""

import base64
import hashlib
import json
from collections.abc import Iterator

import pytest
from debugging import debug
from installation import changed
from kube import NAMESPACE, Kubectl, Object, until
from pods import container, pod
from sessions import Audit, marker
from workshop import Workshop

PAN = "6011000990139424"
MASKED = "601100******9424"
ASKED = {"chaperone.dev/main-process": "true"}
_PLACE = "test-registry"
_SCRIPT = f'echo "$0 pays $1 with {PAN}"; trap "exit 0" TERM; sleep infinity & wait'
_SERVER = """
import http.server, json, os
held, known = json.loads(os.environ["HELD"]), os.environ["KNOWN"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_known = self.headers.get("Authorization") == "Basic " + known
        body = held.get(self.path.rpartition("/")[2], "").encode() if is_known else b""
        self.send_response(401 if not is_known else 200 if body else 404)
        self.send_header("WWW-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
_WHO = base64.b64encode(b"till:a word").decode()


def held() -> dict[str, str]:
    """Give a manifest and the configuration it names, by the last part of their paths."""
    run = {"Entrypoint": ["sh", "-c", _SCRIPT, "till"], "Cmd": ["$(LITERALLY)"]}
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": run})
    digest = f"sha256:{hashlib.sha256(config.encode()).hexdigest()}"
    return {"dev": json.dumps({"schemaVersion": 2, "config": {"digest": digest}}), digest: config}


@pytest.fixture(scope="module")
def registry(admin: Kubectl) -> Iterator[None]:
    """An installation that may ask the registry of the tests' images, with the pods' credentials."""
    env = [{"name": "HELD", "value": json.dumps(held()).replace("$", "$$")}, {"name": "KNOWN", "value": _WHO}]
    metadata = {"name": "registry", "namespace": _PLACE}
    selector = {"selector": {"app": "registry"}, "ports": [{"port": 8080}]}
    admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _PLACE}})
    admin.apply(
        pod("registry", container(command=["python3", "-c", _SERVER], env=env), namespace=_PLACE),
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": selector},
    )
    admin.run("wait", "-n", _PLACE, "--for=condition=Ready", "pod/registry", "--timeout=120s")
    terms = {
        "hosts": ["localhost"],
        "plainHttp": ["localhost"],
        "proxy": f"http://registry.{_PLACE}.svc.cluster.local:8080",
        "readSecretsIn": [NAMESPACE],
    }
    with changed(admin, "admission", "CHAPERONE_REGISTRY", json.dumps(terms)):
        yield
    admin.run("delete", "namespace", _PLACE, "--wait=false")


@pytest.fixture
def credentials(workshop: Workshop) -> str:
    """A Secret with which the registry lets its images be read."""
    document = json.dumps({"auths": {"localhost": {"auth": _WHO}}})
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "test-pull", "namespace": NAMESPACE},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": document},
    }
    workshop.object(secret)
    return "test-pull"


def silent(**more: object) -> Object:
    return {key: value for key, value in {**container(), **more}.items() if key != "command"}


def log_of(admin: Kubectl, manifest: Object, workshop: Workshop) -> str:
    name = workshop.pod(manifest)
    until(lambda: admin.run("logs", "-n", NAMESPACE, name, "-c", "app"), what="the program's first line")
    return admin.run("logs", "-n", NAMESPACE, name, "-c", "app")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("args", "expected"), [(None, "till pays $(LITERALLY) with"), (["$(WHOM)"], "till pays them with")]
)
def test_the_images_program_runs_masked(
    admin: Kubectl, workshop: Workshop, credentials: str, args: list[str] | None, expected: str
) -> None:
    app = silent(env=[{"name": "WHOM", "value": "them"}], **({} if args is None else {"args": args}))
    manifest = pod(marker(), app, annotations=ASKED, imagePullSecrets=[{"name": credentials}])
    assert log_of(admin, manifest, workshop) == f"{expected} {MASKED}\n"


@pytest.mark.usefixtures("registry")
def test_without_credentials_the_refusal_says_what_to_write(admin: Kubectl) -> None:
    refused = admin.try_apply(pod(marker(), silent(), annotations=ASKED))
    assert refused.code != 0
    assert "localhost wants credentials" in refused.error
    assert "rite the image's ENTRYPOINT into command" in refused.error


@pytest.mark.usefixtures("registry")
def test_a_debug_container_without_a_command_runs_recorded_what_its_image_starts(
    admin: Kubectl, workshop: Workshop, credentials: str, audit: Audit, app: str
) -> None:
    mark = marker()
    target = workshop.pod(pod(mark, imagePullSecrets=[{"name": credentials}]))
    options = ("--attach=false", "--profile=baseline")
    refused = admin.try_(*debug(app, *options))
    assert "it is not known what its image starts: localhost wants credentials" in refused.error
    assert "--image=IMAGE -- sh" in refused.error
    admin.run(*debug(target, *options, "--arguments-only", "--", mark))
    found = until(lambda: audit.find(mark), what="the session of the debug container")
    assert found[0]["spec"]["command"] == ["sh", "-c", _SCRIPT.replace(PAN, MASKED), "till", mark]
    shown = until(
        lambda: audit.recorded(mark, phase="Active").data("stdout"), what="what the image's program says"
    )
    assert shown == f"till pays {mark} with {MASKED}\n".encode()
