"""What the API tells clients and the API server's aggregator about itself.

Sources: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api and KEP-3352
(aggregated discovery).
"""

from typing import Final

from sidecar.contract.names import AUDIT_GROUP, AUDIT_VERSION
from webhook.audit_api.objects import API_VERSION

AGGREGATED_CONTENT_TYPES: Final = {
    version: f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
}
_READ_VERBS: Final = ["get", "list", "watch"]
_HOLD_VERBS: Final = ["create", "get", "list"]
_LEDGER_PARTS: Final = (
    ("ledgers/checkpoint", ["create", "get"]),
    ("ledgers/entries", ["get"]),
    ("ledgers/proof", ["get"]),
)


def groups() -> dict[str, object]:
    """Give /apis (APIGroupList)."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]}


def group() -> dict[str, object]:
    """Give /apis/GROUP (APIGroup)."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group()}


def _group() -> dict[str, object]:
    version = {"groupVersion": API_VERSION, "version": AUDIT_VERSION}
    return {"name": AUDIT_GROUP, "versions": [version], "preferredVersion": version}


def resources() -> dict[str, object]:
    """Give /apis/GROUP/VERSION (APIResourceList)."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": API_VERSION,
        "resources": [
            {**_resource("sessions", "Session", _READ_VERBS), "singularName": "session"},
            _resource("sessions/cast", "Session", ["get"]),
            _resource("sessions/events", "Session", ["get"]),
            _resource("sessions/kill", "SessionKill", ["create"]),
            {**_resource("auditevents", "AuditEvent", _READ_VERBS), "singularName": "auditevent"},
            {**_resource("notices", "Notice", ["list"]), "singularName": "notice"},
            {**_resource("searches", "Search", ["create"]), "singularName": "search"},
            {**_resource("eventsearches", "EventSearch", ["create"]), "singularName": "eventsearch"},
            {**_resource("canaries", "Canary", ["create"]), "singularName": "canary"},
            {
                **_resource("ledgers", "Ledger", ["get", "list"]),
                "singularName": "ledger",
                "namespaced": False,
            },
            *({**_resource(name, "Ledger", verbs), "namespaced": False} for name, verbs in _LEDGER_PARTS),
            {
                **_resource("exports", "Export", ["create"]),
                "singularName": "export",
                "namespaced": False,
            },
            {
                **_resource("legalholds", "LegalHold", _HOLD_VERBS),
                "singularName": "legalhold",
                "namespaced": False,
            },
            {**_resource("legalholds/release", "LegalHold", ["create"]), "namespaced": False},
        ],
    }


def _resource(name: str, kind: str, verbs: list[str]) -> dict[str, object]:
    return {"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs}


def aggregated(version: str) -> dict[str, object]:
    """Give /apis as one document (APIGroupDiscoveryList of apidiscovery.k8s.io/``version``)."""
    served = {
        "version": AUDIT_VERSION,
        "freshness": "Current",
        "resources": [
            {
                **_discovered("sessions", "session", "Session", _READ_VERBS),
                "subresources": [
                    *(_subresource(name) for name in ("cast", "events")),
                    {**_subresource("kill", "SessionKill"), "verbs": ["create"]},
                ],
            },
            _discovered("auditevents", "auditevent", "AuditEvent", _READ_VERBS),
            _discovered("notices", "notice", "Notice", ["list"]),
            _discovered("searches", "search", "Search", ["create"]),
            _discovered("eventsearches", "eventsearch", "EventSearch", ["create"]),
            _discovered("canaries", "canary", "Canary", ["create"]),
            {
                **_discovered("ledgers", "ledger", "Ledger", ["get", "list"]),
                "scope": "Cluster",
                "subresources": [
                    {**_subresource(name.partition("/")[2], "Ledger"), "verbs": verbs}
                    for name, verbs in _LEDGER_PARTS
                ],
            },
            {**_discovered("exports", "export", "Export", ["create"]), "scope": "Cluster"},
            {
                **_discovered("legalholds", "legalhold", "LegalHold", _HOLD_VERBS),
                "scope": "Cluster",
                "subresources": [{**_subresource("release", "LegalHold"), "verbs": ["create"]}],
            },
        ],
    }
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [{"metadata": {"name": AUDIT_GROUP, "creationTimestamp": None}, "versions": [served]}],
    }


def _discovered(plural: str, singular: str, kind: str, verbs: list[str]) -> dict[str, object]:
    return {
        "resource": plural,
        "responseKind": _kind(kind),
        "scope": "Namespaced",
        "singularResource": singular,
        "verbs": verbs,
    }


def _subresource(name: str, kind: str = "Session") -> dict[str, object]:
    return {"subresource": name, "responseKind": _kind(kind), "verbs": ["get"]}


def _kind(kind: str) -> dict[str, str]:
    return {"group": AUDIT_GROUP, "version": AUDIT_VERSION, "kind": kind}
