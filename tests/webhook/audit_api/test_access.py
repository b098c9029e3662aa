"""Whatever gives something of the record tells who asks first, and gives nothing that cannot be told."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from audit_client import BASE, ApiServer
from audit_server import Served
from starlette.routing import Route

from webhook.audit_api.access import Action
from webhook.audit_api.objects import API_VERSION
from webhook.store.contract import SessionRecord

LINES = "application/x-ndjson"
TELL_OF_THEMSELVES = {
    "POST /legalholds",
    "POST /legalholds/{name}/release",
    "POST /namespaces/{namespace}/sessions/{name}/kill",
    "POST /namespaces/{namespace}/canaries",
}
"""What is done by these is an audit event of a kind of its own."""


class Ask(NamedTuple):
    """A request, and as what it is told."""

    told: Action
    query: str = ""
    spec: dict[str, str] | None = None
    accept: str = "application/json"


ASKS: dict[str, tuple[Ask, ...]] = {
    "GET /sessions": (Ask(Action.LIST), Ask(Action.WATCH, "?watch=true")),
    "GET /namespaces/{namespace}/sessions": (Ask(Action.LIST), Ask(Action.WATCH, "?watch=true")),
    "GET /namespaces/{namespace}/sessions/{name}": (Ask(Action.GET),),
    "GET /namespaces/{namespace}/sessions/{name}/events": (
        Ask(Action.EVENTS),
        Ask(Action.EVENTS, accept=LINES),
        Ask(Action.EVENTS, "?follow=true", accept=LINES),
    ),
    "GET /namespaces/{namespace}/sessions/{name}/cast": (Ask(Action.CAST),),
    "GET /notices": (Ask(Action.NOTICES),),
    "GET /namespaces/{namespace}/notices": (Ask(Action.NOTICES),),
    "POST /searches": (Ask(Action.SEARCH, spec={"text": "alice"}),),
    "POST /namespaces/{namespace}/searches": (Ask(Action.SEARCH, spec={"text": "alice"}),),
    "GET /auditevents": (Ask(Action.LIST), Ask(Action.WATCH, "?watch=true")),
    "GET /namespaces/{namespace}/auditevents": (Ask(Action.LIST), Ask(Action.WATCH, "?watch=true")),
    "GET /namespaces/{namespace}/auditevents/{name}": (Ask(Action.GET),),
    "POST /eventsearches": (Ask(Action.SEARCH_EVENTS, spec={"text": "psql"}),),
    "POST /namespaces/{namespace}/eventsearches": (Ask(Action.SEARCH_EVENTS, spec={"text": "psql"}),),
    "GET /ledgers": (Ask(Action.LIST),),
    "GET /ledgers/{name}": (Ask(Action.GET),),
    "GET /ledgers/{name}/entries": (Ask(Action.GET),),
    "GET /ledgers/{name}/proof": (Ask(Action.GET, "?index=0"),),
    "GET /ledgers/{name}/checkpoint": (Ask(Action.GET),),
    "POST /ledgers/{name}/checkpoint": (Ask(Action.SIGN, spec={}),),
    "POST /exports": (Ask(Action.EXPORT, spec={"asked": "user agent"}),),
    "GET /legalholds": (Ask(Action.LIST),),
    "GET /legalholds/{name}": (Ask(Action.GET),),
}


def doors(served: Served) -> Iterator[str]:
    """Give everything that can be asked of the record, as ``METHOD /path``."""
    base = f"/apis/{API_VERSION}"
    for route in served.app.routes:
        if isinstance(route, Route) and route.path.startswith(f"{base}/"):
            methods = set(route.methods or ()) - {"HEAD"}
            yield from (f"{method} {route.path.removeprefix(base)}" for method in methods)


def test_every_way_to_read_is_looked_at_here(served: Served) -> None:
    assert set(doors(served)) == ASKS.keys() | TELL_OF_THEMSELVES


@pytest.mark.parametrize("door", ASKS)
def test_what_cannot_be_told_is_not_given(
    api: ApiServer, served: Served, kept: dict[str, SessionRecord], door: str
) -> None:
    served.cannot_tell = True
    for ask in ASKS[door]:
        path = door.partition(" ")[2].format(namespace="payments", name=kept["shell"].session)
        body = None if ask.spec is None else json.dumps({"spec": ask.spec}).encode()
        served.reads.clear()
        answer = api.ask(f"{BASE}{path}{ask.query}", accept=ask.accept, body=body)
        refusal = json.loads(answer.data)
        assert (answer.status, refusal["kind"], refusal["reason"]) == (503, "Status", "ServiceUnavailable")
        assert [(read.action, read.reader.username) for read in served.reads] == [(ask.told, "auditor")]
