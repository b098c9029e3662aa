"""Audit events through the API: lists, selectors, pages, tables, watches; and reads that become events."""

import json
from urllib.parse import quote

import pytest
from audit_client import BASE, TABLE, ApiServer
from audit_event_samples import make_event, make_maker
from audit_server import Served
from store_samples import T0

from sidecar.contract.sealing import Identity
from webhook.audit_api.access import Action, Read, read_event
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.store.contract import Store

EVENTS = f"{BASE}/auditevents"
IN_PAYMENTS = f"{BASE}/namespaces/payments/auditevents"
SECOND = 1_000_000_000
EVIL = "\x1b]0;owned\x07\nFORGED   row\u202e\x9b2J"


@pytest.fixture
def events(store: Store, served: Served) -> dict[str, AuditEvent]:
    """Some of each: by name."""
    made = {
        "started": make_event(
            1,
            namespace="",
            kind=Kind.CONTROL_STARTED,
            actor=Identity("system:serviceaccount:chaperone-system:chaperone-admission"),
            argv=(),
            asked="",
            session="",
        ),
        "denied": make_event(
            2, outcome=Outcome.FAILURE, action="deny", policy="pci-dss", rule="shells", session=""
        ),
        "approved": make_event(
            3,
            kind=Kind.APPROVAL_DECIDED,
            actor=Identity("bob"),
            requester="agent",
            approval="exec-1",
            reason="agreed",
            argv=(),
            session="",
        ),
        "elsewhere": make_event(4, namespace="billing"),
        "hostile": make_event(
            5, argv=("sh", "-c", EVIL), reason=EVIL, actor=Identity(f"agent-{EVIL}"), rule=EVIL
        ),
    }
    for number, event in enumerate(made.values()):
        store.record([event], received_at=T0 + 100 * SECOND + number * SECOND)
    return made


def test_events_are_listed_newest_first_for_all_or_for_a_namespace(
    api: ApiServer, events: dict[str, AuditEvent]
) -> None:
    assert api.names(EVENTS) == [event.id for event in reversed(events.values())]
    assert api.names(IN_PAYMENTS) == [events[name].id for name in ("hostile", "approved", "denied")]


def test_an_event_is_given_whole(api: ApiServer, events: dict[str, AuditEvent]) -> None:
    denied = events["denied"]
    found = api.json(f"{IN_PAYMENTS}/{denied.id}")
    assert (found["kind"], found["apiVersion"]) == ("AuditEvent", "audit.chaperone.dev/v1alpha1")
    assert found["metadata"]["namespace"] == "payments"
    assert (found["type"], found["outcome"], found["origin"]) == ("decision", "failure", denied.origin)
    assert found["actor"]["username"] == "agent"
    assert found["actor"]["extra"] == {"example.org/team": ["a", "b"]}
    assert found["decision"] == {"action": "deny", "policy": "pci-dss", "rule": "shells"}
    assert found["command"] == ["psql", "-c", "select 1"]
    assert found["about"] == {"resource": "pods/exec", "name": "web", "uid": "p-1", "container": "app"}
    assert found["requestUID"] == "r-1"


def test_what_is_not_there_or_elsewhere_is_not_found(api: ApiServer, events: dict[str, AuditEvent]) -> None:
    for name in (events["elsewhere"].id, events["started"].id, "nothing"):
        found = api.json(f"{IN_PAYMENTS}/{name}", code=404)
        assert found["details"] == {"name": name, "group": "audit.chaperone.dev", "kind": "auditevents"}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("actor=bob", ["approved"]),
        ("type=control-started", ["started"]),
        ("type=no-such", []),
        ("outcome=failure", ["denied"]),
        ("approval=exec-1", ["approved"]),
        ("requester=agent", ["approved"]),
        ("policy=pci-dss,rule=shells", ["denied"]),
        ("action!=audit", ["denied"]),
        ("metadata.namespace=billing", ["elsewhere"]),
        ("type=decision,actor=agent", ["elsewhere", "denied"]),
    ],
)
def test_events_are_selected_by_their_fields(
    api: ApiServer, events: dict[str, AuditEvent], selector: str, names: list[str]
) -> None:
    path = f"{EVENTS}?fieldSelector={quote(selector)}"
    assert api.names(path) == [events[name].id for name in names]


def test_a_field_that_events_do_not_have_is_refused_with_those_they_have(
    api: ApiServer, events: dict[str, AuditEvent]
) -> None:
    message = api.json(f"{EVENTS}?fieldSelector=spec.pod%3Dx", code=400)["message"]
    assert "actor" in message
    assert "approval" in message
    assert events


def test_times_bound_the_list(api: ApiServer, events: dict[str, AuditEvent]) -> None:
    since, until = "2026-09-21T14:13:20.002Z", "2026-09-21T14:13:20.004Z"
    assert T0 == 1_790_000_000_000_000_000
    path = f"{EVENTS}?since={since}&until={until}"
    assert api.names(path) == [events[name].id for name in ("approved", "denied")]


