"""OpenSearch with its security plugin: TLS, users and roles, as in production. Maven has it for 2.19.

Nobody can sign in at first but the administrator, by a certificate: users and roles are put through the API.
"""

import ssl
import zipfile
from pathlib import Path
from typing import Final

from devcluster.maven import fetch_jars
from devcluster.pki import CLUSTER_CA, Certificate, make_server_pki
from devcluster.progress import Progress

RELEASE: Final = "2"
"""The one that has the plugin."""
PLUGIN: Final = "org.opensearch.plugin:opensearch-security:2.19.1.0:zip"
TITLE: Final = "opensearch-security-2.19.1.0"
CLASS: Final = "org.opensearch.security.OpenSearchSecurityPlugin"
ADMIN: Final = "admin"
_NODE: Final = "node"
_EMPTY: Final = (
    "internal_users",
    "roles",
    "roles_mapping",
    "tenants",
    "action_groups",
    "nodes_dn",
    "allowlist",
)


def prepare(state: Path, cache: Path, progress: Progress) -> Path:
    """Make keys and the plugin's configuration below a server's state; give the folder with its jars."""
    make_server_pki(
        pki_folder(state),
        (
            Certificate(_NODE, "/O=chaperone/CN=node", addresses=("DNS:localhost", "IP:127.0.0.1")),
            Certificate(ADMIN, "/O=chaperone/CN=admin"),
        ),
    )
    plugin = state / "plugin"
    archive = next(fetch_jars(PLUGIN, TITLE, cache, progress).iterdir())
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(plugin)
    config = state / "node_1/config"
    for name in (CLUSTER_CA, _NODE):
        for end in ("crt", "key") if name == _NODE else ("crt",):
            (config / f"{name}.{end}").write_bytes((pki_folder(state) / f"{name}.{end}").read_bytes())
    own = config / "opensearch-security"
    own.mkdir(exist_ok=True)
    for file in (plugin / "config").glob("*.yml"):
        (own / file.name).write_bytes(file.read_bytes())
    for name in _EMPTY:
        _empty(own / f"{name}.yml")
    return plugin


def render_configuration() -> str:
    """What opensearch.yml says of the plugin."""
    lines = ["plugins.security.ssl.http.enabled: true", "plugins.security.ssl.http.clientauth_mode: OPTIONAL"]
    for layer in ("transport", "http"):
        base = f"plugins.security.ssl.{layer}"
        lines += [
            f"{base}.pemcert_filepath: {_NODE}.crt",
            f"{base}.pemkey_filepath: {_NODE}.key",
            f"{base}.pemtrustedcas_filepath: {CLUSTER_CA}.crt",
        ]
    lines += [
        "plugins.security.ssl.transport.enforce_hostname_verification: false",
        "plugins.security.allow_default_init_securityindex: true",
        'plugins.security.authcz.admin_dn: ["CN=admin,O=chaperone"]',
        'plugins.security.nodes_dn: ["CN=node,O=chaperone"]',
        'plugins.security.compliance.immutable_indices: ["chaperone-ledger"]',
    ]
    return "".join(f"{line}\n" for line in lines)


def pki_folder(state: Path) -> Path:
    """Where a server's certificates are: ``ca.crt``, ``admin.crt`` and ``admin.key``."""
    return state / "pki"


def administrator(state: Path) -> ssl.SSLContext:
    """Give the TLS context of whoever may do everything."""
    folder = pki_folder(state)
    context = ssl.create_default_context(cafile=str(folder / f"{CLUSTER_CA}.crt"))
    context.load_cert_chain(folder / f"{ADMIN}.crt", folder / f"{ADMIN}.key")
    return context


def _empty(path: Path) -> None:
    """Leave a file's kind and version, and none of the users and roles for trying out."""
    kind = path.stem.replace("_", "").replace("rolesmapping", "rolesmapping")
    path.write_text(f'_meta:\n  type: "{kind}"\n  config_version: 2\n')
