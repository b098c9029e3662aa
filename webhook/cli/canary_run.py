"""What ``chaperone canary run`` does."""

import re
import secrets
from pathlib import Path
from typing import Final

import msgspec
from msgspec import UnsetType

from sidecar.contract.names import RECORDER_CONTAINER
from webhook.audit_api.canary_objects import CARD_NUMBER, MASKED, Canary, CanarySpec, CanaryStatus
from webhook.cli.audit import Audit
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.object_names import check_namespace, check_pod
from webhook.cli.options import Format
from webhook.cli.output import console, print_json
from webhook.cli.pod_exec import Asked, Ran, run_in_pod
from webhook.replay.safety import printable

COMMAND: Final = ("head", "-n", "1")
"""Gives its first line of input back and ends; it only reads, so packs let it pass."""
_OURS: Final = re.compile(r'admission webhook "[a-z.]*chaperone\.dev" denied the request')
"""How the API server says that it was Chaperone, and neither RBAC nor a pod without a recorder."""
_SECONDS: Final = 60.0
_MOST_SAID: Final = 500


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Where to try, as the options say."""

    pod: str
    container: str
    namespace: str | None


def run(wanted: Wanted, kubeconfig: Path | None, context: str | None, output: Format) -> None:
    """Try, and print what came of it. Raises CliError when a control does not work."""
    check_pod("POD", wanted.pod)
    if wanted.namespace:
        check_namespace("--namespace", wanted.namespace)
    cluster = Cluster(kubeconfig, context)
    namespace = wanted.namespace or cluster.namespace
    mark = f"canary{secrets.token_hex(8)}"
    line = f"{mark} {CARD_NUMBER}\n".encode()
    place = Asked(namespace=namespace, pod=wanted.pod, container=wanted.container, command=COMMAND)
    came = run_in_pod(cluster, place, line, seconds=_SECONDS)
    forbidden = msgspec.structs.replace(place, container=RECORDER_CONTAINER)
    answer = run_in_pod(cluster, forbidden, b"", seconds=_SECONDS)
    spec = judged(wanted.pod, mark, came, answer)
    found = Audit(cluster).tell_canary(namespace, Canary(spec))
    if output is Format.JSON:
        print_json(found.raw)
    else:
        screen = console()
        for told in lines(found.canary):
            screen.print(told)
    if not status_of(found.canary).passed:
        raise CliError("the canary died: a control does not work. It is on record, and told to people.")


def judged(pod: str, mark: str, came: Ran, answer: Ran) -> CanarySpec:
    """Give what is said of a try."""
    masked = came.started and came.output.strip() == f"{mark} {MASKED}".encode()
    refused = not answer.started and _OURS.search(answer.refusal) is not None
    problems: list[str] = []
    if not came.started:
        problems.append(f"the session was not let in: {came.refusal}")
    elif CARD_NUMBER.encode() in came.output:
        problems.append("the card number came back as it is")
    elif not masked:
        problems.append(f"what came back is not what was sent, masked ({len(came.output)} bytes)")
    if answer.started:
        problems.append("a session in the recorder's own container was let in")
    elif not refused:
        problems.append(f"it was not Chaperone that refused: {answer.refusal}")
    said = " ".join("; ".join(problems).split()).replace(CARD_NUMBER, MASKED)[:_MOST_SAID]
    return CanarySpec(pod=pod, mark=mark, masked=masked, refused=refused, said=said)


def status_of(canary: Canary) -> CanaryStatus:
    """Give what the record says of a canary. Raises CliError."""
    if isinstance(canary.status, UnsetType):
        raise CliError(
            "the audit API's answer cannot be read; is it of another version?", ExitCode.UNAVAILABLE
        )
    return canary.status


def lines(canary: Canary) -> list[str]:
    """Give what came of it, for people."""
    spec, status = canary.spec, status_of(canary)
    checks = (("Masked", spec.masked), ("Refused", spec.refused), ("Recorded", status.recorded))
    told = [f"{name:<10}{'yes' if holds else 'NO'}" for name, holds in checks]
    told += [f"{'Why':<10}{printable(why)}" for why in (spec.said, status.why) if why]
    return [*told, *([f"{'Session':<10}{status.session}"] if status.session else [])]
