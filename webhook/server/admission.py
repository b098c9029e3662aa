"""The admission role: doors behind HTTPS, and the keeper of the trust material beside them."""

import asyncio
import datetime as dt
import gc
import logging
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable

from sidecar.contract.errors import ClusterError
from webhook.admission.attach import AttachDoor
from webhook.admission.ephemeral import EphemeralDoor
from webhook.admission.exec import ExecDoor
from webhook.admission.grants import Granter, Keys
from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.admission.lookup import NamespaceLookup, PodLookup
from webhook.admission.pod import PodDoor
from webhook.admission.recorder import Trust
from webhook.kube.api import KubeApi
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.expressions import warm_up
from webhook.policy.packs import read_packs
from webhook.server.approvals import STANDING_SECONDS, SWEEP_SECONDS, Approvals
from webhook.server.doors import Door, doors_app
from webhook.server.logged_journal import LoggedJournal
from webhook.server.lookup import ApiPodLookup
from webhook.server.namespaces import PATH as NAMESPACES_PATH
from webhook.server.namespaces import NamespaceLabels
from webhook.server.pod_cache import PodCache
from webhook.server.policies import PATH as POLICIES_PATH
from webhook.server.policies import PolicyKeeper
from webhook.server.runner import Servers, https
from webhook.server.tasks import Tasks
from webhook.server.tls import load_certificate, serving_context
from webhook.server.watching import Follower
from webhook.settings import Settings
from webhook.trust.keeper import AdmissionMaterial, Keeper

_log = logging.getLogger(__name__)
_CONNECTIONS = 16
_FIRST_PAUSE_SECONDS = 2.0
_WATCH_PAUSE_SECONDS = 1.0
_SWITCH_SECONDS = 0.001
"""How long compiling policies in a thread may keep the event loop waiting for the interpreter."""


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

    def missing(self) -> str | None:
        """Give what keeps the doors from judging, None when nothing does."""
        if self._material is None:
            return "no trust material yet"
        return None if self.is_announced else "the API server does not know this server's CA yet"

    def _given(self) -> AdmissionMaterial:
        if self._material is None:
            raise ClusterError("Chaperone's keys are not made yet")
        return self._material


def make_doors(
    settings: Settings,
    held: Held,
    lookup: PodLookup,
    namespaces: NamespaceLookup,
    policy: ActivePolicies,
    *,
    approvals: Approvals,
) -> dict[str, Door]:
    """Give the doors by the last part of their paths."""
    approving = approvals.approving(held.keys)
    granter = Granter(held.keys, clock=time.time_ns, randomness=os.urandom)
    exempt = settings.exempt_namespaces | {settings.namespace}
    return {
        "exec": ExecDoor(
            pods=lookup, namespaces=namespaces, policy=policy, granter=granter, approving=approving
        ),
        "attach": AttachDoor(),
        "ephemeralcontainers": EphemeralDoor(),
        "pods": PodDoor(
            settings=settings.recorder,
            trust=held.trust,
            exempt=exempt,
            namespaces=namespaces,
            policy=policy,
            approving=approving,
            clock=granter.now,
        ),
        "guardpolicies": GuardPolicyDoor(),
        "approvalrequests": approvals.door(lookup),
        "standingapprovals": approvals.standing_door(policy),
    }


async def serve_admission(settings: Settings) -> None:
    """Serve until told to end."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    api = KubeApi(connections=_CONNECTIONS)
    keeper = Keeper(
        api,
        settings.namespace,
        webhook_configurations=settings.webhook_configurations,
        validating_configurations=settings.validating_configurations,
        api_services=settings.api_services,
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    held, lookup = Held(), ApiPodLookup(api, threads=_CONNECTIONS, seconds=settings.lookup_seconds)
    pods, namespaces = PodCache(api, lookup), NamespaceLabels(api, seconds=settings.lookup_seconds)
    policies = await asyncio.to_thread(load_policies, settings)
    gc.freeze()
    kept = PolicyKeeper(api, policies, clock=lambda: dt.datetime.now(dt.UTC))
    followers = {
        "namespaces": Follower(api, NAMESPACES_PATH, namespaces),
        "policies": Follower(api, POLICIES_PATH, kept),
    }
    first = await _first_material(keeper)
    held.hold(first)
    context = serving_context(first.tls)
    approvals = Approvals(api, settings, LoggedJournal(), origin=platform.node())
    followers["approval requests"] = approvals.follower
    await asyncio.to_thread(approvals.prepare)
    doors = make_doors(settings, held, pods, namespaces, policies, approvals=approvals)
    app = doors_app(doors, lambda: held.missing() or _unknown(policies))
    servers = Servers(https(app, port=settings.port, context=context, drain_seconds=settings.drain_seconds))
    tasks = Tasks(on_failure=servers.stop)

    async def keep() -> None:
        material = await asyncio.to_thread(keeper.material)
        held.hold(material)
        load_certificate(context, material.tls)
        await asyncio.to_thread(keeper.announce, material.bundle)
        held.is_announced = True

    tasks.repeat("trust", keep, seconds=settings.trust_seconds)
    tasks.repeat("approvals", approvals.sweep, seconds=SWEEP_SECONDS)
    tasks.repeat("standing approvals", approvals.sweep_standing, seconds=STANDING_SECONDS)
    tasks.repeat("pods", lambda: asyncio.to_thread(pods.follow), seconds=_WATCH_PAUSE_SECONDS)
    for name, follower in followers.items():
        tasks.repeat(name, _following(follower), seconds=_WATCH_PAUSE_SECONDS)
    try:
        await servers.run()
    finally:
        for follower in followers.values():
            follower.stop()
        await tasks.stop()
        pods.stop()
        lookup.close()
        api.close()


def load_policies(settings: Settings) -> ActivePolicies:
    """Give the policies with the installation's packs, which compile here. Raises ConfigurationError."""
    warm_up()
    builtin = RecordEverything(profile=settings.profile, limits=settings.limits)
    packs = read_packs(settings.policy_directory, settings.policy_packs)
    return ActivePolicies(otherwise=builtin.decision, audit=settings.audit_mode, packs=packs)


def _unknown(policies: ActivePolicies) -> str | None:
    return None if policies.known else "the policies are not known yet"


def _following(follower: Follower) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.to_thread(follower.follow)


async def _first_material(keeper: Keeper) -> AdmissionMaterial:
    """Give the material, after as many tries as it takes; the kubelet ends a start that takes too long."""
    while True:
        try:
            return await asyncio.to_thread(keeper.material)
        except ClusterError as error:
            _log.warning("trust material: %s", error)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)
