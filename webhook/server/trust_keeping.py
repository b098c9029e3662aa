"""The trust material of the admission role: what is in force, kept fresh and announced."""

import asyncio
import datetime as dt
import logging
import ssl
from typing import Final

from sidecar.contract.errors import ClusterError
from webhook.admission.grants import Keys
from webhook.admission.recorder import Trust
from webhook.kube.api import KubeApi
from webhook.server.tls import load_certificate, serving_context
from webhook.settings import Settings
from webhook.trust.keeper import AdmissionMaterial, Keeper

_log = logging.getLogger(__name__)
_FIRST_PAUSE_SECONDS: Final = 2.0


class Held:
    """The material of the moment."""

    def __init__(self) -> None:
        self._material: AdmissionMaterial | None = None
        self.is_announced = False
        """Whether the API server was told which CA vouches for this server."""

    def hold(self, material: AdmissionMaterial) -> None:
        """Work with this from now on."""
        self._material = material

    def keys(self) -> Keys:
        """Give what grants are made with. Raises ClusterError while there is nothing."""
        material = self._given()
        return Keys(material.signer, material.seal_key, material.roots)

    def trust(self) -> Trust:
        """Give what recorders are told to trust. Raises ClusterError while there is nothing."""
        material = self._given()
        return Trust(material.roots, material.bundle, material.collector_address)

    def bundle(self) -> str:
        """Give the authorities that vouch for the collector. Raises ClusterError while there is nothing."""
        return self._given().bundle

    def missing(self) -> str | None:
        """Give what keeps the doors from judging, None when nothing does."""
        if self._material is None:
            return "no trust material yet"
        return None if self.is_announced else "the API server does not know this server's CA yet"

    def _given(self) -> AdmissionMaterial:
        if self._material is None:
            raise ClusterError("Chaperone's keys are not made yet")
        return self._material


class TrustKeeping:
    """Makes, renews and announces the material, and serves with it."""

    def __init__(self, api: KubeApi, settings: Settings) -> None:
        self._keeper = Keeper(
            api,
            settings.namespace,
            webhook_configurations=settings.webhook_configurations,
            validating_configurations=settings.validating_configurations,
            api_services=settings.api_services,
            clock=lambda: dt.datetime.now(dt.UTC),
        )
        self._context: ssl.SSLContext | None = None
        self.held = Held()

    async def first(self) -> ssl.SSLContext:
        """Give what to serve with, once there is material: after as many tries as it takes.

        The kubelet ends a start that takes too long.
        """
        while True:
            try:
                first = await asyncio.to_thread(self._keeper.material)
            except ClusterError as error:
                _log.warning("trust material: %s", error)
                await asyncio.sleep(_FIRST_PAUSE_SECONDS)
                continue
            self.held.hold(first)
            self._context = serving_context(first.tls)
            return self._context

    async def keep(self) -> None:
        """Renew what is due, and tell the API server whom to trust. Raises ClusterError."""
        material = await asyncio.to_thread(self._keeper.material)
        self.held.hold(material)
        if self._context is not None:
            load_certificate(self._context, material.tls)
        await asyncio.to_thread(self._keeper.announce, material.bundle)
        self.held.is_announced = True
