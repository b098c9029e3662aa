"""What images of pods start: asked of registries, with the pod's credentials where these may be read."""

import asyncio
import ssl
import time
from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.errors import ClusterError, ConfigurationError
from webhook.admission.lookup import ObjectLookup
from webhook.admission.pods import Pod
from webhook.registry.asking import Asked, Images
from webhook.registry.conversation import ask
from webhook.registry.credentials import Keyring
from webhook.registry.errors import ImageError
from webhook.registry.http import HttpVisit
from webhook.registry.manifests import Program
from webhook.registry.reference import read_reference
from webhook.registry.terms import Terms, check_host

_VISIT_SECONDS: Final = 20.0
"""How long a registry has altogether; the answer is kept for the next try if nobody waits for it any more."""
_MOST_SECRETS: Final = 8
_ARCHITECTURES: Final = ("kubernetes.io/arch", "beta.kubernetes.io/arch")


class _Data(msgspec.Struct, frozen=True):
    document: bytes = msgspec.field(name=".dockerconfigjson", default=b"")


class _Secret(msgspec.Struct, frozen=True):
    data: _Data | None = None

    def __repr__(self) -> str:
        return "_Secret(…)"


class RegistryImages:
    """Knows images by asking registries."""

    def __init__(self, objects: ObjectLookup, terms: Terms) -> None:
        """``objects`` finds Secrets. Raises ConfigurationError."""
        self._objects = objects
        self._terms = terms
        self._context = _context(terms.ca)
        self._images = Images(self._ask, seconds=terms.seconds, clock=time.monotonic)

    async def program(self, image: str, pod: Pod, namespace: str) -> Program:
        """Give what an image of a pod starts. Raises ImageError."""
        reference = read_reference(image)
        check_host(reference.host, self._terms)
        keyring = Keyring([*await self._of_pod(pod, namespace), *await asyncio.to_thread(self._own)])
        return await self._images.program(Asked(reference, _architecture(pod), keyring.matching(reference)))

    def close(self) -> None:
        """End what is under way."""
        self._images.close()

    def _ask(self, asked: Asked) -> Program:
        with HttpVisit(self._terms, self._context, seconds=_VISIT_SECONDS) as visit:
            return ask(visit, asked.image, asked.architecture, asked.credentials, self._terms)

    async def _of_pod(self, pod: Pod, namespace: str) -> list[bytes]:
        if namespace not in self._terms.read_secrets_in:
            return []
        names = [one.name for one in pod.spec.image_pull_secrets or () if one.name]
        return [await self._document(namespace, name) for name in names[:_MOST_SECRETS]]

    async def _document(self, namespace: str, name: str) -> bytes:
        """Give a Secret's credentials; none where there are none, as for the kubelet."""
        try:
            found = await self._objects.find("secrets", namespace, name)
            data = msgspec.convert(found or {}, _Secret).data
        except (ClusterError, msgspec.ValidationError):
            raise ImageError(f"its credentials, Secret {name}, cannot be read") from None
        return data.document if data is not None else b""

    def _own(self) -> list[bytes]:
        path = self._terms.pull_secret
        try:
            return [Path(path).read_bytes()] if path else []
        except OSError as error:
            raise ImageError(f"Chaperone's own credentials cannot be read: {error.strerror}") from None


def _architecture(pod: Pod) -> str:
    selected = pod.spec.node_selector or {}
    return next((selected[label] for label in _ARCHITECTURES if label in selected), "")


def _context(ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if ca:
            context.load_verify_locations(cafile=ca)
    except OSError as error:
        raise ConfigurationError(f"the registries' authorities cannot be read from {ca}: {error}") from None
    return context
