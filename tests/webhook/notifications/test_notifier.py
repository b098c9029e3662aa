"""Whoever offers an event is never held up; what came of it is recorded, by the receiver's name."""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from told import Kept, event, maker
from web_hook import hook

from sidecar.contract.errors import ConfigurationError
from sidecar.masking import Engine, Profile
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.notifications.errors import DeliveryError
from webhook.notifications.messages import Message
from webhook.notifications.notifier import Connect, Notifier, through_apprise
from webhook.notifications.receivers import Url
from webhook.notifications.terms import ReceiverTerms, Terms

ENGINE = Engine.load(Profile.STRICT)
PAN = "4111111111111111"
TOKEN = "TIiajkdnlazkcOXrIdevi7FQ"


class Counted:
    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def sent(self, receiver: str, count: int) -> None:
        self.counts[f"{receiver} sent"] = self.counts.get(f"{receiver} sent", 0) + count

    def failed(self, receiver: str, count: int) -> None:
        self.counts[f"{receiver} failed"] = self.counts.get(f"{receiver} failed", 0) + count


class Phone:
    """A receiver in memory: fails as often as it is told, and can be stuck."""

    def __init__(self, *errors: DeliveryError) -> None:
        self.heard: list[str] = []
        self.errors = list(errors)
        self.free = threading.Event()
        self.free.set()
        self.called = threading.Event()

    def send(self, message: Message) -> None:
        self.called.set()
        assert self.free.wait(20)
        if self.errors:
            raise self.errors.pop(0)
        self.heard.append(message.title)


@contextmanager
def notifying(
    directory: Path,
    connect: Connect | Mapping[str, Phone],
    terms: Terms | None = None,
    pauses: tuple[float, ...] = (0.0, 0.0),
) -> Generator[tuple[Notifier, Kept, Counted]]:
    journal, counted = Kept(), Counted()
    if not callable(connect):
        for name in connect:
            (directory / name).write_text(f"phone://{name}")
    notifier = Notifier(
        terms or Terms(),
        directory,
        journal,
        maker=maker(),
        mask=ENGINE.masks,
        counts=counted,
        connect=connect if callable(connect) else _from(connect),
        pauses=pauses,
    )
    notifier.refresh()
    try:
        yield notifier, journal, counted
    finally:
        notifier.stop()


def _from(phones: Mapping[str, Phone]) -> Connect:
    return lambda name, _, __: phones[name]


def outcomes(events: list[AuditEvent]) -> list[tuple[Kind, str]]:
    return [(one.kind, one.details.get("receiver", "")) for one in events]


def test_everybody_who_should_hears_and_it_is_recorded(tmp_path: Path) -> None:
    phones = {"chat": Phone(), "ops": Phone()}
    terms = Terms(receivers={"ops": ReceiverTerms(kinds=(Kind.CONTROL_FAILED,))})
    with notifying(tmp_path, phones, terms) as (notifier, journal, counted):
        notifier.offer([event()])
        [sent] = journal.wait(1)
        notifier.offer([event(Kind.BREAK_GLASS, id="03")])
        journal.wait(3)
    assert phones["chat"].heard[0].startswith("Approval needed")
    assert [title[:11] for title in phones["ops"].heard] == ["BREAK GLASS"]
    assert sent.kind is Kind.NOTIFICATION_SENT
    assert sent.outcome is Outcome.SUCCESS
    assert (sent.approval, sent.where.namespace) == (event().approval, "payments")
    assert sent.details == {
        "receiver": "chat",
        "tries": "1",
        "count": "1",
        "about": event().id,
        "kind": "approval-asked",
    }
    assert counted.counts == {"chat sent": 2, "ops sent": 1}


def test_the_same_event_is_told_once(tmp_path: Path) -> None:
    phone = Phone()
    with notifying(tmp_path, {"chat": phone}) as (notifier, journal, _):
        notifier.offer([event(), event()])
        notifier.offer([event()])
        notifier.offer([event(Kind.APPROVAL_EXPIRED, id="04")])
        journal.wait(2)
    assert len(phone.heard) == 2


def test_what_comes_before_the_receivers_are_known_is_caught_up_with(tmp_path: Path) -> None:
    phone, journal = Phone(), Kept()
    notifier = Notifier(
        Terms(),
        tmp_path,
        journal,
        maker=maker(),
        mask=ENGINE.masks,
        counts=Counted(),
        connect=lambda _, __, ___: phone,
    )
    notifier.offer([event(id="1")])
    (tmp_path / "chat").write_text("phone://chat")
    notifier.refresh()
    notifier.offer([event(id="2")])
    notifier.catch_up([event(id="1"), event(id="2")])
    journal.wait(2)
    notifier.stop()
    assert len(phone.heard) == 2


def test_it_is_tried_again_and_the_number_of_tries_is_kept(tmp_path: Path) -> None:
    passing = DeliveryError("it answered 503", is_final=False)
    phone = Phone(passing, passing)
    with notifying(tmp_path, {"chat": phone}) as (notifier, journal, _):
        notifier.offer([event()])
        [sent] = journal.wait(1)
    assert sent.kind is Kind.NOTIFICATION_SENT
    assert sent.details["tries"] == "3"


@pytest.mark.parametrize(("is_final", "tries"), [(True, "1"), (False, "3")])
def test_giving_up_is_recorded_by_name(tmp_path: Path, is_final: bool, tries: str) -> None:
    error = DeliveryError("it answered 404", is_final=is_final)
    with notifying(tmp_path, {"chat": Phone(error, error, error)}) as (notifier, journal, counted):
        notifier.offer([event()])
        [failed] = journal.wait(1)
    assert failed.kind is Kind.NOTIFICATION_FAILED
    assert failed.outcome is Outcome.FAILURE
    assert (failed.reason, failed.details["tries"]) == ("it answered 404", tries)
    assert counted.counts == {"chat failed": 1}


