"""The store on an OpenSearch with TLS, users and roles: each role may do what it is for, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from audit_event_samples import make_event
from opensearch_secure import Secure
from store_samples import T0, Growing, data_payload, make_notice, make_record, start_payload

from webhook.ledger.entries import Entry
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, Query, Store, StoreError
from webhook.store.opensearch.store import OpenSearchStore

pytestmark = pytest.mark.opensearch


@pytest.fixture(scope="module")
def stores(secure: Secure) -> Iterator[dict[str, OpenSearchStore]]:
    secure.empty()
    opened = {role: OpenSearchStore(secure.settings(role)) for role in ("writer", "analyst", "auditor")}
    opened["collector"] = OpenSearchStore(secure.settings("writer", removing="retention"))
    opened["writer"].prepare()
    yield opened
    for store in opened.values():
        store.close()


@pytest.fixture(scope="module")
def kept(stores: dict[str, OpenSearchStore]) -> Growing:
    """A session, an event, a notice and an entry, written by the writer."""
    store = stores["writer"]
    growing = Growing(store.create(make_record()))
    payloads = (start_payload(growing.record), data_payload(b"text"))
    record, frames = growing.grow(*payloads, phase=Phase.COMPLETED, exit_code=0)
    store.append(record, frames, [growing.says("some output")])
    store.record([make_event()], received_at=T0)
    store.note(make_notice())
    store.append_entries([Entry("start", b"a"), Entry("event/1", b"b")])
    return growing


def read_all(store: Store, growing: Growing) -> None:
    assert store.session(growing.session) == growing.record
    assert store.sessions(Query(exit_code=0)) == [growing.record]
    assert [hit.record for hit in store.search(Query(text="output", failed=False))] == [growing.record]
    assert store.audit_events(AuditQuery(text="psql"))
    assert store.notices(namespace=None, since=None, limit=5)


def test_the_writer_writes_and_reads_back(stores: dict[str, OpenSearchStore], kept: Growing) -> None:
    store = stores["writer"]
    store.prepare()
    read_all(store, kept)
    assert store.frames(kept.session, start=0, limit=5) == kept.made
    assert store.known_keys(["start"]) == {"start"}


def test_the_writer_deletes_nothing(stores: dict[str, OpenSearchStore], kept: Growing) -> None:
    store = stores["writer"]
    for delete in (
        lambda: store.remove_sessions([kept.session]),
        lambda: store.remove_audit_events(["x"]),
        lambda: store.remove_notices(before=T0 * 2),
        lambda: store.tidy(hot_before=T0),
    ):
        with pytest.raises(StoreError, match="lacks a right"):
            delete()
    read_all(store, kept)


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_readers_read_and_change_nothing(
    secure: Secure, stores: dict[str, OpenSearchStore], kept: Growing, role: str
) -> None:
    found = _search(
        secure, role, "chaperone-sessions-*,chaperone-passages-*,chaperone-audit,chaperone-notices"
    )
    assert found >= 5
    with pytest.raises(StoreError, match="lacks a right"):
        stores[role].note(make_notice(5))
    with pytest.raises(StoreError, match="lacks a right"):
        stores[role].create(make_record(9))


def _search(secure: Secure, role: str, indices: str) -> int:
    """How many documents somebody finds, asking as Dashboards would."""
    return secure.ask_as(role, "GET", f"/{indices}/_search?size=0")["hits"]["total"]["value"]


def test_recordings_and_ledger_are_for_auditors(secure: Secure, kept: Growing) -> None:
    assert kept.made
    for index in ("chaperone-events", "chaperone-ledger"):
        assert _search(secure, "auditor", index)
        assert secure.try_as("analyst", "GET", f"/{index}/_search?size=0") == 403


def test_retention_has_rights_of_its_own(stores: dict[str, OpenSearchStore]) -> None:
    store = stores["collector"]
    store.prepare()
    growing = Growing(store.create(make_record(60_000)))
    record, frames = growing.grow(b"a", b"b", phase=Phase.COMPLETED)
    store.append(record, frames, [growing.says("passing")])
    event = make_event(60_000)
    store.record([event], received_at=T0)
    store.remove_sessions([growing.session])
    store.remove_audit_events([event.id])
    store.remove_notices(before=0)
    store.tidy(hot_before=T0)
    assert store.session(growing.session) is None
    assert store.search(Query(text="passing")) == []
    assert store.audit_events(AuditQuery(id=event.id)) == []


def test_who_cannot_sign_in_is_told(secure: Secure) -> None:
    settings = secure.settings("writer")
    wrong = OpenSearchStore(replace(settings, password="wrong"))
    with pytest.raises(StoreError, match="does not accept the store's user") as refused:
        wrong.prepare()
    assert "wrong" not in str(refused.value).replace("store", "")
    wrong.close()
    stranger = OpenSearchStore(replace(settings, ca_file=None))
    with pytest.raises(StoreError, match="cannot be reached"):
        stranger.prepare()
    stranger.close()


def test_a_certificate_signs_in_as_well(secure: Secure, kept: Growing) -> None:
    """The administrator's, here; how certificates become users is the cluster's own setting."""
    folder = secure.authority.parent
    settings = replace(
        secure.settings("writer"),
        username="",
        password="",
        certificate_file=folder / "admin.crt",
        key_file=folder / "admin.key",
    )
    store = OpenSearchStore(settings)
    read_all(store, kept)
    store.close()
