"""A real OpenSearch with TLS, users and roles, set up as the documentation says."""

import base64
import json
import os
import re
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devcluster import opensearch, opensearch_security
from devcluster.progress import Progress
from devcluster.settings import load_settings
from opensearch_server import remove_documents

from webhook.store import OpenSearchSettings

ROOT = Path(__file__).parents[2]
ROLES = ("writer", "retention", "analyst", "auditor")


@dataclass(frozen=True)
class Secure:
    """A server, and a user of each role with their password."""

    url: str
    state: Path
    passwords: dict[str, str] = field(repr=False)

    @property
    def authority(self) -> Path:
        return opensearch_security.pki_folder(self.state) / "ca.crt"

    def settings(self, role: str, *, removing: str = "") -> OpenSearchSettings:
        """How a user of a role signs in."""
        return OpenSearchSettings(
            self.url,
            username=f"chaperone-{role}",
            password=self.passwords[role],
            ca_file=self.authority,
            removing_username=f"chaperone-{removing}" if removing else "",
            removing_password=self.passwords.get(removing, ""),
        )

    def administer(self, method: str, path: str, body: object = None) -> Any:
        """One request as the administrator."""
        return _ask(self.url, method, path, body, context=opensearch_security.administrator(self.state))

    def ask_as(self, role: str, method: str, path: str, body: object = None) -> Any:
        """One request as the user of a role."""
        secret = base64.b64encode(f"chaperone-{role}:{self.passwords[role]}".encode()).decode()
        context = ssl.create_default_context(cafile=str(self.authority))
        return _ask(self.url, method, path, body, context=context, authorization=f"Basic {secret}")

    def try_as(self, role: str, method: str, path: str, body: object = None) -> int:
        """The status of one request as the user of a role."""
        try:
            self.ask_as(role, method, path, body)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code
        return 200

    def remove_documents(self) -> None:
        """Empty everything of Chaperone's; indices and templates stay."""
        remove_documents(self.administer, "chaperone")

    def empty(self) -> None:
        """Delete everything of Chaperone's."""
        for path in ("/_data_stream/chaperone-*", "/chaperone-*?allow_no_indices=true"):
            self.administer("DELETE", path)


@contextmanager
def secure_opensearch() -> Generator[Secure]:
    """Start the server, put roles by the documented commands, and make a user of each."""
    name = f"{os.environ.get('CHAPERONE_CLUSTER', 'test')}-secure"
    settings = load_settings(name, os.environ, ROOT)
    there = opensearch.running(settings) is not None
    server = opensearch.up(settings, None, Progress(), secure=True)
    try:
        secure = Secure(server.url, server.state, {role: secrets.token_urlsafe(24) for role in ROLES})
        for role, password in secure.passwords.items():
            path = f"/_plugins/_security/api/internalusers/chaperone-{role}"
            secure.administer("PUT", path, {"password": password})
        _run_documented(secure)
        secure.empty()
        yield secure
    finally:
        if not there:
            opensearch.down(settings, Progress())


def _ask(
    url: str, method: str, path: str, body: object, *, context: ssl.SSLContext, authorization: str = ""
) -> Any:
    request = urllib.request.Request(f"{url}{path}", method=method)
    request.add_header("content-type", "application/json")
    if authorization:
        request.add_header("authorization", authorization)
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=30, context=context) as answer:
        return json.loads(answer.read() or b"{}")


def _run_documented(secure: Secure) -> None:
    """Run the commands of docs/store.md where the certificates are."""
    text = (ROOT / "docs/store.md").read_text()
    found = re.search(r"### Roles\n.*?```bash\n(.*?)```", text, re.DOTALL)
    assert found is not None
    folder = opensearch_security.pki_folder(secure.state)
    script = found[1].replace("policies/opensearch", str(ROOT / "policies/opensearch"))
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "OPENSEARCH": secure.url},
        check=True,
        stdout=subprocess.DEVNULL,
    )
