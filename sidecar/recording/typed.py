"""What the record says of input to a container's own program, where it is recorded with content."""

from sidecar.contract.events import Event, Redacted
from sidecar.recording.accounts import Accounts
from sidecar.recording.flow import Flow
from sidecar.recording.resuming import RestHidden


class Typed:
    """Records input masked, and of what is typed unseen only that it was."""

    def __init__(self, accounts: Accounts, *, resumed: bool) -> None:
        """``resumed`` says that another recorder may have recorded the beginning of a number."""
        self._accounts = accounts
        self._rest = RestHidden() if resumed else None
        self._redacting = False

    def seen(self, at: int, flow: Flow, data: bytes) -> list[Event]:
        """Give the record of input."""
        self._redacting = False
        return self._events(at, flow, flow.mask(self._rest.feed(data) if self._rest else data))

    def unseen(self, at: int, data: bytes) -> list[Event]:
        """Give the record of input that the terminal does not show: one event for a line."""
        events: list[Event] = [] if self._redacting else [Redacted(at)]
        self._redacting = not data.endswith((b"\r", b"\n"))
        return events

    def rest(self, at: int, flow: Flow) -> list[Event]:
        """Give the record of what the masker held. Nothing passes it afterwards."""
        held, findings = flow.flush()
        return [*flow.data_events(at, held), *self._accounts.found(at, flow, findings)]

    def _events(self, at: int, flow: Flow, masked: bytes) -> list[Event]:
        return [*flow.data_events(at, masked), *self._accounts.found(at, flow, flow.take_findings())]
