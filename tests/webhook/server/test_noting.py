"""Answers of doors become known before they go out, or do not go out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from audit_event_samples import make_event, make_maker
from httpish import Asgi
from reviews import body, exec_door, injected, plain_pod, pod_door

from sidecar.masking import Engine, Profile
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.journal import JournalFullError
from webhook.journal.masked import MaskedJournal
from webhook.server.disk_journal import DiskJournal
from webhook.server.doors import doors_app
from webhook.server.noting import AnswerNotes

pytestmark = pytest.mark.anyio
MASKS = Engine.load(Profile.STRICT).masks()
EXEC = body({"command": ["sh"]}, operation="CONNECT", subresource="exec")
Make = Callable[..., AnswerNotes]


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    opened = DiskJournal(tmp_path / "journal", limit_bytes=20_000, maker=make_maker())
    yield opened
    opened.close()


def notes(journal: DiskJournal, *, audit_mode: bool = False) -> AnswerNotes:
    return AnswerNotes(MaskedJournal(journal, MASKS), make_maker(), audit_mode=audit_mode)


def fill(journal: DiskJournal) -> None:
    try:
        while True:
            journal.note(make_event())
    except JournalFullError:
        return


def shipped(journal: DiskJournal) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    while segment := journal.oldest():
        events += [msgspec.json.decode(event, type=AuditEvent) for event in segment.events]
        journal.release(segment)
    return events


async def answer(app: Asgi, path: str = "exec", data: bytes = EXEC) -> Any:
    status, found = await app.post(f"/v1/{path}", data)
    assert status == 200
    return json.loads(found)["response"]


async def test_an_answer_is_in_the_journal_when_it_goes_out(journal: DiskJournal) -> None:
    doors = {"exec": exec_door(await injected(plain_pod())), "pods": pod_door()}
    app = Asgi(doors_app(doors, lambda: None, notes=notes(journal)))
    assert (await answer(app))["allowed"]
    assert (await answer(app, "pods", body(await injected(plain_pod()), operation="CREATE")))["allowed"]
    [event] = shipped(journal)
    assert (event.door, event.outcome, event.actor.username) == ("exec", Outcome.SUCCESS, "alice")


async def test_a_full_journal_closes_the_doors_that_must_tell_and_says_why(journal: DiskJournal) -> None:
    doors = {"exec": exec_door(await injected(plain_pod())), "pods": pod_door()}
    app = Asgi(doors_app(doors, lambda: None, notes=notes(journal)))
    fill(journal)
    refused = await answer(app)
    assert not refused["allowed"]
    assert refused["status"]["code"] == 503
    assert "journal is full" in refused["status"]["message"]
    assert "try again" in refused["status"]["message"]
    assert "patch" not in refused
    assert (await answer(app, "pods", body(await injected(plain_pod()), operation="CREATE")))["allowed"]
    shipped(journal)
    assert (await answer(app))["allowed"]


async def test_a_refusal_stays_one_though_it_cannot_be_told(journal: DiskJournal) -> None:
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None, notes=notes(journal)))
    fill(journal)
    assert (await answer(app))["status"]["code"] == 404


async def test_in_audit_mode_nothing_is_refused_and_losses_are_told(journal: DiskJournal) -> None:
    doors = {"exec": exec_door(await injected(plain_pod()))}
    app = Asgi(doors_app(doors, lambda: None, notes=notes(journal, audit_mode=True)))
    fill(journal)
    for _ in range(3):
        assert (await answer(app))["allowed"]
    told = [event for event in shipped(journal) if event.kind is Kind.CONTROL_FAILED]
    assert [event.details for event in told] == [{"events": "4"}]


async def test_reviews_that_nobody_can_read_are_counted(journal: DiskJournal) -> None:
    made = notes(journal)
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None, notes=made))
    for data in (b"", b"{}", b"\xff" * 100):
        assert (await app.post("/v1/exec", data))[0] == 400
    assert not journal.waits
    made.tell_malformed()
    made.tell_malformed()
    [event] = shipped(journal)
    assert (event.kind, event.outcome, event.details) == (Kind.DECISION, Outcome.FAILURE, {"reviews": "3"})


async def test_a_review_whose_object_nobody_can_read_is_told_as_a_refusal(journal: DiskJournal) -> None:
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None, notes=notes(journal)))
    refused = await answer(app, data=body({"command": 7}, operation="CONNECT", subresource="exec"))
    assert refused["status"]["code"] == 400
    [event] = shipped(journal)
    assert (event.outcome, event.rule, event.actor.username) == (Outcome.FAILURE, "Unreadable", "alice")
