"""In the place of a journal, for a container's own program: masked, and not recorded."""

from sidecar.contract.events import Event
from sidecar.contract.wire import ApprovalDecided
from sidecar.processes.claims import Lock
from sidecar.recording.commands import AskPeople


class Unrecorded:
    """Takes no events, and never says that there is no room."""

    appended = 0

    def __init__(self, lock: Lock) -> None:
        """``lock`` keeps others from being served as the same program, and is released at the end."""
        self._lock = lock

    def has_room(self) -> bool:
        """Tell whether a source may be read."""
        return True

    def refused(self) -> bool:
        """Tell whether the collector will not take this record."""
        return False

    def kill_order(self) -> str | None:
        """Give why the session is to be ended: nobody can order that."""
        return None

    def ask_people(self, asked: AskPeople) -> None:
        """Ask nobody: no rule is about a container's own program."""

    def take_decision(self) -> ApprovalDecided | None:
        """Give what people have decided: nobody was asked."""
        return None

    def append(self, event: Event) -> None:
        """Let an event go."""

    def close(self) -> bool:
        """Let others be served, before the shim hears of the end and dials again."""
        self._lock.release()
        return True
