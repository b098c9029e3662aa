"""Audit events survive the wire, and say nothing they were not given."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where

_TEXT = st.text(max_size=20)


@given(
    st.builds(
        AuditEvent,
        id=_TEXT,
        at=st.integers(0, 2**62),
        kind=st.sampled_from(Kind),
        outcome=st.sampled_from(Outcome),
        actor=st.builds(Identity, username=_TEXT, groups=st.lists(_TEXT, max_size=3).map(tuple)),
        origin=_TEXT,
        where=st.builds(Where, namespace=_TEXT, resource=_TEXT, name=_TEXT),
        argv=st.lists(_TEXT, max_size=3).map(tuple),
        details=st.dictionaries(_TEXT, _TEXT, max_size=3),
    )
)
def test_an_event_is_the_same_after_the_wire(event: AuditEvent) -> None:
    assert msgspec.json.decode(msgspec.json.encode(event), type=AuditEvent) == event


def test_what_is_not_said_is_not_written() -> None:
    event = AuditEvent(
        id="x",
        at=1,
        kind=Kind.CONTROL_STARTED,
        outcome=Outcome.SUCCESS,
        actor=Identity("system:chaperone"),
        origin="chaperone-admission-1",
    )
    assert set(msgspec.to_builtins(event)) == {"id", "at", "kind", "outcome", "actor", "origin"}
