"""What every store does with audit events."""

from collections.abc import Callable, Sequence

import pytest
from audit_event_samples import AGENT, make_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from store_samples import T0, make_session_id

from sidecar.contract.errors import CallerError
from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.store.audit import AuditQuery, KeptEvent, Place
from webhook.store.contract import Store

SECOND = 1_000_000_000


def keep(store: Store, *events: AuditEvent, received_at: int = T0) -> list[AuditEvent]:
    return store.record(events, received_at=received_at)


def found(store: Store, **query: object) -> list[AuditEvent]:
    return [kept.event for kept in store.audit_events(AuditQuery(**query))]  # pyright: ignore[reportArgumentType]


def test_an_event_comes_back_whole_with_its_time_of_receipt(store: Store) -> None:
    event = make_event(
        argv=("printf", "ünï\N{PILE OF POO}", "a\0b", "", "\x1b[31m"),
        kind=Kind.APPROVAL_DECIDED,
        outcome=Outcome.FAILURE,
        would="deny by pci-dss/shells",
        approval="exec-abc-1",
        requester="agent",
        dry_run=True,
        details={"count": "2", "a=b": "\n"},
        reason="because\nof that",
    )
    assert keep(store, event, received_at=T0 + 5) == [event]
    assert store.audit_events(AuditQuery()) == [KeptEvent(event, T0 + 5)]


def test_the_same_event_again_is_the_same_event(store: Store, opened: Callable[[], Store]) -> None:
    first, second = make_event(1), make_event(2)
    assert keep(store, first, first) == [first]
    changed = replace(first, asked="something else")
    assert keep(opened(), changed, second, received_at=T0 + SECOND) == [second]
    assert store.audit_events(AuditQuery()) == [KeptEvent(second, T0 + SECOND), KeptEvent(first, T0)]


def test_nothing_to_record_is_nothing(store: Store) -> None:
    assert keep(store) == []
    assert found(store) == []


def test_lists_are_newest_first_and_go_on_where_they_stopped(store: Store) -> None:
    events = [make_event(offset) for offset in (3, 1, 2)]
    tied = [make_event(4, at=T0 + 4_000_000) for _ in range(5)]
    keep(store, *events, *tied)
    expected = sorted([*events, *tied], key=lambda event: (event.at, event.id), reverse=True)
    assert found(store) == expected
    pages: list[AuditEvent] = []
    before: Place | None = None
    while page := store.audit_events(AuditQuery(limit=3, before=before)):
        pages += [kept.event for kept in page]
        before = page[-1].place
    assert pages == expected
    assert found(store, limit=0) == []


def test_every_filter_filters(store: Store) -> None:
    cluster = make_event(
        1,
        namespace="",
        kind=Kind.POLICY_CHANGED,
        actor=Identity("system:serviceaccount:chaperone-system:chaperone-admission"),
        session="",
    )
    denied = make_event(2, outcome=Outcome.FAILURE, session="")
    approved = make_event(3, kind=Kind.APPROVAL_DECIDED, approval="exec-1", actor=Identity("bob"), session="")
    elsewhere = make_event(4, namespace="billing")
    keep(store, cluster, denied, approved, elsewhere)
    assert found(store, id=denied.id) == [denied]
    assert found(store, id="no such") == []
    assert found(store, namespace="") == [cluster]
    assert found(store, namespace="payments") == [approved, denied]
    assert found(store, kind=Kind.POLICY_CHANGED) == [cluster]
    assert found(store, kind=Kind.DECISION, namespace="billing") == [elsewhere]
    assert found(store, outcome=Outcome.FAILURE) == [denied]
    assert found(store, actor="bob") == [approved]
    assert found(store, approval="exec-1") == [approved]
    assert found(store, session=elsewhere.session) == [elsewhere]
    assert found(store, since=T0 + 2_000_000, until=T0 + 4_000_000) == [approved, denied]
    assert found(store, actor="agent", namespace="payments", kind=Kind.DECISION) == [denied]


