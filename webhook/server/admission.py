"""The admission role: doors behind HTTPS, and the keeper of the trust material beside them."""

import asyncio
import datetime as dt
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from sidecar.contract.errors import ClusterError
from sidecar.contract.names import TOKEN_FILE
from sidecar.masking import Engine, Profile, scan_object
from webhook.admission.attach import AttachDoor
from webhook.admission.connections import ConnectionDoor
from webhook.admission.ephemeral import EphemeralDoor
from webhook.admission.exec import ExecDoor
from webhook.admission.grants import Granter, Keys
from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.admission.lookup import NamespaceLookup, PodLookup, RoleLookup
from webhook.admission.objects import ObjectDoor
from webhook.admission.pod import PodDoor
from webhook.admission.recorder import Trust
from webhook.admission.telling import Mask
from webhook.collector.audit_route import ADMISSION_ACCOUNT, AUDIT_EVENTS_PATH
from webhook.kube.api import KubeApi
from webhook.metrics.exposition import with_metrics
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.decision import Policy
from webhook.policy.expressions import warm_up
from webhook.policy.packs import read_packs
from webhook.server.approvals import EXPIRY_SECONDS, Approvals
from webhook.server.delivery import HttpsDelivery
from webhook.server.doors import Door, doors_app
from webhook.server.interpreter import answer_quickly, settle
from webhook.server.journaling import Journaling
from webhook.server.lookup import ApiPodLookup
from webhook.server.namespaces import PATH as NAMESPACES_PATH
from webhook.server.namespaces import NamespaceLabels
from webhook.server.noting import AnswerNotes
from webhook.server.observing import AdmissionObservers
from webhook.server.pod_cache import PodCache
from webhook.server.policies import PATH as POLICIES_PATH
from webhook.server.policies import PolicyKeeper
from webhook.server.policy_telling import PolicyTelling
from webhook.server.roles import ApiRoleLookup
from webhook.server.runner import Servers, https
from webhook.server.tasks import Tasks
from webhook.server.tls import load_certificate, serving_context
from webhook.server.watching import Follower
from webhook.settings import Settings
from webhook.trust.keeper import COLLECTOR_SERVICE, AdmissionMaterial, Keeper

_log = logging.getLogger(__name__)
_CONNECTIONS = 16
_FIRST_PAUSE_SECONDS = 2.0
_MALFORMED_SECONDS = 60.0
_WATCH_PAUSE_SECONDS = 1.0


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


def make_doors(
    settings: Settings,
    held: Held,
    lookup: PodLookup,
    namespaces: NamespaceLookup,
    policy: Policy,
    *,
    roles: RoleLookup,
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
        "objects": ObjectDoor(
            own=settings.namespace,
            ours=settings.own_users,
            exempt=exempt,
            namespaces=namespaces,
            roles=roles,
            policy=policy,
            approving=approving,
            scan=lambda document: scan_object(approvals.engine(), document),
            clock=granter.now,
        ),
        "connections": ConnectionDoor(
            own=settings.namespace,
            namespaces=namespaces,
            policy=policy,
            approving=approving,
            clock=granter.now,
        ),
        "guardpolicies": GuardPolicyDoor(),
        "approvalrequests": approvals.door(),
    }


