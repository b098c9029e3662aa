"""The admission role: doors behind HTTPS, and the keeper of the trust material beside them."""

import asyncio
import datetime as dt
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from sidecar.commands.expressions import warm_up
from sidecar.contract.names import TOKEN_FILE
from sidecar.masking import scan_object
from webhook.accounts import ADMISSION
from webhook.admission.attach import AttachDoor
from webhook.admission.audit_mode import AuditMode
from webhook.admission.connections import ConnectionDoor
from webhook.admission.debug_injection import DebugInjectionDoor
from webhook.admission.ephemeral import EphemeralDoor
from webhook.admission.exec import ExecDoor
from webhook.admission.grants import Granter
from webhook.admission.guard_policy import GuardPolicyDoor
from webhook.admission.injection import InjectionDoor
from webhook.admission.lookup import ImageLookup, NamespaceLookup, PodLookup, RoleLookup
from webhook.admission.objects import ObjectDoor
from webhook.admission.pod import PodDoor
from webhook.admission.templates import Templates
from webhook.collector.audit_route import AUDIT_EVENTS_PATH
from webhook.kube.api import KubeApi
from webhook.metrics.exposition import with_metrics
from webhook.policy.active import ActivePolicies
from webhook.policy.builtin import RecordEverything
from webhook.policy.packs import read_packs
from webhook.server.approvals import STANDING_SECONDS, SWEEP_SECONDS, Approvals
from webhook.server.delivery import HttpsDelivery
from webhook.server.doors import Door, doors_app
from webhook.server.images import RegistryImages
from webhook.server.interpreter import answer_quickly, settle
from webhook.server.journaling import Journaling
from webhook.server.lookup import ApiPodLookup
from webhook.server.namespaces import PATH as NAMESPACES_PATH
from webhook.server.namespaces import NamespaceLabels
from webhook.server.noting import AnswerNotes
from webhook.server.object_lookup import ApiObjectLookup
from webhook.server.observing import AdmissionObservers
from webhook.server.pod_cache import PodCache
from webhook.server.policies import PATH as POLICIES_PATH
from webhook.server.policies import PolicyKeeper
from webhook.server.policy_telling import PolicyTelling
from webhook.server.roles import ApiRoleLookup
from webhook.server.runner import Servers, https
from webhook.server.tasks import Tasks
from webhook.server.trust_keeping import Held, TrustKeeping
from webhook.server.watching import Follower
from webhook.settings import Settings
from webhook.trust.keeper import COLLECTOR_SERVICE

_log = logging.getLogger(__name__)
_CONNECTIONS = 16
_FIRST_PAUSE_SECONDS = 2.0
_MALFORMED_SECONDS = 60.0
_DRAIN_SECONDS = 60.0
"""The journal goes with the pod, and the collector may be starting anew at the same time."""
_WATCH_PAUSE_SECONDS = 1.0


def make_doors(
    settings: Settings,
    held: Held,
    lookup: PodLookup,
    namespaces: NamespaceLookup,
    policy: ActivePolicies,
    *,
    roles: RoleLookup,
    images: ImageLookup,
    approvals: Approvals,
) -> dict[str, Door]:
    """Give the doors by the last part of their paths."""
    approving = approvals.approving(held.keys)
    otherwise = RecordEverything(profile=settings.profile, limits=settings.limits).decision
    granter = Granter(held.keys, shown=approvals.shown, clock=time.time_ns, randomness=os.urandom)
    exempt = settings.exempt_namespaces | {settings.namespace}
    guarding: dict[str, Door] = {
        "exec": ExecDoor(
            pods=lookup,
            namespaces=namespaces,
            policy=policy,
            granter=granter,
            approving=approving,
            audit_mode=settings.audit_mode,
        ),
        "attach": AttachDoor(
            pods=lookup,
            namespaces=namespaces,
            policy=policy,
            approving=approving,
            clock=granter.now,
            roots=granter.trusted_roots,
        ),
        "debugging": DebugInjectionDoor(namespaces=namespaces, policy=policy, granter=granter, images=images),
        "ephemeralcontainers": EphemeralDoor(
            namespaces=namespaces,
            policy=policy,
            approving=approving,
            roots=granter.trusted_roots,
            images=images,
            clock=granter.now,
        ),
        "injection": InjectionDoor(
            settings=settings.recorder,
            trust=held.trust,
            exempt=exempt,
            granter=granter,
            images=images,
            namespaces=namespaces,
            policy=policy,
        ),
        "pods": PodDoor(
            settings=settings.recorder,
            trust=held.trust,
            exempt=exempt,
            namespaces=namespaces,
            templates=Templates(approvals.objects),
            policy=policy,
            approving=approving,
            granter=granter,
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
    }
    if settings.audit_mode:
        guarding = {name: AuditMode(door, otherwise) for name, door in guarding.items()}
    return {
        **guarding,
        "guardpolicies": GuardPolicyDoor(),
        "approvalrequests": approvals.door(lookup, held.keys),
        "standingapprovals": approvals.standing_door(policy),
    }


async def serve_admission(settings: Settings) -> None:
    """Serve until told to end."""
    answer_quickly()
    journaling = Journaling(settings, ADMISSION, drain_seconds=_DRAIN_SECONDS)
    api = KubeApi(connections=_CONNECTIONS)
    trust = TrustKeeping(api, settings)
    held = trust.held
    observers = AdmissionObservers(
        api, journaling.journal, depth=lambda: journaling.disk.size, pod=settings.pod
    )
    lookup = ApiPodLookup(api, threads=_CONNECTIONS, seconds=settings.lookup_seconds)
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
    context = await trust.first()
    approvals = Approvals(
        api,
        settings,
        observers.journal,
        observe=observers.approvals.observe_tickets,
        retell=journaling.note_all,
    )
    followers["approval requests"] = approvals.follower
    await asyncio.to_thread(approvals.prepare)
    images = RegistryImages(ApiObjectLookup(api, seconds=settings.lookup_seconds), settings.registry)
    doors = make_doors(
        settings,
        held,
        pods,
        namespaces,
        policies,
        roles=ApiRoleLookup(api, seconds=settings.lookup_seconds),
        images=images,
        approvals=approvals,
    )
    notes = AnswerNotes(observers.journal, journaling.maker, audit_mode=settings.audit_mode)
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

    delivery = HttpsDelivery(_audit_url(settings), bundle=held.bundle, token_file=Path(TOKEN_FILE))
    journaling.start(tasks, delivery, role="admission", mode="audit" if settings.audit_mode else "enforce")
    observers.start()
    tasks.repeat("malformed reviews", _at_once(notes.tell_malformed), seconds=_MALFORMED_SECONDS)
    tasks.repeat("trust", trust.keep, seconds=settings.trust_seconds)
    tasks.repeat("approvals", approvals.sweep, seconds=SWEEP_SECONDS)
    tasks.repeat("standing approvals", approvals.sweep_standing, seconds=STANDING_SECONDS)
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
        images.close()
        api.close()


def load_policies(settings: Settings) -> ActivePolicies:
    """Give the policies with the installation's packs, which compile here. Raises ConfigurationError."""
    warm_up()
    builtin = RecordEverything(profile=settings.profile, limits=settings.limits)
    packs = read_packs(
        settings.policy_directory,
        settings.policy_packs,
        settings.secret_managers,
        settings.volume_provisioners,
    )
    return ActivePolicies(otherwise=builtin.decision, audit=settings.audit_mode, packs=packs)


def _audit_url(settings: Settings) -> str:
    return f"https://{COLLECTOR_SERVICE}.{settings.namespace}.svc:8443{AUDIT_EVENTS_PATH}"


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
