"""What the API server's refusals mean, and what the reader of one can do."""

import re
import shlex
from typing import Final

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.names import AUDIT_GROUP, AUDIT_VERSION
from webhook.cli.failures import CliError, ExitCode
from webhook.replay.safety import printable

READER_ROLE: Final = "chaperone-auditor"
"""ClusterRole of the chart that gives every right of reading."""
KILL_ROLE: Final = "chaperone-kill"
"""ClusterRole of the chart that gives the right to end sessions."""
CANARY_ROLE: Final = "chaperone-canary"
"""ClusterRole of the chart that gives the right to tell of canaries."""
_SERVICE: Final = f"{AUDIT_VERSION}.{AUDIT_GROUP}"
_GIVEN: Final = {
    "sessions/kill": ("ending sessions", KILL_ROLE),
    "canaries": ("telling of canaries", CANARY_ROLE),
}
"""What a role allows, by the resource that was asked for."""
_USER: Final = re.compile(r'User "([^"]*)" cannot')


class Asked(msgspec.Struct, frozen=True):
    """What was asked of the API server, in RBAC's words."""

    verb: str
    resource: str
    namespace: str | None
    """None for all."""
    name: str = ""


class _Status(msgspec.Struct, frozen=True):
    kind: str = ""
    message: str = ""


def refused(status: int, body: bytes, asked: Asked) -> CliError:
    """Give the error that an answer of another status than success stands for."""
    told = _status(body)
    match status:
        case 401:
            return unknown_user()
        case 403:
            return _forbidden(told.message, asked)
        case 404 if told.kind == "Status" and asked.name and asked.name in told.message:
            return not_found(asked.namespace, asked.name)
        case 404:
            return _no_service()
        case 503 | 502 | 504:
            return _unavailable(told.message)
        case _:
            detail = printable(told.message) or f"status {status}"
            return CliError(f"the audit API refused: {detail}")


def unknown_user() -> CliError:
    """Give the error for credentials that the API server does not take."""
    message = "the API server does not know who you are: this context's credentials are not valid"
    return CliError(message, ExitCode.FORBIDDEN)


def not_found(namespace: str | None, name: str) -> CliError:
    """Give the error for a session that is not there."""
    where = f" -n {shlex.quote(namespace)}" if namespace else " -A"
    return CliError(
        f'no session "{printable(name)}" in {_place(namespace)}\n'
        f"See which there are: chaperone sessions list{where}; or name its namespace with -n",
        ExitCode.NOT_FOUND,
    )


def _status(body: bytes) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except UNREADABLE:
        return _Status()


def is_without_right(message: str) -> bool:
    """Tell whether a refusal is one of the cluster's rights, and not of a webhook."""
    return _USER.search(message) is not None


def way_to_allow(what: str, role: str, namespace: str | None, message: str) -> str:
    """Give the command by which an administrator allows what a refusal of the cluster's rights is about."""
    user = _USER.search(message)
    subject = shlex.quote(printable(user[1] if user else "YOU"))
    return f"An administrator can allow {what} there:\n  {_binding(namespace, subject, role)}"


def _forbidden(message: str, asked: Asked) -> CliError:
    user = _USER.search(message)
    who = f'user "{printable(user[1])}"' if user else "you"
    place = _place(asked.namespace)
    what, role = _GIVEN.get(asked.resource, ("reading the record", READER_ROLE))
    return CliError(
        f"{who} may not {asked.verb} {asked.resource} of {AUDIT_GROUP} in {place}\n"
        f"{way_to_allow(what, role, asked.namespace, message)}",
        ExitCode.FORBIDDEN,
    )


def _binding(namespace: str | None, subject: str, role: str) -> str:
    given = f"--clusterrole={role} --user={subject}"
    if namespace is None:
        return f"kubectl create clusterrolebinding {role} {given}"
    return f"kubectl create rolebinding {role} -n {shlex.quote(namespace)} {given}"


def _no_service() -> CliError:
    return CliError(
        f"this cluster serves no {AUDIT_GROUP}: Chaperone is not installed here, or its APIService is gone\n"
        f"Check: kubectl get apiservice {_SERVICE}",
        ExitCode.UNAVAILABLE,
    )


def _unavailable(message: str) -> CliError:
    detail = f" ({printable(message.strip())})" if message.strip() else ""
    return CliError(
        f"the audit API does not answer{detail}\n"
        f"Check why: kubectl get apiservice {_SERVICE} -o wide\n"
        f"and the collector: kubectl get pods -A -l app.kubernetes.io/component=collector",
        ExitCode.UNAVAILABLE,
    )


def _place(namespace: str | None) -> str:
    return f'namespace "{printable(namespace)}"' if namespace else "all namespaces"
