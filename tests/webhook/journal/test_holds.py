"""Legal holds: what they cover, and that none is lost or made up."""

from audit_event_samples import AGENT, make_event
from hypothesis import given
from hypothesis import strategies as st
from store_samples import T0, make_session_id

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.holds import Hold, Scope, holds_of, release_event, set_event
from webhook.journal.making import Stamp
from webhook.journal.masked import masked

MASK = Engine.load(Profile.STRICT).masks()
BOB = Identity("bob", "u-2", ("legal",))


def stamp(offset_ms: int) -> Stamp:
    return Stamp(make_session_id(offset_ms), T0 + offset_ms * 1_000_000, "collector-0")


def covered(scope: Scope, **changes: object) -> bool:
    fields: dict[str, object] = {
        "session": "s",
        "agent": "agent",
        "namespace": "payments",
        "start": 100,
        "end": 200,
        **changes,
    }
    return scope.covers(**fields)  # pyright: ignore[reportArgumentType]


def test_whatever_a_scope_tells_must_be_so() -> None:
    assert covered(Scope(session="s"))
    assert not covered(Scope(session="other"))
    assert covered(Scope(agent="agent", namespace="payments"))
    assert not covered(Scope(agent="agent", namespace="shop"))
    assert not covered(Scope(agent="somebody", session="s"))


def test_a_time_range_covers_what_reaches_into_it() -> None:
    assert covered(Scope(since=200))
    assert not covered(Scope(since=201))
    assert covered(Scope(until=101))
    assert not covered(Scope(until=100))
    assert covered(Scope(since=150, until=160))
    assert not covered(Scope(since=201, until=300))


moments = st.integers(0, 2**62 // 1000).map(lambda microseconds: microseconds * 1000)
scopes = st.builds(
    Scope,
    session=st.sampled_from(["", "01m3250v00wtbvtjmefmkeffw2"]),
    agent=st.text(max_size=8),
    namespace=st.sampled_from(["", "payments"]),
    since=st.none() | moments,
    until=st.none() | moments,
)


@given(scopes, st.text(min_size=1, max_size=20))
def test_a_hold_comes_back_from_its_event(scope: Scope, reason: str) -> None:
    event = set_event(stamp(0), AGENT, scope, reason)
    assert holds_of([event]) == [Hold(name=event.id, scope=scope, by=AGENT, at=T0, reason=reason)]


@given(moments, moments)
def test_masking_leaves_a_hold_as_it_is(since: int, until: int) -> None:
    """Nanoseconds since 1970 have as many digits as a card number: some would not come back."""
    event = set_event(stamp(0), AGENT, Scope(session=make_session_id(1), since=since, until=until), "case")
    assert masked(event, MASK) == (event, 0)


def test_a_release_ends_it_once() -> None:
    event = set_event(stamp(0), AGENT, Scope(agent="x"), "case 7")
    first = release_event(stamp(5), BOB, event.id, "closed")
    second = release_event(stamp(9), AGENT, event.id, "again")
    for events in ([event, first, second], [second, first, event]):
        (hold,) = holds_of(events)
        assert (hold.in_force, hold.released_by, hold.released_at) == (False, BOB, first.at)
        assert hold.release_reason == "closed"


def test_what_is_no_hold_says_nothing() -> None:
    event = set_event(stamp(0), AGENT, Scope(agent="x"), "case 7")
    strangers: list[AuditEvent] = [make_event(1), release_event(stamp(2), BOB, make_session_id(3), "no such")]
    assert [hold.in_force for hold in holds_of([*strangers, event])] == [True]


def test_a_hold_that_cannot_be_read_keeps_everything() -> None:
    event = make_event(1, kind=Kind.HOLD_SET, details={"since": "soon"}, session="")
    (hold,) = holds_of([event])
    assert covered(hold.scope)