def test_words_are_found_in_what_was_asked_why_and_by_which_rule(store: Store) -> None:
    session = make_event(1, argv=("psql", "-c", "drop table orders"), rule="no-drops", policy="pci-dss")
    verdict = make_event(2, kind=Kind.APPROVAL_DECIDED, argv=(), reason="Agreed with the owner", asked="")
    keep(store, session, verdict)
    assert found(store, text="DROP") == [session]
    assert found(store, text='"drop table"') == [session]
    assert found(store, text='"table drop"') == []
    assert found(store, text="no-drops") == [session]
    assert found(store, text="owner agreed") == [verdict]
    assert found(store, text="payments", namespace="billing") == []
    assert found(store, text="pci-dss payments", actor="agent") == [session]
    assert found(store, text='* OR "') == []
    with pytest.raises(CallerError, match="searched"):
        found(store, text="x" * 5000)


def test_what_arrived_since_comes_in_order_with_all_of_one_moment(store: Store) -> None:
    batches = [
        [make_event(offset, namespace="billing" if offset % 2 else "payments")] for offset in (9, 4, 7)
    ]
    batches.append([make_event(offset) for offset in range(20, 24)])
    for number, batch in enumerate(batches):
        keep(store, *batch, received_at=T0 + number)
    since = store.audit_events_since(after=T0, namespace=None, limit=2)
    assert [kept.received_at - T0 for kept in since] == [1, 2]
    since = store.audit_events_since(after=T0 + 1, namespace=None, limit=3)
    assert [kept.received_at - T0 for kept in since] == [2, 3, 3, 3, 3]
    since = store.audit_events_since(after=0, namespace="billing", limit=100)
    assert [kept.event for kept in since] == [batches[0][0], batches[2][0]]
    assert store.audit_events_since(after=T0 + 3, namespace=None, limit=10) == []
    assert store.audit_events_since(after=0, namespace=None, limit=0) == []


def test_many_events_are_kept_at_once(store: Store) -> None:
    events = [make_event(offset) for offset in range(1200)]
    assert keep(store, *events) == events
    assert found(store, limit=5000) == events[::-1]
    assert len(store.audit_events_since(after=0, namespace=None, limit=10)) == 1200


_TEXTS = st.text(max_size=12)


def _events() -> st.SearchStrategy[AuditEvent]:
    return st.builds(
        make_event,
        st.integers(0, 5),
        kind=st.sampled_from([Kind.DECISION, Kind.APPROVAL_USED]),
        where=st.builds(Where, namespace=st.sampled_from(["", "a", "b"]), name=_TEXTS),
        actor=st.sampled_from([AGENT, Identity("bob")]),
        argv=st.lists(_TEXTS, max_size=2).map(tuple),
        details=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batch=st.lists(_events(), max_size=6),
    namespace=st.sampled_from([None, "", "a"]),
    kind=st.sampled_from([None, Kind.DECISION]),
    actor=st.sampled_from([None, "bob"]),
    limit=st.integers(1, 5),
)
def test_a_query_gives_what_a_plain_filter_gives(
    store: Store,
    batch: Sequence[AuditEvent],
    namespace: str | None,
    kind: Kind | None,
    actor: str | None,
    limit: int,
) -> None:
    approval = make_session_id()
    mine = [replace(event, approval=approval) for event in batch]
    keep(store, *mine)
    expected = [
        event
        for event in sorted(mine, key=lambda event: (event.at, event.id), reverse=True)
        if namespace in (None, event.where.namespace)
        and kind in (None, event.kind)
        and actor in (None, event.actor.username)
    ]
    query = AuditQuery(approval=approval, namespace=namespace, kind=kind, actor=actor, limit=limit)
    assert [kept.event for kept in store.audit_events(query)] == expected[:limit]