def test_a_list_goes_on_where_it_was_cut(api: ApiServer, events: dict[str, AuditEvent]) -> None:
    found: list[str] = []
    token = ""
    while True:
        page = api.json(f"{EVENTS}?limit=2{token}")
        found += [item["metadata"]["name"] for item in page["items"]]
        if not page["metadata"].get("continue"):
            break
        token = f"&continue={page['metadata']['continue']}"
    assert found == [event.id for event in reversed(events.values())]
    assert api.json(f"{EVENTS}?limit=2&continue=bm9uZQ", code=410)["reason"] == "Expired"


def test_a_table_cannot_be_forged(api: ApiServer, events: dict[str, AuditEvent]) -> None:
    table = api.json(EVENTS, accept=TABLE)
    shown = [column["name"] for column in table["columnDefinitions"] if not column["priority"]]
    assert shown == ["Age", "Kind", "Actor", "Action", "Rule", "What", "Outcome"]
    rows = [row["cells"] for row in table["rows"]]
    assert len(rows) == len(events)
    assert all(str(cell).isprintable() for row in rows for cell in row)
    assert [row[5] for row in rows][1:3] == [
        "web: psql -c select 1",
        "exec into pod payments/web, container app",
    ]


def test_a_watch_tells_what_there_is_and_what_comes(
    api: ApiServer, store: Store, events: dict[str, AuditEvent]
) -> None:
    version = api.json(EVENTS)["metadata"]["resourceVersion"]
    with api.watch(f"{IN_PAYMENTS}?watch=true") as watch:
        first = [watch.next() for _ in range(3)]
        assert {change["type"] for change in first} == {"ADDED"}
        names = {change["object"]["metadata"]["name"] for change in first}
        assert names == {events[name].id for name in ("hostile", "approved", "denied")}
        later, other = make_event(10), make_event(11, namespace="billing")
        store.record([other], received_at=int(version) + 1)
        store.record([later], received_at=int(version) + 2)
        assert watch.next()["object"]["metadata"]["name"] == later.id
    with api.watch(f"{EVENTS}?watch=true&resourceVersion={version}&fieldSelector=type%3Ddecision") as watch:
        assert [watch.next()["object"]["metadata"]["name"] for _ in range(2)] == [other.id, later.id]


def test_a_watch_as_a_table_tells_the_columns_once(
    api: ApiServer, store: Store, events: dict[str, AuditEvent]
) -> None:
    with api.watch(f"{EVENTS}?watch=true", accept=TABLE) as watch:
        tables = [watch.next()["object"] for _ in events]
        assert [bool(table["columnDefinitions"]) for table in tables] == [True, False, False, False, False]


def test_reading_events_is_told_as_well(
    api: ApiServer, served: Served, events: dict[str, AuditEvent]
) -> None:
    api.json(EVENTS)
    api.json(f"{IN_PAYMENTS}/{events['denied'].id}")
    with api.watch(f"{IN_PAYMENTS}?watch=true") as watch:
        for _ in range(3):
            watch.next()
    told = [(read.resource, read.action, read.namespace, read.name) for read in served.reads]
    assert told == [
        ("auditevents", Action.LIST, None, ""),
        ("auditevents", Action.GET, "payments", events["denied"].id),
        ("auditevents", Action.WATCH, "payments", ""),
    ]


@pytest.mark.parametrize(
    ("read", "resource", "operation", "session"),
    [
        (Read(Identity("a"), Action.LIST, None), "sessions.audit.chaperone.dev", "list", ""),
        (Read(Identity("a"), Action.CAST, "p", "s1"), "sessions/cast.audit.chaperone.dev", "get", "s1"),
        (Read(Identity("a"), Action.SEARCH, "p"), "searches.audit.chaperone.dev", "search", ""),
        (Read(Identity("a"), Action.NOTICES, "p"), "notices.audit.chaperone.dev", "list", ""),
        (
            Read(Identity("a"), Action.GET, "p", "e1", "auditevents"),
            "auditevents.audit.chaperone.dev",
            "get",
            "",
        ),
    ],
)
def test_a_read_is_an_audit_event(read: Read, resource: str, operation: str, session: str) -> None:
    event = read_event(make_maker().stamp(), read)
    assert (event.kind, event.actor) == (Kind.RECORD_READ, Identity("a"))
    assert event.where == Where(namespace=read.namespace or "", resource=resource, name=read.name)
    assert (event.operation, event.session) == (operation, session)


def test_events_can_be_discovered_and_explained(api: ApiServer) -> None:
    resources = api.json(BASE)["resources"]
    [found] = [resource for resource in resources if resource["name"] == "auditevents"]
    assert (found["kind"], found["verbs"], found["namespaced"]) == (
        "AuditEvent",
        ["get", "list", "watch"],
        True,
    )
    document = json.dumps(api.json(f"/openapi/v3{BASE}"))
    assert "dev.chaperone.audit.v1alpha1.AuditEvent" in document
