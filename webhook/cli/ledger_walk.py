"""A walk through the ledger, entry by entry, and further later: what retention removes meanwhile is there."""

from collections.abc import Sequence

from webhook.cli.event_checks import EventChecks
from webhook.cli.ledger_access import LedgerAccess
from webhook.journal.events import AuditEvent
from webhook.ledger.entries import Exported, SignedManifest, SignedRemoval, Value
from webhook.ledger.manifest import Manifest
from webhook.ledger.removal import Removal
from webhook.ledger.verifying import Verifier


class Walk:
    """What is found on the way. Methods raise BrokenError, DamagedError and CliError."""

    def __init__(self, access: LedgerAccess, verifier: Verifier) -> None:
        self._access = access
        self._verifier = verifier
        self.manifests = dict[str, tuple[int, Manifest]]()
        """The last of each session, with the number of the entry."""
        self.former = dict[str, list[Manifest]]()
        """Those before it, of sessions that were taken for lost and went on."""
        self.newest: Exported | None = None
        self.settled = 0
        """When the checkpoint before the newest was signed, Unix nanoseconds."""
        self.events = EventChecks()
        self.removals = dict[str, tuple[int, Removal]]()
        """By session, with the number of the entry: the first that names it."""
        self._event_removals = list[Removal]()

    def begin(self) -> None:
        """Walk to the end of now."""
        for entry in self._access.entries(self._verifier.size):
            self._take(entry.index, self._verifier.add(entry))

    def removals_by_now(self) -> Sequence[Removal]:
        """Walk on to what is the end by now, for removals alone, and give all that there are.

        What is removed is named in the ledger before it goes. So whoever misses something in the store
        that was in the ledger asks here, afterwards.
        """
        for entry in self._access.entries(self._verifier.size):
            value = self._verifier.add(entry)
            if isinstance(value, SignedRemoval):
                self._remove(entry.index, value.removal)
        return self._event_removals

    def _take(self, index: int, value: Value) -> None:
        match value:
            case SignedManifest(manifest=manifest):
                if manifest.session in self.manifests:
                    before = self.manifests[manifest.session][1]
                    self.former.setdefault(manifest.session, []).append(before)
                self.manifests[manifest.session] = (index, manifest)
            case Exported():
                self.settled = self.newest.at if self.newest else 0
                self.newest = value
            case AuditEvent():
                self.events.walk(index, value)
            case SignedRemoval(removal=removal):
                self._remove(index, removal)
            case _:
                pass

    def _remove(self, index: int, removal: Removal) -> None:
        self._event_removals.append(removal)
        for session in removal.sessions:
            self.removals.setdefault(session, (index, removal))
