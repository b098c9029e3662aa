"""OpenAPI documents, made from the objects' own types, for ``kubectl explain`` and the aggregator."""

import hashlib
from typing import Final

import msgspec

from sidecar.contract.names import AUDIT_GROUP, AUDIT_VERSION, VERSION
from webhook.audit_api.canary_objects import Canary
from webhook.audit_api.event_objects import AuditEventList, EventSearch
from webhook.audit_api.exports import Export
from webhook.audit_api.hold_objects import LegalHoldList
from webhook.audit_api.ledger_objects import LedgerList
from webhook.audit_api.objects import API_VERSION, NoticeList, Search, Session, SessionKill, SessionList

PATH: Final = f"/openapi/v3/apis/{API_VERSION}"
_KINDS: Final = (
    Session,
    SessionList,
    SessionKill,
    AuditEventList,
    NoticeList,
    Search,
    EventSearch,
    Canary,
    LedgerList,
    LegalHoldList,
    Export,
)
_NAMES: Final = frozenset(
    [
        "Session",
        "SessionList",
        "SessionKill",
        "AuditEvent",
        "AuditEventList",
        "Notice",
        "NoticeList",
        "Search",
        "EventSearch",
        "Canary",
        "Ledger",
        "LedgerList",
        "Export",
        "LegalHold",
        "LegalHoldList",
    ]
)
_PREFIX: Final = "dev.chaperone.audit.v1alpha1"
_INFO: Final = {"title": "Chaperone audit", "version": VERSION}
_BASE: Final = f"/apis/{API_VERSION}"


def v2() -> bytes:
    """Give /openapi/v2 (Swagger 2.0)."""
    document = {
        "swagger": "2.0",
        "info": _INFO,
        "paths": _paths(2),
        "definitions": _schemas("#/definitions/"),
    }
    return msgspec.json.encode(document)


def v3() -> bytes:
    """Give the group version's own document (OpenAPI 3.0)."""
    components = {"schemas": _schemas("#/components/schemas/")}
    document = {"openapi": "3.0.0", "info": _INFO, "paths": _paths(3), "components": components}
    return msgspec.json.encode(document)


def v3_index(document: bytes) -> dict[str, object]:
    """Give /openapi/v3, which leads to the document; its hash lets clients keep it."""
    digest = hashlib.sha256(document).hexdigest().upper()
    return {"paths": {f"apis/{API_VERSION}": {"serverRelativeURL": f"{PATH}?hash={digest}"}}}


def _schemas(place: str) -> dict[str, object]:
    _, components = msgspec.json.schema_components(list(_KINDS), ref_template=f"{place}{_PREFIX}.{{name}}")
    return {f"{_PREFIX}.{name}": _with_kind(name, schema) for name, schema in components.items()}


def _with_kind(name: str, schema: dict[str, object]) -> dict[str, object]:
    if name not in _NAMES:
        return schema
    return {**schema, "x-kubernetes-group-version-kind": [_kind(name)]}


def _kind(name: str) -> dict[str, str]:
    return {"group": AUDIT_GROUP, "version": AUDIT_VERSION, "kind": name}


def _paths(version: int) -> dict[str, object]:
    namespaced = f"{_BASE}/namespaces/{{namespace}}"
    return {
        f"{_BASE}/sessions": _path(version, "get", "list", "Session", "SessionList"),
        f"{namespaced}/sessions": _path(version, "get", "list", "Session", "SessionList"),
        f"{namespaced}/sessions/{{name}}": _path(version, "get", "get", "Session", "Session"),
        f"{namespaced}/sessions/{{name}}/kill": _path(version, "post", "post", "SessionKill", "SessionKill"),
        f"{_BASE}/auditevents": _path(version, "get", "list", "AuditEvent", "AuditEventList"),
        f"{namespaced}/auditevents": _path(version, "get", "list", "AuditEvent", "AuditEventList"),
        f"{namespaced}/auditevents/{{name}}": _path(version, "get", "get", "AuditEvent", "AuditEvent"),
        f"{_BASE}/notices": _path(version, "get", "list", "Notice", "NoticeList"),
        f"{namespaced}/notices": _path(version, "get", "list", "Notice", "NoticeList"),
        f"{_BASE}/ledgers": _path(version, "get", "list", "Ledger", "LedgerList"),
        f"{_BASE}/ledgers/{{name}}": _path(version, "get", "get", "Ledger", "Ledger"),
        f"{_BASE}/legalholds": {
            **_path(version, "get", "list", "LegalHold", "LegalHoldList"),
            **_path(version, "post", "post", "LegalHold", "LegalHold"),
        },
        f"{_BASE}/legalholds/{{name}}": _path(version, "get", "get", "LegalHold", "LegalHold"),
        f"{namespaced}/searches": _path(version, "post", "post", "Search", "Search"),
        f"{namespaced}/eventsearches": _path(version, "post", "post", "EventSearch", "EventSearch"),
        f"{namespaced}/canaries": _path(version, "post", "post", "Canary", "Canary"),
        f"{_BASE}/exports": _path(version, "post", "post", "Export", "Export"),
    }


def _path(version: int, method: str, action: str, kind: str, answer: str) -> dict[str, object]:
    place = "#/definitions/" if version == 2 else "#/components/schemas/"
    schema = {"$ref": f"{place}{_PREFIX}.{answer}"}
    content = {"schema": schema} if version == 2 else {"content": {"application/json": {"schema": schema}}}
    return {
        method: {
            "description": f"{action} {kind}",
            "responses": {"200": {"description": "OK", **content}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _kind(kind),
        }
    }
