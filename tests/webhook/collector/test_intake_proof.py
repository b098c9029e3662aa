"""What proves that a session may exist, and what does not."""

import os
from collections.abc import Callable

import msgspec
import pytest
from intake_desk import OTHER_POD, Desk
from recorded import NOW, POD, Authority, Made

from sidecar.contract.frames import Chain
from sidecar.contract.identifiers import session_id
from sidecar.contract.wire import (
    Acknowledged,
    Deferred,
    Open,
    Refused,
)
from webhook.collector.proving import Trust
from webhook.store.sqlite.store import SqliteStore


def test_an_expired_grant_and_a_key_that_expired_since_are_fine(desk: Desk, authority: Authority) -> None:
    name = session_id(NOW * 1000, os.urandom(10))
    made = Made(name, authority.token(session=name, until=NOW + 1), POD, Chain(name))
    assert desk.open(made) == [Acknowledged(name, 0)]
    assert desk.send(made, made.start()) == [Acknowledged(name, 1)]


FORGERIES: dict[str, Callable[[Made], str]] = {
    "another root": lambda made: Authority().token(session=made.session),
    "changed": lambda made: made.token[:-6] + "AAAAAA",
    "text": lambda _: "no grant at all",
    "not ASCII": lambda _: "ü" * 10,
    "none": lambda _: "",
    "too long": lambda _: "A" * 200_000,
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_grant_opens_nothing(desk: Desk, authority: Authority, forge: Callable[[Made], str]) -> None:
    made = authority.session()
    [answer] = desk.say(Open(made.session, forge(made)))
    assert isinstance(answer, Refused)
    assert desk.refusals() == [(made.session, answer.reason)]
    assert desk.send(made, made.start()) == []
    assert desk.store.session(made.session) is None


def test_a_key_certified_for_later_does_not_count(desk: Desk, authority: Authority) -> None:
    name = session_id(NOW * 1000, os.urandom(10))
    [answer] = desk.say(Open(name, authority.token(session=name, until=NOW - 1)))
    assert isinstance(answer, Refused)


def test_a_pod_cannot_write_for_another(store: SqliteStore, authority: Authority) -> None:
    desk = Desk(store, authority.trust, OTHER_POD).greet()
    made = authority.session()
    assert desk.open(made) == [Refused(made.session, "the grant is for another pod")]
    [kept] = store.notices(namespace=None, since=None, limit=10)
    assert (kept.pod, kept.pod_uid) == (OTHER_POD.pod, OTHER_POD.uid)


def test_a_grant_of_another_session_opens_nothing(desk: Desk, authority: Authority) -> None:
    one, two = authority.session(), authority.session()
    answers = desk.say(Open(one.session, two.token))
    assert answers == [Refused(one.session, "the grant is for another session")]


def test_a_second_grant_for_a_known_session_is_refused(desk: Desk, authority: Authority) -> None:
    made = authority.session()
    desk.open(made)
    desk.send(made, made.start())
    again = Made(made.session, authority.token(session=made.session), POD, Chain(made.session))
    assert desk.open(again) == [Refused(made.session, "the session is known under another grant")]


def test_a_missing_seal_key_only_delays(store: SqliteStore, authority: Authority) -> None:
    made = authority.session()
    without = Desk(store, Trust(authority.trust.roots, (os.urandom(32),))).greet()
    [answer] = without.open(made)
    assert isinstance(answer, Deferred)
    assert store.notices(namespace=None, since=None, limit=10) == []
    assert Desk(store, authority.trust).greet().open(made) == [Acknowledged(made.session, 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"session": "01hzzzzzzzzzzzzzzzzzzzzzzz"},
        {"pod_uid": OTHER_POD.uid},
        {"namespace": "kube-system"},
        {"pod": "other"},
        {"container": "sidecar"},
        {"tty": True},
        {"profile": "none"},
        {"grant_digest": bytes(32)},
        {"rows": -1},
        {"cols": 70_000},
        {"started_at": -1},
        {"node": "n" * 1000},
        {"node": "node-1\x1b[2J"},
        {"masking": "m1\nforged"},
        {"recorder": "0.1.0\u202e"},
        {"argv": ("x" * 600_000,)},
        {"started_at": 1 << 62},
    ],
    ids=str,
)
def test_a_start_must_tell_what_the_grant_allows(
    desk: Desk, authority: Authority, change: dict[str, object]
) -> None:
    made = authority.session()
    desk.open(made)
    lie = made.frame(msgspec.structs.replace(made.start_event(), **change))
    [answer] = desk.send(made, lie)
    assert isinstance(answer, Refused)
    assert desk.store.session(made.session) is None
    assert desk.refusals() == [(made.session, answer.reason)]
