"""What the OpenSearch store does when the server is overloaded, half fails, or loses its answers."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_proxy import Call, Fault, FaultyProxy, Reply, faulty_proxy, lose_answer, status
from opensearch_server import call
from store_samples import Growing, data_payload, make_record
from tls_files import make_tls_files

from webhook.store import OpenSearchSettings, open_store
from webhook.store.contract import Query, Store, StoreError

pytestmark = pytest.mark.opensearch


@pytest.fixture
def proxy(opensearch_settings: OpenSearchSettings) -> Iterator[FaultyProxy]:
    with faulty_proxy(opensearch_settings.url) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: FaultyProxy, opensearch_settings: OpenSearchSettings) -> Iterator[Store]:
    store = open_store(replace(opensearch_settings, url=proxy.url, retry_seconds=1.0))
    store.prepare()
    yield store
    store.close()


def started(store: Store) -> Growing:
    growing = Growing(store.create(make_record()))
    store.append(*growing.grow(b"first"), [])
    return growing


def kept(store: Store, growing: Growing) -> list[bytes]:
    return [frame.payload for frame in store.frames(growing.session, start=0, limit=1000)]


def half_done(item_status: int, error: str) -> Fault:
    """Pass on the first document of a bulk request; answer for the others with an error."""

    def fault(request: Call) -> Reply:
        lines = request.body.splitlines(keepends=True)
        reply = request.forward(b"".join(lines[:2]))
        items = json.loads(reply.body)["items"]
        rest = len(lines) // 2 - 1
        items += [{"create": {"status": item_status, "error": {"type": error}}}] * rest
        return Reply(200, json.dumps({"items": items}).encode())

    return fault


@pytest.mark.parametrize("code", [429, 503])
def test_overload_is_waited_out(store: Store, proxy: FaultyProxy, code: int) -> None:
    growing = started(store)
    record, frames = growing.grow(b"second")
    proxy.plan("/_bulk", status(code), status(code))
    store.append(record, frames, [])
    assert store.session(growing.session) == record
    assert kept(store, growing) == [b"first", b"second"]


def test_patience_ends(store: Store, proxy: FaultyProxy) -> None:
    growing = started(store)
    before = growing.record
    record, frames = growing.grow(b"second")
    proxy.plan("/_bulk", *[status(503)] * 50)
    with pytest.raises(StoreError, match="not available"):
        store.append(record, frames, [])
    proxy.faults.clear()
    assert store.session(growing.session) == before
    assert kept(store, growing) == [b"first"]


def test_documents_that_were_turned_away_are_sent_again_alone(store: Store, proxy: FaultyProxy) -> None:
    growing = started(store)
    record, frames = growing.grow(b"a", b"b", b"c")
    proxy.plan("/_bulk", half_done(429, "rejected_execution_exception"))
    proxy.calls.clear()
    store.append(record, frames, [growing.says("words")])
    sent = [len(request.body.splitlines()) // 2 for request in proxy.calls if "/_bulk" in request.path]
    assert sent == [4, 3]
    assert kept(store, growing) == [b"first", b"a", b"b", b"c"]
    assert len(store.search(Query(text="words"))) == 1


def test_a_refused_document_fails_the_append_and_is_not_seen(store: Store, proxy: FaultyProxy) -> None:
    growing = started(store)
    before = growing.record
    record, frames = growing.grow(b"a", b"b")
    proxy.plan("/_bulk", half_done(400, "mapper_parsing_exception"))
    with pytest.raises(StoreError, match=r"mapper_parsing_exception \(400\)"):
        store.append(record, frames, [])
    assert store.session(growing.session) == before
    assert kept(store, growing) == [b"first"]
    store.append(record, frames, [])
    assert kept(store, growing) == [b"first", b"a", b"b"]


@pytest.mark.parametrize("part", ["/_bulk", "/_doc/"])
def test_a_lost_answer_is_an_error_and_sending_again_completes(
    store: Store, proxy: FaultyProxy, part: str
) -> None:
    growing = started(store)
    record, frames = growing.grow(b"a", b"b")
    store.session(growing.session)
    if part == "/_doc/":
        proxy.plan(part, lambda request: request.forward(request.body), lose_answer)
    else:
        proxy.plan(part, lose_answer)
    with pytest.raises(StoreError, match="cannot be reached"):
        store.append(record, frames, [growing.says("words")])
    store.append(record, frames, [growing.says("words")])
    assert store.session(growing.session) == record
    assert kept(store, growing) == [b"first", b"a", b"b"]
    assert len(store.search(Query(text="words"))) == 1


def test_a_frame_kept_on_both_sides_of_a_rollover_is_given_once(
    store: Store, proxy: FaultyProxy, opensearch_settings: OpenSearchSettings
) -> None:
    growing = started(store)
    record, frames = growing.grow(*(data_payload(b"%d" % number) for number in range(150)))
    proxy.plan("/_bulk", lose_answer)
    with pytest.raises(StoreError):
        store.append(record, frames, [])
    url, stream = opensearch_settings.url, f"{opensearch_settings.prefix}-events"
    call(url, "POST", f"/{stream}/_rollover")
    store.append(record, frames, [])
    call(url, "POST", f"/{stream}/_refresh")
    assert call(url, "GET", f"/{stream}/_count")["count"] == 301
    assert store.frames(growing.session, start=0, limit=1000) == growing.made
    assert store.frames(growing.session, start=100, limit=7) == growing.made[100:107]


def test_frames_left_behind_by_another_chain_are_found_out(store: Store, proxy: FaultyProxy) -> None:
    growing = started(store)
    forked = Growing(growing.record)
    proxy.plan("/_bulk", lose_answer)
    with pytest.raises(StoreError):
        store.append(*forked.grow(b"forged"), [])
    record, frames = growing.grow(b"true")
    with pytest.raises(StoreError, match="frame 1 is kept with another digest"):
        store.append(record, frames, [])


def test_a_frame_that_is_gone_is_an_error_not_a_shorter_recording(
    store: Store, opensearch_settings: OpenSearchSettings
) -> None:
    growing = started(store)
    store.append(*growing.grow(b"a", b"b"), [])
    path = f"/{opensearch_settings.prefix}-events/_delete_by_query?refresh=true"
    call(opensearch_settings.url, "POST", f"/{opensearch_settings.prefix}-events/_refresh")
    call(opensearch_settings.url, "POST", path, {"query": {"term": {"event.sequence": 1}}})
    with pytest.raises(StoreError, match="frame 1 is missing"):
        store.frames(growing.session, start=0, limit=10)


def test_documents_speak_ecs(store: Store, opensearch_settings: OpenSearchSettings) -> None:
    growing = started(store)
    call(opensearch_settings.url, "POST", f"/{opensearch_settings.prefix}-*/_refresh")
    path = f"/{opensearch_settings.prefix}-sessions-*/_search"
    query = {
        "query": {
            "bool": {
                "filter": [
                    {"term": {"user.name": "agent"}},
                    {"term": {"orchestrator.namespace": "payments"}},
                    {"term": {"orchestrator.resource.name": "api-7d9c"}},
                    {"term": {"container.name": "api"}},
                    {"wildcard": {"process.command_line": "*select 1"}},
                    {"match_phrase": {"process.command_line.text": "SELECT 1"}},
                    {"range": {"@timestamp": {"gte": "2026-01-01", "lt": "2027-01-01"}}},
                ]
            }
        },
        "_source": ["chaperone.session"],
    }
    answer = call(opensearch_settings.url, "POST", path, query)
    assert growing.session in json.dumps(answer)


def test_a_server_that_is_not_there_is_named() -> None:
    store = open_store(OpenSearchSettings("http://127.0.0.1:9", username="writer", password="hunter2"))
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9: it cannot be reached") as caught:
        store.prepare()
    assert "hunter2" not in str(caught.value)
    store.close()


def test_tls_with_a_private_ca_password_and_client_certificate(
    opensearch_settings: OpenSearchSettings, tmp_path: Path
) -> None:
    files = make_tls_files(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    context.load_cert_chain(files.certificate, files.key)
    context.verify_mode = ssl.CERT_REQUIRED
    with faulty_proxy(opensearch_settings.url, context) as proxy:
        stranger = replace(opensearch_settings, url=proxy.url, username="writer", password="hunter2")
        trusting = replace(stranger, ca_file=files.ca)
        known = replace(trusting, certificate_file=files.certificate, key_file=files.key)
        for settings in (stranger, trusting):
            store = open_store(settings)
            with pytest.raises(StoreError, match="cannot be reached"):
                store.prepare()
            store.close()
        store = open_store(known)
        store.prepare()
        record = make_record()
        assert store.create(record) == record
        store.close()
        assert {request.authorization for request in proxy.calls} == {"Basic d3JpdGVyOmh1bnRlcjI="}