async def serve_admission(settings: Settings) -> None:
    """Serve until told to end."""
    answer_quickly()
    journaling = Journaling(settings, ADMISSION_ACCOUNT)
    api = KubeApi(connections=_CONNECTIONS)
    keeper = Keeper(
        api,
        settings.namespace,
        webhook_configurations=settings.webhook_configurations,
        validating_configurations=settings.validating_configurations,
        api_services=settings.api_services,
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    observers = AdmissionObservers(api, journaling.journal, pod=settings.pod)
    held, lookup = Held(), ApiPodLookup(api, threads=_CONNECTIONS, seconds=settings.lookup_seconds)
    pods, namespaces = PodCache(api, lookup), NamespaceLabels(api, seconds=settings.lookup_seconds)
    policies = await asyncio.to_thread(load_policies, settings)
    settle()
    telling = PolicyTelling(journaling.maker)

    kept = PolicyKeeper(
        api,
        policies,
        clock=lambda: dt.datetime.now(dt.UTC),
        told=lambda states: journaling.note_all(telling.tell(observers.policies.taken(states))),
    )
    followers = {
        "namespaces": Follower(api, NAMESPACES_PATH, namespaces),
        "policies": Follower(api, POLICIES_PATH, kept),
    }
    first = await _first_material(keeper)
    held.hold(first)
    context = serving_context(first.tls)
    approvals = Approvals(api, settings, observe=observers.approvals.observe_tickets)
    await asyncio.to_thread(approvals.prepare)
    doors = make_doors(
        settings,
        held,
        pods,
        namespaces,
        policies,
        roles=ApiRoleLookup(api, seconds=settings.lookup_seconds),
        approvals=approvals,
    )
    notes = AnswerNotes(observers.journal, journaling.maker, await _mask(), audit_mode=settings.audit_mode)
    app = doors_app(
        observers.reviews.counted(doors), lambda: held.missing() or _unknown(policies), notes=notes
    )
    servers = Servers(
        https(
            with_metrics(app, observers.registry),
            port=settings.port,
            context=context,
            drain_seconds=settings.drain_seconds,
        )
    )
    tasks = Tasks(on_failure=servers.stop)

    async def keep() -> None:
        material = await asyncio.to_thread(keeper.material)
        held.hold(material)
        load_certificate(context, material.tls)
        await asyncio.to_thread(keeper.announce, material.bundle)
        held.is_announced = True

    delivery = HttpsDelivery(_audit_url(settings), bundle=held.bundle, token_file=Path(TOKEN_FILE))
    journaling.start(tasks, delivery, role="admission", mode="audit" if settings.audit_mode else "enforce")
    observers.start()
    tasks.repeat("malformed reviews", _at_once(notes.tell_malformed), seconds=_MALFORMED_SECONDS)
    tasks.repeat("trust", keep, seconds=settings.trust_seconds)
    tasks.repeat("approvals", approvals.expire, seconds=EXPIRY_SECONDS)
    tasks.repeat("pods", lambda: asyncio.to_thread(pods.follow), seconds=_WATCH_PAUSE_SECONDS)
    _follow(tasks, followers)
    try:
        await servers.run()
    finally:
        _stop(followers)
        await journaling.finish()
        await tasks.stop()
        await observers.stop()
        journaling.close()
        delivery.close()
        pods.stop()
        lookup.close()
        api.close()


def load_policies(settings: Settings) -> ActivePolicies:
    """Give the policies with the installation's packs, which compile here. Raises ConfigurationError."""
    warm_up()
    builtin = RecordEverything(profile=settings.profile, limits=settings.limits)
    packs = read_packs(settings.policy_directory, settings.policy_packs)
    return ActivePolicies(otherwise=builtin.decision, audit=settings.audit_mode, packs=packs)


def _audit_url(settings: Settings) -> str:
    return f"https://{COLLECTOR_SERVICE}.{settings.namespace}.svc:8443{AUDIT_EVENTS_PATH}"


async def _mask() -> Mask:
    """Give what masks the texts of audit events; used on the event loop alone."""
    engine = await asyncio.to_thread(Engine.load, Profile.STRICT)
    masks = engine.masks()
    return lambda text: masks(text)[0]


def _unknown(policies: ActivePolicies) -> str | None:
    return None if policies.known else "the policies are not known yet"


def _at_once(work: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """Give work that is too short for a thread as what tasks repeat."""

    async def done() -> None:
        work()

    return done


def _follow(tasks: Tasks, followers: Mapping[str, Follower]) -> None:
    for name, follower in followers.items():
        tasks.repeat(name, _following(follower), seconds=_WATCH_PAUSE_SECONDS)


def _stop(followers: Mapping[str, Follower]) -> None:
    for follower in followers.values():
        follower.stop()


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
