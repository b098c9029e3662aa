"""What images of pods start: of a real registry, with the credentials that a pod has."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from registry_server import Registry, serving
from reviews import Objects, plain_pod
from tls_files import TlsFiles, make_tls_files

from sidecar.contract.errors import ClusterError, ConfigurationError
from webhook.admission.pods import Pod
from webhook.registry.errors import ImageError
from webhook.registry.manifests import Program
from webhook.registry.terms import Terms
from webhook.server.images import RegistryImages

pytestmark = pytest.mark.anyio
TILL = Program(("/bin/till",), ("serve",))


@pytest.fixture
def tls(tmp_path: Path) -> TlsFiles:
    return make_tls_files(tmp_path)


@pytest.fixture
def registry(tls: TlsFiles) -> Iterator[Registry]:
    registry = Registry(auth="token", users={"alice": "a word"})
    registry.image("shop/till:7", Entrypoint=["/bin/till"], Cmd=["serve"])
    with serving(registry, tls):
        yield registry


class Broken(Objects):
    async def find(self, resource: str, namespace: str, name: str) -> dict[str, Any] | None:
        raise ClusterError("no answer")


def document(registry: Registry) -> bytes:
    return json.dumps({"auths": {registry.host: {"username": "alice", "password": "a word"}}}).encode()


def secrets(registry: Registry) -> Objects:
    data = {".dockerconfigjson": base64.b64encode(document(registry)).decode()}
    return Objects(**{"secrets/pull": {"data": data}, "secrets/other": {"data": {"key": "dmFsdWU="}}})


async def program(registry: Registry, tls: TlsFiles, objects: Objects, **terms: Any) -> Program:
    """Ask for the image of a pod that has three pull secrets, one of which is not there."""
    given: dict[str, Any] = {
        "hosts": (registry.host,),
        "internal": (registry.host,),
        "ca": str(tls.ca),
        "seconds": 60.0,
        **terms,
    }
    spec = {"imagePullSecrets": [{"name": "gone"}, {"name": "other"}, {"name": "pull"}]}
    images = RegistryImages(objects, Terms(**given))
    try:
        pod = msgspec.convert(plain_pod(**spec), Pod)
        return await images.program(f"{registry.host}/shop/till:7", pod, "payments")
    finally:
        images.close()


async def test_the_pods_credentials_are_used_where_they_may_be_read(
    registry: Registry, tls: TlsFiles
) -> None:
    assert await program(registry, tls, secrets(registry), read_secrets_in=("payments",)) == TILL
    with pytest.raises(ImageError, match="credentials"):
        await program(registry, tls, secrets(registry), read_secrets_in=("other",))


async def test_chaperones_own_are_used_everywhere(registry: Registry, tls: TlsFiles, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_bytes(document(registry))
    assert await program(registry, tls, Broken(), pull_secret=str(own)) == TILL
    with pytest.raises(ImageError, match="own credentials cannot be read"):
        await program(registry, tls, Broken(), pull_secret=str(tmp_path / "gone"))


async def test_credentials_that_cannot_be_read_are_no_reason_to_go_without(
    registry: Registry, tls: TlsFiles
) -> None:
    with pytest.raises(ImageError, match="Secret gone, cannot be read"):
        await program(registry, tls, Broken(), read_secrets_in=("payments",))
    assert registry.asked == []


async def test_who_is_not_listed_is_not_asked_and_no_secret_read(registry: Registry, tls: TlsFiles) -> None:
    with pytest.raises(ImageError, match=r"mainProcess\.registry\.hosts"):
        await program(registry, tls, Broken(), hosts=(), read_secrets_in=("payments",))


async def test_authorities_that_are_not_there_are_a_fault_of_the_installation(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="authorities"):
        RegistryImages(Objects(), Terms(ca=str(tmp_path / "gone")))
