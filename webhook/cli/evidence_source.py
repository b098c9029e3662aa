"""The record as an export reads it, through the Kubernetes API."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import Frame
from sidecar.contract.sealing import Identity
from webhook.audit_api.exports import Export, ExportSpec
from webhook.audit_api.objects import API_VERSION, Session, rfc3339
from webhook.cli.answers import decoded
from webhook.cli.audit import Audit
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.ledger_access import LedgerAccess
from webhook.cli.refusals import Asked as AskedOf
from webhook.cli.refusals import refused
from webhook.evidence.source import Asked, Vouched
from webhook.journal.events import Kind
from webhook.ledger.verifying import KeptEntry

_OURS: Final = frozenset({ExitCode.FAILED, ExitCode.NOT_FOUND})
"""Failures that are one session's, and end no export."""


class ApiSource:
    """One cluster's record. Every method raises CliError, and CallerError for what is one session's fault."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._audit = Audit(cluster)
        self._ledger = LedgerAccess(cluster)
        self._sessions: dict[str, Session] = {}

    def size(self) -> int:
        """Give how many entries the ledger has."""
        return self._ledger.ledger().status.size

    def page(self, start: int, limit: int) -> Sequence[KeptEntry]:
        """Give a page of entries."""
        return self._ledger.page(start, limit)

    def entry(self, key: str) -> KeptEntry | None:
        """Give the entry with a key."""
        return self._ledger.entry(key)

    def sign(self) -> None:
        """Have a checkpoint signed of what is there."""
        self._ledger.checkpoint(sign=True)

    def asked(self, namespace: str, session: str) -> Asked | None:
        """Give who asked for a session; None when the store has it no more."""
        try:
            found = self._audit.find(session, namespace, elsewhere=False).session
        except CliError as error:
            if error.code is ExitCode.NOT_FOUND:
                return None
            raise
        self._sessions = {session: found}
        user = found.spec.user
        return Asked(Identity(user.username, user.uid, user.groups, user.extra), found.spec.command)

    def frames(self, namespace: str, session: str) -> Iterator[Frame]:
        """Give the frames of the session that was asked for last; where they break off, ask why."""
        found, start = self._sessions[session], 0
        if found.metadata.namespace != namespace:
            raise CallerError("it is kept in another namespace than was sealed")
        try:
            try:
                for frame in self._audit.frames(found):
                    yield frame
                    start = frame.sequence + 1
            except CliError as error:
                if error.code is not ExitCode.UNAVAILABLE:
                    raise
                yield from self._audit.frames(found, start=start)
        except CliError as error:
            if error.code in _OURS:
                raise CallerError(f"its frames cannot be read: {error}") from None
            raise

    def policy_events(self, before: int) -> Iterator[str]:
        """Give ids of the events of changed policies before a time, newest first."""
        parameters = {"fieldSelector": f"type={Kind.POLICY_CHANGED.value}", "until": rfc3339(before)}
        for event, _ in self._audit.events_with(None, parameters, limit=None):
            yield event.metadata.name

    def announce(self, asked: str) -> None:
        """Say that an export begins."""
        self._export(asked, "")

    def vouch(self, asked: str, digest: str) -> Vouched:
        """Have a bundle signed."""
        status = self._export(asked, digest).status
        if isinstance(status, msgspec.UnsetType):
            raise CliError("the audit API did not sign; is it of another version?")
        return Vouched(status.signature, status.certificate)

    def _export(self, asked: str, digest: str) -> Export:
        body = msgspec.json.encode(Export(ExportSpec(asked, digest)))
        path = ("apis", *API_VERSION.split("/"), "exports")
        with self._cluster.request(path, {}, body=body) as answer:
            content = answer.read()
        if answer.status != 201:
            raise refused(answer.status, content, AskedOf("create", "exports", None))
        return decoded(content, Export)
