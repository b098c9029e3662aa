"""Where the lifecycle plugin is: what the store asks of it, and leaves to it.

The plugin cannot be had with the server that tests use. What it answers here is what its documentation says;
everything else goes to the real server.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from faulty_proxy import Call, FaultyProxy, Reply, faulty_proxy
from opensearch_server import call
from store_samples import T0

from webhook.store import OpenSearchSettings, open_store
from webhook.store.opensearch.lifecycle import POLICIES, lifecycle_policies
from webhook.store.opensearch.names import Names

pytestmark = pytest.mark.opensearch

LEAVES_INDICES_WRITABLE = {"rollover", "index_priority"}


@pytest.fixture
def proxy(opensearch_settings: OpenSearchSettings) -> Iterator[FaultyProxy]:
    with faulty_proxy(opensearch_settings.url) as proxy:
        yield proxy


def absent(_: Call) -> Reply:
    return Reply(404, b'{"error":{"type":"status_exception","reason":"Policy not found"},"status":404}')


def created(_: Call) -> Reply:
    return Reply(201, b'{"_id":"one","_version":1,"_primary_term":1,"_seq_no":1,"policy":{}}')


def kept(_: Call) -> Reply:
    return Reply(200, b'{"_id":"one","_version":3,"_seq_no":4,"_primary_term":1,"policy":{}}')


def asked(proxy: FaultyProxy, method: str, part: str) -> list[Call]:
    return [call for call in proxy.calls if call.method == method and part in call.path]


def test_policies_are_put_once(proxy: FaultyProxy, opensearch_settings: OpenSearchSettings) -> None:
    prefix = opensearch_settings.prefix
    proxy.plan(POLICIES, absent, created, absent, created)
    settings = OpenSearchSettings(proxy.url, prefix)
    store = open_store(settings)
    store.prepare()
    store.close()
    put = asked(proxy, "PUT", POLICIES)
    assert [call.path for call in put] == [f"{POLICIES}/{prefix}-{what}" for what in ("streams", "months")]
    wanted = lifecycle_policies(Names(prefix), hot_months=3)
    assert [json.loads(call.body) for call in put] == [wanted[call.path.rpartition("/")[2]] for call in put]

    proxy.calls.clear()
    proxy.plan(POLICIES, kept, kept)
    store = open_store(settings)
    store.prepare()
    store.close()
    assert asked(proxy, "PUT", POLICIES) == []


@pytest.mark.parametrize("there", [True, False])
def test_the_plugin_rolls_over_where_it_is(
    proxy: FaultyProxy, opensearch_settings: OpenSearchSettings, *, there: bool
) -> None:
    if there:
        proxy.plan(POLICIES, kept, kept)
    store = open_store(OpenSearchSettings(proxy.url, opensearch_settings.prefix))
    store.prepare()
    old = f"{opensearch_settings.prefix}-passages-2019.{1 + there:02d}"
    call(opensearch_settings.url, "PUT", f"/{old}")
    call(opensearch_settings.url, "PUT", f"/{old}/_doc/one?refresh=true", {"@timestamp": 1})
    store.tidy(hot_before=T0)
    store.close()
    assert bool(asked(proxy, "POST", "/_rollover")) is not there
    assert [call.path.partition("?")[0] for call in asked(proxy, "POST", "/_forcemerge")] == [
        f"/{old}/_forcemerge"
    ]


def test_policies_lead_from_one_state_to_the_next_and_forbid_no_removal() -> None:
    found: Any = lifecycle_policies(Names("p"), hot_months=3)
    for policy in (one["policy"] for one in found.values()):
        states = {state["name"]: state for state in policy["states"]}
        assert policy["default_state"] in states
        for state in states.values():
            assert {name for action in state["actions"] for name in action} <= LEAVES_INDICES_WRITABLE
            for step in state["transitions"]:
                assert step["state_name"] in states
                assert step["conditions"] == {"min_index_age": "93d"}
