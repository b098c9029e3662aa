"""Names, types and values of the Elastic Common Schema are used as it has them.

As of ECS 9.5, ``generated/csv/fields.csv`` and ``schemas/event.yml``: what of it is used is listed here.
"""

from typing import Any

import pytest
from audit_event_samples import make_event
from dashboarding.making import fields_of
from store_samples import T0, make_notice, make_record

from webhook.journal.events import Kind, Outcome, Where
from webhook.store.opensearch.audit_documents import audit_document
from webhook.store.opensearch.documents import notice_document, session_document
from webhook.store.opensearch.names import Names
from webhook.store.opensearch.templates import mappings

ECS = {
    "@timestamp": "date",
    "container.name": "keyword",
    "event.action": "keyword",
    "event.category": "keyword",
    "event.duration": "long",
    "event.end": "date",
    "event.id": "keyword",
    "event.ingested": "date",
    "event.kind": "keyword",
    "event.outcome": "keyword",
    "event.reason": "keyword",
    "event.sequence": "long",
    "event.start": "date",
    "event.type": "keyword",
    "host.name": "keyword",
    "message": "match_only_text",
    "observer.name": "keyword",
    "orchestrator.namespace": "keyword",
    "orchestrator.resource.id": "keyword",
    "orchestrator.resource.name": "keyword",
    "orchestrator.resource.type": "keyword",
    "orchestrator.type": "keyword",
    "process.args": "keyword",
    "process.args_count": "long",
    "process.command_line": "wildcard",
    "process.command_line.text": "match_only_text",
    "process.exit_code": "long",
    "process.interactive": "boolean",
    "rule.name": "keyword",
    "rule.ruleset": "keyword",
    "user.group.name": "keyword",
    "user.id": "keyword",
    "user.name": "keyword",
}
SAME_FAMILY = {"match_only_text": "text"}
"""Phrases are searched, for which places of words are needed."""
VALUES = {
    "kind": {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"},
    "category": {
        "api",
        "authentication",
        "configuration",
        "database",
        "driver",
        "email",
        "file",
        "host",
        "iam",
        "intrusion_detection",
        "library",
        "malware",
        "network",
        "package",
        "process",
        "registry",
        "session",
        "threat",
        "vulnerability",
        "web",
    },
    "type": {
        "access",
        "admin",
        "allowed",
        "change",
        "connection",
        "creation",
        "deletion",
        "denied",
        "device",
        "end",
        "error",
        "group",
        "indicator",
        "info",
        "installation",
        "protocol",
        "start",
        "user",
    },
    "outcome": {"failure", "success", "unknown"},
}


@pytest.mark.parametrize("index", mappings(Names("p")))
def test_fields_are_those_of_the_schema_or_ours(index: str) -> None:
    for name, kind in fields_of(mappings(Names("p"))[index]):
        if not name.startswith("chaperone."):
            assert kind == SAME_FAMILY.get(ECS[name], ECS[name]), name


def check_values(document: Any) -> None:
    for name, allowed in VALUES.items():
        said = document["event"].get(name, [])
        assert set([said] if isinstance(said, str) else said) <= allowed, name


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("resource", ["pods/exec", "configmaps"])
def test_audit_events_are_categorised_in_its_words(kind: Kind, outcome: Outcome, resource: str) -> None:
    event = make_event(kind=kind, outcome=outcome, where=Where(resource=resource))
    check_values(audit_document(event, T0))


@pytest.mark.parametrize("exit_code", [None, 0, 1])
def test_sessions_are_categorised_in_its_words(exit_code: int | None) -> None:
    check_values(session_document(make_record(exit_code=exit_code)))


def test_notices_are_categorised_in_its_words() -> None:
    check_values(notice_document(make_notice()))
