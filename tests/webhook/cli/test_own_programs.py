"""Sessions of containers' own programs are shown as what they are."""

from datetime import UTC, datetime

from audit_event_samples import make_event
from cli_runner import Chaperone
from store_samples import T0, make_record, make_session_id

from sidecar.contract.events import SessionKind
from sidecar.contract.sealing import Identity
from webhook.audit_api.conversion import session_object
from webhook.cli.details import detail_lines
from webhook.cli.session_table import session_lines
from webhook.journal.events import Where
from webhook.store.contract import Store

NOW = datetime(2026, 9, 21, 16, tzinfo=UTC)
BEFORE = make_session_id(0)
OWN = make_record(1000, kind=SessionKind.MAIN_PROCESS, content=False, resumed=True, previous=BEFORE)


def test_everything_of_one() -> None:
    lines = [line.plain for line in detail_lines(session_object(OWN), NOW)]
    kind = "the container's own program, recorded without content"
    assert f"Kind          {kind}, resumed from another recorder: output may be missing" in lines
    assert f"Follows       {BEFORE}" in lines


def test_of_an_exec_no_kind_is_told() -> None:
    lines = [line.plain for line in detail_lines(session_object(make_record()), NOW)]
    assert not [line for line in lines if line.startswith(("Kind", "Follows"))]


def test_a_list_has_a_column_for_kinds_where_there_are_several() -> None:
    both = [session_object(make_record()), session_object(OWN)]
    heads, first, second = (
        line.plain.split() for line in session_lines(both, NOW, width=None, wide=False, namespaces=False)
    )
    assert heads[1] == "KIND"
    assert (first[1], second[1]) == ("exec", "main-process")
    [heads, _] = session_lines(both[:1], NOW, width=None, wide=False, namespaces=False)
    assert "KIND" not in heads.plain


def test_who_attached_is_listed_with_each_session_whose_beginning_they_may_have_seen(
    chaperone: Chaperone, store: Store
) -> None:
    """Before the first began nothing is recorded, nor after the end of one and before the next."""
    own = {"kind": SessionKind.MAIN_PROCESS, "container": "till", "pod_uid": "p-own"}
    first = make_record(2000, ended_at=T0 + 3 * 10**9, **own)
    second = make_record(4000, previous=first.session, ended_at=T0 + 5 * 10**9, **own)
    orphan = make_record(6000, previous=make_session_id(5999), **own)
    for record in (first, second, orphan):
        store.create(record)
    attached = Where(namespace="payments", resource="pods/attach", name="x", uid="p-own", container="till")
    times = {"early": 1000, "during": 2500, "between": 3500, "late": 4500, "later": 5500, "last": 6500}
    events = [make_event(at, actor=Identity(who), where=attached, door="attach") for who, at in times.items()]
    store.record(events, received_at=T0 + 7 * 10**9)
    shown = [chaperone.out("sessions", "show", one.session) for one in (first, second, orphan)]
    seen = [[who for who in times if f" {who}, " in text] for text in shown]
    assert seen == [["early", "during"], ["between", "late"], ["last"]]
