"""A request to the API server with headers of one's own, which kubectl does not let one choose."""

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kube import Kubectl, Object


def post(user: Kubectl, path: str, body: Object, *headers: tuple[str, str]) -> tuple[int, str]:
    """Post an object with the client certificate of a kubeconfig, and give status and body of the answer."""
    config: dict[str, Any] = json.loads(user.kubeconfig.read_text())
    cluster, person = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.touch(0o600)
        pair.write_bytes(
            b"".join(base64.b64decode(person[key]) for key in ("client-certificate-data", "client-key-data"))
        )
        context.load_cert_chain(pair)
    server = urlsplit(str(cluster["server"]))
    connection = http.client.HTTPSConnection(server.hostname or "", server.port, context=context, timeout=60)
    connection.putrequest("POST", path)
    sent = json.dumps(body).encode()
    for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(sent))), *headers):
        connection.putheader(name, value)
    connection.endheaders(sent)
    answer = connection.getresponse()
    told = answer.read().decode()
    connection.close()
    return answer.status, told
