"""Audit events on their way into a real OpenSearch: the collector is killed, answers are lost."""

from dataclasses import replace
from pathlib import Path

import pytest
from audit_event_samples import make_event
from collector_server import CollectorServer
from faulty_proxy import faulty_proxy, lose_answer
from journal_sender import Sender
from opensearch_server import call
from store_samples import T0

from webhook.store import OpenSearchSettings, open_store
from webhook.store.audit import AuditQuery
from webhook.store.contract import StoreError

pytestmark = pytest.mark.opensearch


def test_killing_the_collector_loses_nothing_and_keeps_nothing_twice(
    opensearch_settings: OpenSearchSettings, tmp_path: Path
) -> None:
    (tmp_path / "collector").mkdir()
    server = CollectorServer(tmp_path / "collector")
    (server.folder / "opensearch").write_text(f"{opensearch_settings.url} {opensearch_settings.prefix}")
    server.start()
    sender = Sender(tmp_path / "sender", server)
    sender.start(1000)
    try:
        sender.hear(300)
        server.kill()
        sender.hear(300)
        server.start()
        sender.finish()
    finally:
        sender.kill()
        server.kill()
    store = open_store(opensearch_settings)
    ids = [kept.event.id for kept in store.audit_events(AuditQuery(limit=10_000))]
    store.close()
    assert sorted(ids) == sorted(sender.noted)


def test_a_lost_answer_costs_a_repetition_and_no_event(opensearch_settings: OpenSearchSettings) -> None:
    events = [make_event(number) for number in range(50)]
    with faulty_proxy(opensearch_settings.url) as proxy:
        store = open_store(replace(opensearch_settings, url=proxy.url, retry_seconds=1.0))
        store.prepare()
        proxy.plan("/_bulk", lose_answer)
        with pytest.raises(StoreError):
            store.record(events, received_at=T0)
        assert store.record(events, received_at=T0 + 1) == []
        assert len(store.audit_events(AuditQuery(limit=100))) == 50
        store.close()


def test_after_a_rollover_an_event_sent_again_is_given_once(opensearch_settings: OpenSearchSettings) -> None:
    store = open_store(opensearch_settings)
    store.prepare()
    events = [make_event(number) for number in range(5)]
    store.record(events, received_at=T0)
    call(opensearch_settings.url, "POST", f"/{opensearch_settings.prefix}-audit/_rollover")
    store.record(events, received_at=T0 + 1)
    found = store.audit_events(AuditQuery(limit=100))
    assert [kept.event for kept in found] == events[::-1]
    assert len(store.audit_events(AuditQuery(limit=3))) == 3
    store.close()


def test_fields_are_those_of_the_common_schema(opensearch_settings: OpenSearchSettings) -> None:
    store = open_store(opensearch_settings)
    store.prepare()
    event = make_event(1, approval="exec-1", details={"a": "b"}, reason="because")
    store.record([event], received_at=T0 + 7_000_000)
    path = f"/{opensearch_settings.prefix}-audit"
    call(opensearch_settings.url, "POST", f"{path}/_refresh")
    terms = {"event.type": "allowed", "rule.ruleset": "builtin"}
    query = {"query": {"bool": {"filter": [{"term": {name: value}} for name, value in terms.items()]}}}
    found: dict[str, dict[str, list[dict[str, dict[str, object]]]]]
    found = call(opensearch_settings.url, "POST", f"{path}/_search", query)  # pyright: ignore[reportAssignmentType]
    [hit] = found["hits"]["hits"]
    source = hit["_source"]
    assert source["event"] == {
        "id": event.id,
        "kind": "event",
        "category": ["session"],
        "type": ["access", "allowed"],
        "action": "decision",
        "outcome": "success",
        "reason": "because",
        "ingested": (T0 + 7_000_000) // 1_000_000,
    }
    assert source["user"] == {
        "name": "agent",
        "id": "u-1",
        "group": {"name": ["devs", "system:authenticated"]},
    }
    assert source["process"] == {
        "command_line": "psql -c select 1",
        "args": ["psql", "-c", "select 1"],
        "args_count": 3,
    }
    store.close()
