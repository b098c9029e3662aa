"""What a bundle is about: a person, a namespace, a session or everything, during some time. Pure."""

import msgspec

from sidecar.contract.errors import CallerError
from webhook.audit_api.objects import rfc3339
from webhook.journal.events import AuditEvent
from webhook.ledger.census import CONTROLS, namespace_digest, user_digest
from webhook.ledger.entries import Census, Exported, SignedManifest, SigningKey, Start, Value
from webhook.ledger.manifest import Manifest


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What is wanted. Names left out mean any."""

    user: str = ""
    namespace: str = ""
    session: str = ""
    since: int
    """Started or happened at or after, Unix nanoseconds on the collector's clock."""
    until: int
    """Started or happened before."""

    @property
    def is_everything(self) -> bool:
        """Whether only the time narrows it."""
        return not (self.user or self.namespace or self.session)

    @property
    def subject(self) -> str:
        """Digest of whom the ledger's censuses count for it; empty for everybody or one session."""
        if self.session or self.is_everything:
            return ""
        return user_digest(self.user) if self.user else namespace_digest(self.namespace)

    @property
    def is_tellable(self) -> bool:
        """Whether both ends of the time are in the calendar."""
        try:
            return bool(self.words)
        except (ValueError, OverflowError, OSError):
            return False

    @property
    def words(self) -> str:
        """What is wanted, in one line."""
        parts = [
            f"user {self.user}" if self.user else "",
            f"namespace {self.namespace}" if self.namespace else "",
            f"session {self.session}" if self.session else "",
        ]
        what = ", ".join(part for part in parts if part) or "everything"
        times = [rfc3339(at).replace(".000000Z", "Z") for at in (self.since, self.until)]
        return f"{what}, from {times[0]} until before {times[1]}"

    def shows(self, value: Value | None) -> bool:
        """Tell whether an entry is part of what is wanted."""
        match value:
            case SignedManifest(manifest=manifest):
                return self._in_time(started(manifest)) and self._is_about(manifest)
            case AuditEvent():
                return self._in_time(value.at) and self._concerns(value)
            case _:
                return False

    def shows_late(self, value: Value | None) -> bool:
        """Tell whether an entry is wanted that came after the time before the range was proven."""
        return isinstance(value, AuditEvent) and value.at < self.since and self._concerns(value)

    def discloses(self, value: Value | None) -> bool:
        """Tell whether an entry is given: what is wanted, what proves it, and all that its census counts."""
        if self.is_everything or isinstance(value, (Start, SigningKey, Exported, Census)):
            return True
        return self.shows(value) or self.is_counted(value) or (bool(self.subject) and is_control(value))

    def is_counted(self, value: Value | None) -> bool:
        """Tell whether the census counts an entry for the subject of this selection."""
        match value:
            case SignedManifest(manifest=manifest) if self.subject:
                return self.user == manifest.user if self.user else self.namespace == manifest.namespace
            case AuditEvent() if self.subject:
                about = {value.actor.username, value.requester}
                return self.user in about if self.user else self.namespace == value.where.namespace
            case _:
                return False

    def _in_time(self, at: int) -> bool:
        return self.since <= at < self.until

    def _is_about(self, manifest: Manifest) -> bool:
        return (
            self.user in ("", manifest.user)
            and self.namespace in ("", manifest.namespace)
            and self.session in ("", manifest.session)
        )

    def _concerns(self, event: AuditEvent) -> bool:
        return event.kind in CONTROLS or self._is_of(event)

    def _is_of(self, event: AuditEvent) -> bool:
        return (
            (not self.user or self.user in {event.actor.username, event.requester})
            and self.namespace in ("", event.where.namespace)
            and self.session in ("", event.session)
        )


def check(selection: Selection) -> None:
    """Raise CallerError when nothing can be in a selection's time."""
    if selection.since >= selection.until:
        raise CallerError("the range is empty: --since must lie before --until")


def is_control(value: Value | None) -> bool:
    """Tell whether an entry is an event of Chaperone itself, which every bundle about somebody has."""
    return isinstance(value, AuditEvent) and value.kind in CONTROLS


def started(manifest: Manifest) -> int:
    """Give when a session started, on the collector's clock."""
    return manifest.started_at - manifest.clock_skew