def test_a_stuck_receiver_holds_up_nobody(tmp_path: Path) -> None:
    stuck, free = Phone(), Phone()
    stuck.free.clear()
    with notifying(tmp_path, {"stuck": stuck, "free": free}, Terms(flood_per_minute=10_000)) as (
        notifier,
        journal,
        counted,
    ):
        notifier.offer([event(id="0")])
        assert stuck.called.wait(20)
        began = time.perf_counter()
        notifier.offer([event(id=str(number)) for number in range(1, 450)])
        assert time.perf_counter() - began < 5
        journal.wait(450)
        assert len(free.heard) == 450
        notifier.offer([event(id=str(number)) for number in range(450, 700)])
        stuck.free.set()
        while counted.counts.get("stuck failed", 0) + counted.counts.get("stuck sent", 0) < 700:
            assert time.perf_counter() - began < 20
            time.sleep(0.01)
    lost = [one for one in journal.events if one.kind is Kind.NOTIFICATION_FAILED]
    assert lost
    assert "takes too long" in lost[0].reason
    assert sum(int(one.details["count"]) for one in lost) == counted.counts["stuck failed"]


def test_a_full_journal_stops_no_notification(tmp_path: Path) -> None:
    phone = Phone()
    with notifying(tmp_path, {"chat": phone}) as (notifier, journal, counted):
        journal.full = True
        notifier.offer([event(), event(id="05")])
        _until(lambda: counted.counts.get("chat sent") == 2)
    assert len(phone.heard) == 2


def test_card_data_that_came_this_far_goes_out_masked_and_is_a_failed_control(tmp_path: Path) -> None:
    with hook() as server:
        (tmp_path / "chat").write_text(f"json://127.0.0.1:{server.port}/{TOKEN}")
        with notifying(tmp_path, through_apprise) as (notifier, journal, _):
            notifier.offer([event(argv=("echo", PAN))])
            found = journal.wait(2)
        assert b"411111******1111" in server.bodies[0]
        assert PAN.encode() not in server.bodies[0]
    assert [one.kind for one in found] == [Kind.CONTROL_FAILED, Kind.NOTIFICATION_SENT]


def test_a_url_that_is_none_is_recorded_and_others_are_told(tmp_path: Path) -> None:
    with hook() as server:
        (tmp_path / "good").write_text(f"json://127.0.0.1:{server.port}")
        (tmp_path / "wrong").write_text(f"nonsense://{TOKEN}")
        with notifying(tmp_path, through_apprise) as (notifier, journal, _):
            notifier.offer([event()])
            found = sorted(outcomes(journal.wait(2)), key=str)
        assert TOKEN not in str(journal.events)
        assert len(server.bodies) == 1
    assert found == [(Kind.NOTIFICATION_FAILED, "wrong"), (Kind.NOTIFICATION_SENT, "good")]


def test_a_changed_secret_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    made: list[str] = []

    def connect(name: str, url: Url, seconds: float) -> Phone:
        made.append(url.reveal())
        return Phone()

    (tmp_path / "chat").write_text("phone://1")
    with notifying(tmp_path, connect) as (notifier, journal, _):
        notifier.offer([event(id="1")])
        journal.wait(1)
        notifier.refresh()
        (tmp_path / "chat").write_text("phone://2")
        (tmp_path / "more").write_text("phone://3")
        notifier.refresh()
        notifier.offer([event(id="2")])
        journal.wait(3)
        (tmp_path / "more").write_bytes(b"\xff")
        with pytest.raises(ConfigurationError, match="more"):
            notifier.refresh()
        notifier.offer([event(id="3")])
        journal.wait(5)
    assert sorted(made) == ["phone://1", "phone://2", "phone://3"]


def test_a_secret_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing or empty"), notifying(tmp_path / "no", {}):
        pass


def test_what_is_left_when_it_ends_is_recorded(tmp_path: Path) -> None:
    error = DeliveryError("it answered 503", is_final=False)
    phone = Phone(*[error] * 9)
    with notifying(tmp_path, {"chat": phone}, pauses=(60.0,)) as (notifier, journal, _):
        notifier.offer([event(id=str(number)) for number in range(3)])
        _until(phone.called.is_set)
    assert outcomes(journal.events) == [(Kind.NOTIFICATION_FAILED, "chat")] * 3


def test_an_event_that_cannot_be_told_silences_nobody(tmp_path: Path) -> None:
    phone = Phone()
    with notifying(tmp_path, {"chat": phone}) as (notifier, journal, _):
        broken = event(id="0", reason=cast("str", None))
        notifier.offer([broken, event(id="1")])
        failed, sent = journal.wait(2)
    assert (failed.kind, failed.reason) == (Kind.NOTIFICATION_FAILED, "a bug (AttributeError)")
    assert sent.kind is Kind.NOTIFICATION_SENT


def test_a_flood_is_summed_up(tmp_path: Path) -> None:
    phone = Phone()
    with notifying(tmp_path, {"chat": phone}, Terms(flood_per_minute=3)) as (notifier, journal, _):
        notifier.offer([event(id=str(number)) for number in range(10)])
        journal.wait(3)
    assert len(phone.heard) == 4
    assert phone.heard[-1] == "7 more: approval asked"


def _until(probe: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not probe():
        assert time.monotonic() < deadline
        time.sleep(0.01)
