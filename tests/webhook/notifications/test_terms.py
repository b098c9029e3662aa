"""Who hears of what."""

import msgspec
import pytest
from told import POD, event

from webhook.journal.events import Kind, Outcome, Where
from webhook.notifications.terms import NEVER, Choice, Terms


def terms(text: str) -> Terms:
    return msgspec.json.decode(text, type=Terms)


def test_what_needs_people_is_heard_by_all_unless_told_otherwise() -> None:
    choice = Choice(Terms(), "anybody")
    heard = {kind for kind in Kind if choice.hears(event(kind))}
    assert heard == {
        Kind.APPROVAL_ASKED,
        Kind.APPROVAL_DECIDED,
        Kind.APPROVAL_EXPIRED,
        Kind.BREAK_GLASS,
        Kind.CONTROL_FAILED,
        Kind.INCIDENT,
        Kind.SESSION_FINDING,
        Kind.SESSION_LOST,
    }


def test_a_receiver_has_its_own_kinds_and_namespaces() -> None:
    given = terms('{"namespaces":["pay*"],"receivers":{"ops":{"kinds":["control-failed"],"namespaces":[]}}}')
    ops, chat = Choice(given, "ops"), Choice(given, "chat")
    elsewhere = Where(namespace="shop", resource="pods", name="x")
    assert not ops.hears(event())
    assert ops.hears(event(Kind.CONTROL_FAILED, where=elsewhere))
    assert chat.hears(event())
    assert not chat.hears(event(where=elsewhere))
    assert chat.hears(event(Kind.CONTROL_FAILED, where=Where()))


@pytest.mark.parametrize("where", [POD, Where(), Where(namespace="other")])
def test_breaking_the_glass_is_heard_by_everyone(where: Where) -> None:
    given = terms('{"kinds":[],"receivers":{"chat":{"kinds":[],"namespaces":["nothing"]}}}')
    assert Choice(given, "chat").hears(event(Kind.BREAK_GLASS, where=where))


def test_of_canaries_those_that_died_are_heard() -> None:
    assert not Choice(Terms(), "chat").hears(event(Kind.CANARY))
    assert Choice(Terms(), "chat").hears(event(Kind.CANARY, outcome=Outcome.FAILURE))


def test_a_dry_run_disturbs_nobody() -> None:
    assert not Choice(Terms(), "chat").hears(event(dry_run=True))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in NEVER])
def test_nobody_is_notified_of_notifications(kind: Kind) -> None:
    with pytest.raises(msgspec.ValidationError, match=kind.value):
        terms(f'{{"receivers":{{"a":{{"kinds":["{kind.value}"]}}}}}}')


@pytest.mark.parametrize("text", ['{"surprise":1}', '{"timeout_seconds":0}', '{"flood_per_minute":0}'])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        terms(text)
