"""What the collector talks to: takes audit events that are stored, and sees that people hear of them.

Telling people never holds anything up and never fails anything. What came of it is an audit event of its own,
and a receiver that cannot be told is named in it, never its URL.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

from msgspec.structs import replace

from sidecar.contract.errors import ChaperoneError, ConfigurationError
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.glass import as_glass
from webhook.journal.journal import Journal
from webhook.journal.making import Maker
from webhook.journal.masked import Mask
from webhook.notifications.delivery import PAUSES, Delivery, Sender, Told
from webhook.notifications.flood import Flood
from webhook.notifications.missed import AGAIN, told
from webhook.notifications.receivers import Url, read_receivers
from webhook.notifications.terms import Choice, Terms

_log = logging.getLogger(__name__)
_REMEMBERED: Final = 4096
_STOP_SECONDS: Final = 5.0

Connect = Callable[[str, Url, float], Sender]
"""Makes the service of a receiver: name, URL, seconds a step may take. Raises ConfigurationError."""


class Counts(Protocol):
    """Counts what became of notifications."""

    def sent(self, receiver: str, count: int) -> None:
        """Count some that went out."""
        ...

    def failed(self, receiver: str, count: int) -> None:
        """Count some that did not."""
        ...


def through_apprise(name: str, url: Url, seconds: float) -> Sender:
    """Give a receiver's service, from Apprise, which is loaded now."""
    from webhook.notifications.service import Service  # noqa: PLC0415  15 MB that few installations need

    return Service(name, url, seconds=seconds)


class Notifier:
    """Tells receivers. :meth:`offer` may be called from any thread; the other methods from one."""

    def __init__(
        self,
        terms: Terms,
        directory: Path,
        journal: Journal,
        *,
        maker: Maker,
        mask: Callable[[], Mask],
        counts: Counts,
        connect: Connect = through_apprise,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        """``directory`` holds the receivers' URLs; ``journal`` is told what came of notifications.

        ``mask`` gives a masking function for one thread.
        """
        self._terms = terms
        self._directory = directory
        self._journal = journal
        self._maker = maker
        self._mask = mask
        self._counts = counts
        self._connect = connect
        self._pauses = pauses
        self._urls: dict[str, Url] = {}
        self._deliveries: tuple[tuple[Choice, Delivery], ...] = ()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def refresh(self) -> None:
        """Take the receivers as they are in the Secret now. Blocks a moment. Raises ConfigurationError."""
        urls = read_receivers(self._directory)
        if not urls and not self._urls:
            raise ConfigurationError("the Secret with the receivers of notifications is missing or empty")
        if urls == self._urls:
            return
        former = {delivery.name: (choice, delivery) for choice, delivery in self._deliveries}
        stay = {name for name, url in urls.items() if name in former and self._urls.get(name) == url}
        self._deliveries = tuple(
            former[name] if name in stay else self._begun(name, urls[name]) for name in urls
        )
        self._urls = urls
        _log.info("notifications", extra={"fields": {"receivers": sorted(urls)}})
        for name, (_, delivery) in former.items():
            if name not in stay:
                delivery.stop(_STOP_SECONDS)

    def offer(self, events: Iterable[AuditEvent]) -> None:
        """Take events that are stored. Never waits and never raises; the same event is told of once.

        Those that come before the receivers are known are for :meth:`catch_up`.
        """
        deliveries = self._deliveries
        if not deliveries:
            return
        for event in map(as_glass, events):
            if self._is_new(event):
                for choice, delivery in deliveries:
                    if choice.hears(event):
                        delivery.put(event)

    def catch_up(self, events: Iterable[AuditEvent]) -> None:
        """Take recent events, those of notifications among them, and tell what an earlier process had not."""
        found = tuple(events)
        known = told(found)
        for event in found:
            if self._is_new(event):
                for choice, delivery in self._deliveries:
                    if choice.hears(event) and (event.id, delivery.name) not in known:
                        delivery.put(event)

    def stop(self) -> None:
        """End; what was not sent is noted as failed."""
        for _, delivery in self._deliveries:
            delivery.stop(_STOP_SECONDS)
        self._deliveries = ()

    def _begun(self, name: str, url: Url) -> tuple[Choice, Delivery]:
        delivery = Delivery(
            name,
            lambda: self._connect(name, url, self._terms.timeout_seconds),
            mask=self._mask,
            flood=Flood(self._terms.flood_per_minute),
            told=self._told,
            leaked=self._leaked,
            pauses=self._pauses,
        )
        delivery.start()
        return Choice(self._terms, name), delivery

    def _is_new(self, event: AuditEvent) -> bool:
        if event.id in self._seen:
            return False
        self._seen[event.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _told(self, what: Told) -> None:
        failed = bool(what.why)
        (self._counts.failed if failed else self._counts.sent)(what.receiver, what.count)
        if failed:
            _log.warning("receiver %s: %s", what.receiver, what.why)
        self._note(_event(self._maker, what))

    def _leaked(self, event: AuditEvent) -> None:
        """Say that card data came this far; the message went out masked."""
        why = "card data was in an audit event and was masked on its way to a receiver of notifications"
        _log.error("%s", why, extra={"fields": {"event": event.id, "kind": event.kind.value}})
        self._note(self._maker.own(Kind.CONTROL_FAILED, Outcome.FAILURE, why, details={"about": event.id}))

    def _note(self, event: AuditEvent) -> None:
        try:
            self._journal.note(event)
        except ChaperoneError as error:
            _log.warning("a notification's outcome is not recorded: %s", error)


def _event(maker: Maker, what: Told) -> AuditEvent:
    """Give the event of what came of a notification."""
    about = what.event
    details = {"receiver": what.receiver, "tries": str(what.tries), "count": str(what.count)}
    if what.again:
        details[AGAIN] = "true"
    if about is not None:
        details |= {"about": about.id, "kind": about.kind.value}
    kind, outcome = Kind.NOTIFICATION_SENT, Outcome.SUCCESS
    if what.why:
        kind, outcome = Kind.NOTIFICATION_FAILED, Outcome.FAILURE
    event = maker.own(
        kind, outcome, what.why or what.title, where=about.where if about else None, details=details
    )
    return event if about is None else replace(event, approval=about.approval, requester=about.requester)
