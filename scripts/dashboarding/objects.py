"""Saved objects as OpenSearch Dashboards (2.x and 3.x) exports and imports them: one a line, as JSON.

What a panel searches in is a reference by id, so that nothing depends on where it is imported.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Saved = dict[str, Any]
_MIGRATIONS: Final = {
    "index-pattern": "7.6.0",
    "visualization": "7.10.0",
    "search": "7.9.3",
    "dashboard": "7.9.3",
}
"""The version of each type's form; Dashboards has changed none of them since."""
_INDEX: Final = "kibanaSavedObjectMeta.searchSourceJSON.index"
_TYPES: Final = {
    "keyword": "string",
    "wildcard": "string",
    "text": "string",
    "long": "number",
    "date": "date",
    "boolean": "boolean",
}
PREFIX: Final = "chaperone-"


def index_pattern(name: str, title: str, fields: Mapping[str, str]) -> Saved:
    """Give an index pattern; ``fields`` are the types of the mapping by name."""
    described = [_field(field, kind) for field, kind in sorted(fields.items()) if kind in _TYPES]
    attributes = {"title": title, "timeFieldName": "@timestamp", "fields": _text(described)}
    return _saved("index-pattern", f"{PREFIX}{name}", attributes, [])


def visualization(name: str, title: str, pattern: str, query: str, state: Mapping[str, object]) -> Saved:
    """Give a chart; ``state`` is its type, aggregations and parameters."""
    attributes = {
        "title": title,
        "visState": _text({"title": title, **state}),
        "uiStateJSON": "{}",
        "description": "",
        "version": 1,
        "kibanaSavedObjectMeta": _source(query),
    }
    return _saved("visualization", name, attributes, [_reference(_INDEX, "index-pattern", pattern)])


def search(name: str, title: str, pattern: str, query: str, columns: Sequence[str]) -> Saved:
    """Give a list of documents, newest first."""
    attributes = {
        "title": title,
        "description": "",
        "hits": 0,
        "columns": [*columns],
        "sort": [["@timestamp", "desc"]],
        "version": 1,
        "kibanaSavedObjectMeta": _source(query),
    }
    return _saved("search", name, attributes, [_reference(_INDEX, "index-pattern", pattern)])


def dashboard(name: str, title: str, description: str, panels: Sequence[tuple[Saved, Saved]]) -> Saved:
    """Give a dashboard of panels, each an object and where it stands (x, y, w, h)."""
    placed = [
        {
            "version": "2.19.0",
            "gridData": {**place, "i": str(number)},
            "panelIndex": str(number),
            "embeddableConfig": {},
            "panelRefName": f"panel_{number}",
        }
        for number, (_, place) in enumerate(panels)
    ]
    attributes = {
        "title": title,
        "description": description,
        "hits": 0,
        "panelsJSON": _text(placed),
        "optionsJSON": _text({"hidePanelTitles": False, "useMargins": True}),
        "version": 1,
        "timeRestore": True,
        "timeFrom": "now-30d",
        "timeTo": "now",
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _text({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
    }
    references = [
        _reference(f"panel_{number}", panel["type"], panel["id"]) for number, (panel, _) in enumerate(panels)
    ]
    return _saved("dashboard", name, attributes, references)


def _saved(kind: str, name: str, attributes: Mapping[str, object], references: Sequence[Saved]) -> Saved:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "migrationVersion": {kind: _MIGRATIONS[kind]},
    }


def _reference(name: str, kind: str, target: str) -> Saved:
    return {"name": name, "type": kind, "id": target}


def _source(query: str) -> Saved:
    source: Saved = {"query": {"query": query, "language": "kuery"}, "filter": [], "indexRefName": _INDEX}
    return {"searchSourceJSON": _text(source)}


def _field(name: str, kind: str) -> Saved:
    counted = kind != "text"
    return {
        "count": 0,
        "name": name,
        "type": _TYPES[kind],
        "esTypes": [kind],
        "scripted": False,
        "searchable": True,
        "aggregatable": counted,
        "readFromDocValues": counted and kind != "wildcard",
    }


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
