"""What rules are told about a question; what is costly is worked out once, and only if a rule asks."""

import shlex
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from sidecar.commands.expressions import Prepared
from sidecar.contract.decoding import UNREADABLE
from webhook.accounts import SERVICE_ACCOUNT
from webhook.policy.decision import Question

Variables = Mapping[str, Callable[["Facts"], Any]]


class Facts:
    """A question, and what follows from it."""

    def __init__(self, question: Question) -> None:
        self.question = question

    @cached_property
    def line(self) -> str:
        """The command line, its arguments quoted as a shell would."""
        return shlex.join(self.question.argv)

    @cached_property
    def called(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        """The command line, and quoted, as it is written; if it has a path, with the program's name, too."""
        argv = self.question.argv
        name = argv[0].rpartition("/")[2] if argv else ""
        by_name = () if not argv or name == argv[0] else ((name, *argv[1:]),)
        return ((argv, self.line), *((other, shlex.join(other)) for other in by_name))

    @cached_property
    def service_account(self) -> str:
        """``namespace/name`` of the service account that asks, or nothing."""
        username = self.question.identity.username
        if not username.startswith(SERVICE_ACCOUNT):
            return ""
        return username.removeprefix(SERVICE_ACCOUNT).replace(":", "/", 1)

    @cached_property
    def manifest(self) -> Any:
        """The object as plain values; null when it is none."""
        try:
            return msgspec.json.decode(self.question.object)
        except UNREADABLE:
            return None

    @cached_property
    def old_manifest(self) -> Any:
        """The object before an update as plain values; null when there is none."""
        try:
            return msgspec.json.decode(self.question.old_object)
        except UNREADABLE:
            return None

    @cached_property
    def prepared(self) -> Prepared:
        """What expressions have been told of this question."""
        return Prepared()

    def value(self, name: str) -> Any:
        """Give a fact by the name that expressions have for it."""
        return VARIABLES[name](self)


def _user(facts: Facts) -> Any:
    identity = facts.question.identity
    return {
        "name": identity.username,
        "uid": identity.uid,
        "groups": list(identity.groups),
        "extra": {key: list(values) for key, values in identity.extra.items()},
        "serviceAccount": facts.service_account,
    }


VARIABLES: Final[Variables] = {
    "user": _user,
    "door": lambda facts: facts.question.door.value,
    "operation": lambda facts: facts.question.operation.value,
    "ns": lambda facts: {"name": facts.question.namespace, "labels": facts.question.namespace_labels},
    "name": lambda facts: facts.question.name,
    "labels": lambda facts: facts.question.labels,
    "container": lambda facts: facts.question.container,
    "argv": lambda facts: list(facts.question.argv),
    "line": lambda facts: facts.line,
    "tty": lambda facts: facts.question.tty,
    "stdin": lambda facts: facts.question.stdin,
    "privileges": lambda facts: [privilege.value for privilege in facts.question.privileges],
    "changed": lambda facts: facts.question.changed,
    "findings": lambda facts: [found._asdict() for found in facts.question.findings],
    "ports": lambda facts: list(facts.question.sure_ports),
    "path": lambda facts: facts.question.path,
    "object": lambda facts: facts.manifest,
    "oldObject": lambda facts: facts.old_manifest,
    "hour": lambda facts: facts.question.at // 3600 % 24,
}
"""What an expression may name. ``hour`` is UTC."""
