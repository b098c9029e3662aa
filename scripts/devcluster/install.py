"""Installing Chaperone from the working tree, and taking it away."""

from dataclasses import dataclass
from pathlib import Path

from devcluster.clients import helm_for, kubectl_for, operating_helm, operator
from devcluster.errors import CommandError, NotReadyError
from devcluster.images import RECORDER, TEST_IMAGES, WEBHOOK
from devcluster.kubectl import Kubectl
from devcluster.progress import Progress
from devcluster.record import Backend, Record
from devcluster.settings import Settings
from devcluster.shell import run
from devcluster.supply import Reference, supply_for
from devcluster.users import NAMESPACE as GUARDED
from devcluster.volumes import ensure_volumes

RELEASE = "chaperone"
SYSTEM = "chaperone-system"
GUARD_LABEL = "chaperone.dev/guard"
TIMEOUT = "180s"
FOR_TESTS = (
    "policies.packs=null",
    "canary.enabled=true",
    "notifications.secretName=test-receivers",
    "notifications.timeoutSeconds=2",
    "notifications.floodPerMinute=1000",
)
"""Values with which the tests install: no pack, under which most of what they do would wait for people.

Nobody is told anything as long as there is no Secret of that name (tests/support/receiver.py).

Tests about a pack put it in force themselves (tests/cluster/test_objects.py and test_modes.py).
"""


@dataclass(frozen=True)
class Choices:
    """What the caller asks of an installation."""

    values: tuple[str, ...] = ()
    """Values for the chart, as Helm's --set takes them."""
    registry: str | None = None
    test_images: bool = False
    for_tests: bool = False
    """As the tests want it: with their images, and ``FOR_TESTS``."""


def install(settings: Settings, record: Record, choices: Choices, progress: Progress) -> None:
    """Build and load the images, install or upgrade the chart, guard the demonstration's namespace.

    Raises NotReadyError, with what the pods say, when the installation does not become ready.
    """
    kubectl = operator(kubectl_for(settings, record, progress))
    helm = operating_helm(helm_for(settings, progress), kubectl)
    supply = supply_for(settings, record, choices.registry)
    references = {name: supply.provide(image, progress) for name, image in _ROLES.items()}
    for image in TEST_IMAGES if choices.test_images or choices.for_tests else ():
        supply.provide(image, progress)
    if record.backend is Backend.LOCAL:
        ensure_volumes(settings, kubectl)
    with progress.step("install the chart"):
        _forget_interrupted(kubectl)
        chart = settings.repository / "charts/chaperone"
        values = (*(FOR_TESTS if choices.for_tests else ()), *choices.values)
        try:
            if choices.for_tests and _canary_would_wait(kubectl):
                run([*helm, *helm_arguments(chart, references, (*values, "canary.enabled=false"))])
            run([*helm, *helm_arguments(chart, references, values)])
        except CommandError as error:
            raise NotReadyError(f"{error}\n{_symptoms(kubectl)}") from error
    with progress.step(f"guard namespace {GUARDED}"):
        kubectl.run("label", "namespace", GUARDED, f"{GUARD_LABEL}=enabled", "--overwrite")


_ROLES = {"webhook": WEBHOOK, "recorder": RECORDER}


def helm_arguments(chart: Path, images: dict[str, Reference], values: tuple[str, ...]) -> list[str]:
    """The arguments of `helm upgrade`; the caller's values come last and win."""
    sets = [
        f"images.{role}.{key}={value}"
        for role, image in images.items()
        for key, value in (
            ("repository", image.repository),
            ("tag", image.tag),
            ("pullPolicy", image.pull_policy),
        )
    ]
    # What the chart says holds, whatever somebody has set by hand.
    options = [
        "--namespace",
        SYSTEM,
        "--create-namespace",
        "--force-conflicts",
        "--wait",
        "--timeout",
        TIMEOUT,
    ]
    demonstrated = f"approvals.readSecretsIn={{{GUARDED}}}"
    chosen = [word for value in (*sets, demonstrated, *values) for word in ("--set", value)]
    return ["upgrade", "--install", RELEASE, str(chart), *options, *chosen]


def _canary_would_wait(kubectl: Kubectl) -> bool:
    """Tell whether there is an installation without a canary, whose rights a pack would have approved."""
    asked = (("deployment/chaperone-admission", "-n", SYSTEM), ("namespace/chaperone-canary",))
    installed, canary = (
        bool(kubectl.run("get", *what, "--ignore-not-found", "-o", "name").stdout.strip()) for what in asked
    )
    return installed and not canary


def _forget_interrupted(kubectl: Kubectl) -> None:
    """Drop the notes of a Helm that was killed: it would refuse to go on for ever.

    Nobody else is at work: changes of a cluster are made one at a time. What the killed one had made is ours
    by its labels and is taken over.
    """
    unfinished = "status in (pending-install,pending-upgrade,pending-rollback,uninstalling)"
    selector = f"owner=helm,name={RELEASE},{unfinished}"
    kubectl.run("delete", "secrets", "-n", SYSTEM, "-l", selector, "--ignore-not-found")


def uninstall(settings: Settings, record: Record, progress: Progress, *, purge: bool) -> None:
    """Remove the installation: first what other requests would wait for, then the rest.

    What the chart keeps (the record, the keys it was signed with) stays, unless it is to be purged, too.
    """
    kubectl = operator(kubectl_for(settings, record, progress))
    helm = operating_helm(helm_for(settings, progress), kubectl)
    with progress.step("remove aggregated APIs, webhooks and the second guard"):
        for kind in _BLOCKING:
            kubectl.run("delete", kind, "-l", f"app.kubernetes.io/instance={RELEASE}", "--ignore-not-found")
        kubectl.run("label", "namespace", "-l", f"{GUARD_LABEL}=enabled", f"{GUARD_LABEL}-")
    with progress.step("uninstall the chart"):
        run([*helm, "uninstall", RELEASE, "--namespace", SYSTEM, "--ignore-not-found", "--wait"])
    if purge:
        with progress.step(f"delete namespace {SYSTEM}"):
            kubectl.run("delete", "namespace", SYSTEM, "--ignore-not-found", "--timeout=100s")


_BLOCKING = (
    "apiservices.apiregistration.k8s.io",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicies",
)


def _symptoms(kubectl: Kubectl) -> str:
    """What a person would look at next."""
    looks = (
        ("get", "pods", "-o", "wide"),
        ("get", "events", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"),
        ("logs", "-l", f"app.kubernetes.io/instance={RELEASE}", "--all-containers", "--prefix", "--tail=20"),
    )
    answers = [kubectl.run(*words, "-n", SYSTEM, check=False) for words in looks]
    return "\n".join((answer.stdout + answer.stderr)[-4000:] for answer in answers)
