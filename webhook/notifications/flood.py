"""When there is more than anybody reads: one summary of a kind instead of each. Pure."""

from collections import Counter
from typing import Final

from webhook.journal.events import AuditEvent, Kind
from webhook.notifications import words
from webhook.notifications.messages import Command, Fact, Message, Severity

WINDOW_SECONDS: Final = 60.0
_NAMED: Final = 5
_LOUD: Final = frozenset({Kind.BREAK_GLASS, Kind.CANARY, Kind.CONTROL_FAILED})


class Flood:
    """Counts what one receiver is told. Each event either passes or is in exactly one summary.

    Times are seconds on any one clock.
    """

    def __init__(self, most: int) -> None:
        """``most`` events of a kind pass in a minute."""
        self._most = most
        self._kinds: dict[Kind, _Window] = {}

    def passes(self, event: AuditEvent, now: float) -> bool:
        """Tell whether an event is worth a message of its own; otherwise it is kept for a summary.

        Take what is due (:meth:`due`) first.
        """
        window = self._kinds.setdefault(event.kind, _Window(now))
        return window.take(event, self._most)

    def due(self, now: float, *, everything: bool = False) -> list[Message]:
        """Give the summaries of windows that are over, or of all."""
        found: list[Message] = []
        for kind, window in list(self._kinds.items()):
            if not everything and now < window.began + WINDOW_SECONDS:
                continue
            if window.held:
                found.append(_summary(kind, window))
            if window.held and not everything and window.count > self._most:
                self._kinds[kind] = _Window(now, flooded=True)
            else:
                del self._kinds[kind]
        return found

    def wait(self, now: float) -> float | None:
        """Give how long until something is due, None when nothing will be."""
        ends = [window.began + WINDOW_SECONDS for window in self._kinds.values()]
        return max(0.0, min(ends) - now) if ends else None


class _Window:
    """A minute of one kind."""

    def __init__(self, began: float, *, flooded: bool = False) -> None:
        self.began = began
        self.count = 0
        self.held = 0
        self.people = Counter[str]()
        self.places = Counter[str]()
        self._flooded = flooded

    def take(self, event: AuditEvent, most: int) -> bool:
        self.count += 1
        if self.count <= most and not self._flooded:
            return True
        self.held += 1
        self.people[event.requester or event.actor.username] += 1
        if event.where.namespace:
            self.places[event.where.namespace] += 1
        return False


def _summary(kind: Kind, window: _Window) -> Message:
    what = kind.value.replace("-", " ")
    facts = (
        Fact("Why", "there are too many for a message each", is_quoted=False),
        Fact("By whom", _most_common(window.people)),
        *([Fact("Namespaces", _most_common(window.places))] if window.places else []),
    )
    commands = [Command("List", "chaperone approvals list -A")] if kind.value.startswith("approval-") else []
    return Message(
        title=words.heading(f"{window.held} more: {what}", 120),
        severity=Severity.FAILURE if kind in _LOUD else Severity.WARNING,
        facts=facts,
        commands=tuple(commands),
        loud=kind in _LOUD,
    )


def _most_common(counted: Counter[str]) -> str:
    named = [f"{words.value(name, 80)} ({count})" for name, count in counted.most_common(_NAMED)]
    rest = len(counted) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")
