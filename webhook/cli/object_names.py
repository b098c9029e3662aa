"""Names of Kubernetes objects, checked before they become part of a request."""

import re
from typing import Final

from webhook.cli.failures import CliError, ExitCode

_LABEL: Final = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label of a host name (RFC 1123)."""
_LONGEST_SUBDOMAIN: Final = 253


def check_namespace(source: str, name: str, code: ExitCode = ExitCode.USAGE) -> None:
    """Raise CliError when ``name``, which ``source`` gave, can be no namespace's."""
    if not is_namespace(name):
        rule = "up to 63 lower-case letters, digits and inner dashes"
        raise CliError(f"{source} {name!r} is no name of a namespace ({rule})", code)


def check_pod(source: str, name: str) -> None:
    """Raise CliError when ``name``, which ``source`` gave, can be no pod's."""
    if len(name) > _LONGEST_SUBDOMAIN or not all(map(_LABEL.fullmatch, name.split("."))):
        rule = "lower-case letters, digits, inner dashes and dots"
        raise CliError(f"{source} {name!r} is no name of a pod ({rule})", ExitCode.USAGE)


def is_namespace(name: str) -> bool:
    """Tell whether a namespace can have this name (RFC 1123)."""
    return _LABEL.fullmatch(name) is not None
